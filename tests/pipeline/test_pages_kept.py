"""Pages go after the records that point to them; neither goes by a clock that may be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.output.conftest import DAY_MS, START, make_segments
from tests.output.test_output_archive import added, made, opened
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans
from worker.model import Millis
from worker.output import Archive, Keeping, OutputDirectory, page_at, verify
from worker.pipeline import Publisher
from worker.store import Store

NOW = Millis(START + 30 * DAY_MS)


@asynccontextmanager
async def keeping_a_day(folder: Path, archive: Archive) -> AsyncIterator[tuple[Publisher, Store]]:
    """Of three days' records."""
    directory = OutputDirectory.open(folder / "out", schema=b"{}")
    for segment in make_segments(3, a_day=1):
        directory.publish(segment)
    async with Store(
        folder / "state.db",
        policies=lambda _: NO_PATIENCE,
        planner=Plans(),
        window_ms=WINDOW_MS,
        keep_ms=KEEP_MS,
        wall=lambda: NOW,
    ) as store:
        keeping = Keeping(merge=False, pack=False, grace_ms=0, keep_ms=DAY_MS)
        yield (
            Publisher(
                store=store, directory=directory, archive=archive, seal_after_ms=0, seal_records=1, keeping=keeping
            ),
            store,
        )


async def test_pages_go_once_their_records_are_gone(tmp_path: Path) -> None:
    """Not before: a crash between the two would leave records that point to nothing."""
    out = tmp_path / "out"
    archive = opened(out)
    raw = added(archive, made(1))
    async with keeping_a_day(tmp_path, archive) as (publisher, _):
        steps = await publisher.untidy(now=NOW)
        assert page_at(out, raw) is not None
        for step in steps:
            await publisher.tidy(step, now=NOW)
        assert await publisher.untidy(now=NOW) == []
        assert page_at(out, raw) is None
    assert verify(out).is_sound


async def test_nothing_goes_by_a_clock_that_was_just_set_far_forward(tmp_path: Path) -> None:
    """It may be wrong, and what it removes is gone, read or not. A week later it is believed."""
    archive = opened(tmp_path / "out")
    raw = added(archive, made(1))
    async with keeping_a_day(tmp_path, archive) as (publisher, store):
        await store.shift(29 * DAY_MS)
        assert await publisher.untidy(now=NOW) == []
        assert page_at(tmp_path / "out", raw) is not None
        assert len(await publisher.untidy(now=Millis(NOW + 7 * DAY_MS))) == 2
