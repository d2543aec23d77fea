"""The outbox: records numbered into segments, and forgotten when those are published."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.conftest import OpenRun
from tests.store.samples import DAY, HOUR, KEEP_MS, NO_PATIENCE, START, Plans, Run, make_draft, make_entry
from worker.model import Millis
from worker.store import OutboxSegment, Store
from worker.store.published import publications
from worker.store.published.outbox import SEGMENT_BYTES

pytestmark = pytest.mark.both("slow")

MIDNIGHT = Millis(1_795_478_400_000)  # 2026-11-24T00:00:00Z


async def write(run: Run, *times: int) -> None:
    """A record at each of the times, each the text of its number."""
    names = [f"at-{run.now}-{number}" for number in range(len(times))]
    await run.start("a", poll_all=True)
    await run.poll("a", *map(make_entry, names))
    works = [(await run.ingest_of(name)) for name in names]
    for name, work, at in zip(names, works, times, strict=True):
        run.now = Millis(at)
        await run.finish(run.ingested(work, make_draft(name)))


async def mark(run: Run, segment: OutboxSegment) -> None:
    await run.store.mark(segment.id, path=f"records/{segment.id}.jsonl", sha256="0" * 64)


async def numbered(run: Run, *, limit: int = 1_000) -> OutboxSegment:
    segment = await run.store.number(now=run.now, limit=limit)
    assert segment is not None
    return segment


async def test_records_are_numbered_without_gaps(run: Run) -> None:
    """Segments hold at most so many records as asked for, in the order of their commits, counted from 1."""
    await write(run, *range(START, START + 5))
    seqs = []
    for size in (2, 2, 1):
        segment = await numbered(run, limit=2)
        assert len(segment.rows) == size
        seqs += [row.seq for row in segment.rows]
        await mark(run, segment)
    assert seqs == [1, 2, 3, 4, 5]
    assert await run.store.number(now=run.now, limit=2) is None


async def test_a_segment_is_begun_no_earlier_than_its_records_are_written(run: Run) -> None:
    """Though the clock was read before its turn in the state came, and a commit had that first: `why` looks for a
    record's file among those begun after its commit."""
    await write(run, START + 5)
    segment = await run.store.number(now=START, limit=1_000)
    assert segment is not None
    assert segment.created_at == START + 5


