"""demo."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from shlex import quote
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.syntax import Syntax

from worker import log
from worker.cli.printing import console, print_line
from worker.cli.progress import display
from worker.cli.running import stop_on_signal
from worker.demo.folder import prepare
from worker.demo.run import Demo, Round, run
from worker.record import Record
from worker.telemetry.meters import Meters
from worker.words import counted

TITLES = {
    1: "First poll: everything is new.",
    2: "Second poll, after one article was corrected: conditional requests.",
}


def demo(out: Annotated[Path, typer.Option("--out", help="The folder to write records to.")] = Path("out")) -> None:
    """Runs the whole job on a small web that ships with feedmill: no network, no server, half a minute.

    Polls thirteen feeds in five formats, fetches and extracts some fifty articles in seven languages, writes them as
    records, and polls again. Replaces what an earlier demo wrote, and nothing else.

    Example: feedmill demo --out /tmp/records
    """
    log.configure(level="error", form="console")
    prepare(out)
    console.print(f"[bold]feedmill demo[/] writes to [bold]{escape(str(out.resolve()))}[/]", soft_wrap=True)
    done = asyncio.run(_run(out))
    if done is None:
        print_line("Stopped before the end.")
        raise typer.Exit(1)
    _report(done, out)


async def _run(out: Path) -> Demo | None:
    with stop_on_signal() as stop:
        return await run(out, watch=_watch, stop=stop)


@asynccontextmanager
async def _watch(number: int, feeds: int) -> AsyncIterator[Callable[[Meters], None]]:
    console.print(f"\n[bold]{TITLES[number]}[/]")
    async with display() as shown:
        yield lambda meters: shown.follow(feeds, meters)


def _report(demo: Demo, out: Path) -> None:
    first, second = demo.rounds
    console.print()
    print_line(_first(first))
    for feed_id, error in first.failed.items():
        print_line(f"The dead one, {feed_id}, is meant to be: {error}.")
    print_line(_second(second))
    console.print(
        f"{counted(demo.records, 'record')} in all, "
        + ("and no (id, revision) twice." if demo.repeats == 0 else f"[red]{demo.repeats} of them twice![/]")
    )
    console.print("\n[bold]One of them:[/]")
    if console.is_terminal:
        console.print(Syntax(_pretty(demo.shown), "json", background_color="default", word_wrap=True))
    else:
        print_line(_pretty(demo.shown))
    segment, feedmill = next(iter(sorted(out.glob("records/*/*.jsonl"))), out), myself()
    console.print("\n[bold]What to type next:[/]")
    for command in (
        f"jq -r '[.language, .title] | @tsv' {quote(str(out))}/records/*/*.jsonl",
        f"head -1 {quote(str(segment))}",
        f"{feedmill} init && {feedmill} check && {feedmill} once",
    ):
        print_line(f"  {command}")


def myself() -> str:
    """What to type to run this very program, which need not be on the PATH."""
    own = Path(sys.argv[0])
    if own.name != "feedmill":
        return f"{quote(sys.executable)} -m worker.cli"
    found = shutil.which("feedmill")
    return "feedmill" if found is not None and Path(found).samefile(own) else quote(str(own))


def _first(done: Round) -> str:
    tally = done.tally
    return (
        f"First poll:  {counted(tally.polls, 'feed')} ({tally.failed_polls} dead), "
        f"{counted(tally.new, 'article')} written ({tally.incomplete} from the feed alone), "
        f"{counted(tally.duplicates, 'duplicate')} kept out."
    )


def _second(done: Round) -> str:
    tally = done.tally
    return (
        f"Second poll: {counted(done.answers.get(304, 0), 'feed')} answered 304 Not Modified, "
        f"{counted(tally.updates, 'correction')} written as update, {tally.new} written again."
    )


def _pretty(record: Record) -> str:
    """The record, indented for reading, with its text cut short."""
    text = record["content_text"]
    short = dict(record) | {"content_text": text if len(text) < 400 else text[:400] + " …"}
    return orjson.dumps(short, option=orjson.OPT_INDENT_2).decode()
