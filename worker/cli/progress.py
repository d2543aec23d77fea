"""The progress display of a run on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from worker.cli.printing import console
from worker.engine import running
from worker.telemetry.meters import Meters
from worker.words import counted


class Display:
    """A bar for feeds polled, a bar for articles ingested, and other counts."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._feeds = progress.add_task("feeds", total=None, note="")
        self._articles = progress.add_task("articles", total=None, note="")
        self._meters: Meters | None = None

    def follow(self, feeds: int | None, meters: Meters) -> None:
        """Starts showing what `meters` count. feeds: how many will be polled, if known."""
        self._meters = meters
        self._progress.update(self._feeds, total=feeds)

    def refresh(self) -> None:
        if self._meters is None:
            return
        tally = self._meters.tally
        self._progress.update(
            self._feeds, completed=tally.polls, note=f"{tally.unchanged} unchanged, {tally.failed_polls} failed"
        )
        notes = [
            counted(tally.duplicates, "duplicate"),
            counted(tally.updates, "update"),
            f"{tally.incomplete} from the feed alone",
        ]
        if tally.broken:
            notes.append(counted(tally.broken, "error"))
        self._progress.update(
            self._articles,
            completed=tally.ingested,
            total=max(tally.entries, tally.ingested) or None,
            note=", ".join(notes),
        )

    def finish(self) -> None:
        """Updates the display for the last time: entries that turned out to be duplicates are no longer expected."""
        self.refresh()
        if self._meters is not None:
            tally = self._meters.tally
            self._progress.update(self._feeds, total=tally.polls)
            self._progress.update(self._articles, total=tally.ingested)


@asynccontextmanager
async def display() -> AsyncIterator[Display]:
    """A display that is redrawn ten times a second while the context is open."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:9}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        shown = Display(progress)

        async def redraw() -> None:
            while True:
                shown.refresh()
                await asyncio.sleep(0.1)

        try:
            async with running(redraw()):
                yield shown
        finally:
            shown.finish()