async def test_a_segment_has_a_bounded_size(run: Run) -> None:
    """Large records make short segments; one that is larger than a segment may be makes one by itself."""
    await run.start("a")
    tenths = (4, 4, 4, 11, 1, 4)
    await run.poll("a", *(make_entry(f"{number}") for number in range(len(tenths))))
    for number, size in enumerate(tenths):
        draft = make_draft(f"{number}", body=bytes(size * SEGMENT_BYTES // 10))
        await run.finish(run.ingested(await run.ingest_of(f"{number}"), draft))
    lengths = []
    while (segment := await run.store.number(now=run.now, limit=1_000)) is not None:
        lengths.append(len(segment.rows))
        await mark(run, segment)
    assert lengths == [2, 1, 1, 2]


async def test_numbers_go_on_across_restarts(open_run: OpenRun) -> None:
    """A state numbers its records under one name for ever, each higher than all before, published or not."""
    writers, seqs = set(), []
    for start in range(3):
        async with open_run(now=Millis(START + start * HOUR)) as run:
            await write(run, run.now, run.now)
            segment = await numbered(run)
            writers.add(segment.writer)
            seqs += [row.seq for row in segment.rows]
            await mark(run, segment)
    assert seqs == [1, 2, 3, 4, 5, 6]
    assert len(writers) == 1


async def test_another_state_numbers_under_another_name(run: Run, tmp_path: Path) -> None:
    """A state begun anew beside an old output directory does not count over its numbers."""
    await write(run, START)
    async with Store(
        tmp_path / "other.db", policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=1, keep_ms=KEEP_MS
    ) as store:
        other = Run(store, Plans())
        await write(other, START)
        ours, theirs = await numbered(run), await numbered(other)
    assert (ours.rows[0].seq, theirs.rows[0].seq) == (1, 1)
    assert ours.writer != theirs.writer


async def test_a_segment_is_of_one_day(run: Run) -> None:
    """A segment holds records of one UTC day of ingestion and is named by it."""
    await write(run, MIDNIGHT - 2, MIDNIGHT - 1, MIDNIGHT, MIDNIGHT + DAY)
    found = []
    while (segment := await run.store.number(now=run.now, limit=100)) is not None:
        found.append((segment.date, [row.ingested_at for row in segment.rows]))
        await mark(run, segment)
    assert found == [
        ("2026-11-23", [MIDNIGHT - 2, MIDNIGHT - 1]),
        ("2026-11-24", [MIDNIGHT]),
        ("2026-11-25", [MIDNIGHT + DAY]),
    ]


async def test_days_never_go_back(run: Run) -> None:
    """Records of a clock that was set back over midnight go under the later day: manifests are a chain of days."""
    await write(run, MIDNIGHT)
    await mark(run, await numbered(run))
    run.later(HOUR)
    await write(run, MIDNIGHT - HOUR, MIDNIGHT - HOUR + 1)
    segment = await numbered(run)
    assert (segment.date, len(segment.rows)) == ("2026-11-24", 2)


async def test_the_order_of_commits_stands_over_a_clock_set_back(run: Run) -> None:
    """No record is numbered before one that was committed earlier, though the clock said an earlier day for it: an
    update would precede what it updates."""
    times = [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT - 2, MIDNIGHT + 1]
    await write(run, *times)
    assert [row.ingested_at for row in await run.publish()] == times


async def test_a_segment_that_was_not_marked_comes_again(open_run: OpenRun) -> None:
    """A publication that a crash cut off is repeated identically, whatever has been written since."""
    async with open_run() as run:
        await write(run, START, START)
        first = await numbered(run)
    async with open_run(now=Millis(START + HOUR)) as run:
        await write(run, run.now)
        assert await numbered(run, limit=1) == first
        await mark(run, first)
        second = await numbered(run)
        assert [row.seq for row in second.rows] == [3]
        assert second.created_at == run.now


async def test_a_marked_segment_is_gone(run: Run) -> None:
    """What is published is forgotten by the outbox, and marking it again does no harm."""
    await write(run, START, START + 1)
    segment = await numbered(run, limit=1)
    await mark(run, segment)
    await mark(run, segment)
    assert await run.store.waiting() == (1, START + 1)
    assert [row.seq for row in (await numbered(run)).rows] == [2]


async def test_waiting_counts_what_is_not_published(run: Run) -> None:
    """Records wait from their commit until their segment is marked, since the oldest of them."""
    assert await run.store.waiting() == (0, None)
    await write(run, START, START + 1, START + 2)
    assert await run.store.waiting() == (3, START)
    segment = await numbered(run, limit=2)
    assert await run.store.waiting() == (3, START), "a segment may yet fail to be written"
    await mark(run, segment)
    assert await run.store.waiting() == (1, START + 2)


async def test_an_empty_outbox_has_no_segment(run: Run) -> None:
    """Where nothing was written there is nothing to publish, and no number is used up."""
    assert await run.store.number(now=START, limit=10) is None
    await write(run, START)
    assert [row.seq for row in (await numbered(run)).rows] == [1]


async def test_segments_of_long_ago_are_forgotten(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the state does not grow with them; the last ones, and what is not published, stay."""
    monkeypatch.setattr(publications, "REMEMBERED", 2)
    await write(run, *range(START, START + 5))
    for _ in range(4):
        await mark(run, await numbered(run, limit=1))
    left = await numbered(run, limit=1)
    await run.store.upkeep(now=run.now)
    for seq, expected in ((3, "unknown"), (4, "same")):
        assert (await run.store.publications((left.writer, seq))).theirs == expected
    assert await numbered(run, limit=1) == left
