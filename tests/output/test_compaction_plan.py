from __future__ import annotations

from dataclasses import replace

import pytest

from worker.model import DAY_MS, Millis
from worker.output import Delete, Drop, Keeping, Merge, Step
from worker.output.manifest.inventory import Inventory, Standing
from worker.output.manifest.manifest import FileLine, ManifestLine, RemoveLine
from worker.output.segment import merged_path
from worker.output.writing.compaction import deletes, plan

HOUR_MS = 3_600_000
MIDNIGHT = Millis(1_795_392_000_000)  # 2026-11-23T00:00:00Z
KEEPING = Keeping(merge=True, pack=False, grace_ms=HOUR_MS, keep_ms=None)
PACKING = replace(KEEPING, pack=True)


def segment(day: int, first: int, last: int, writer: str = "w1") -> FileLine:
    return FileLine(
        path=f"records/date=2026-11-{day}/202611{day}T00{first:02d}00Z-{writer}-{first:012d}.jsonl",
        records=last - first + 1,
        bytes=100,
        sha256="",
        first_seq=first,
        last_seq=last,
        writer=writer,
        schema=1,
        sealed_at="",
        prev="",
    )


def merged(*sources: FileLine, pack: bool = False, at: str = "2026-11-24T12:00:00Z") -> FileLine:
    first, last = sources[0], sources[-1]
    path = merged_path(first.path, last.last_seq, pack=pack)
    drops = tuple(source.path for source in sources)
    return replace(first, kind="replace", path=path, last_seq=last.last_seq, sealed_at=at, drops=drops)


def removed(*lines: FileLine) -> RemoveLine:
    return RemoveLine(drops=tuple(line.path for line in lines), removed_at="", prev="")


A, B, C = segment(23, 1, 3), segment(23, 4, 6), segment(23, 7, 9)
OTHER, ANOTHER = segment(23, 1, 5, "w2"), segment(23, 6, 7, "w2")
NEXT = segment(24, 10, 12)
AB = merged(A, B)
NOON = Millis(MIDNIGHT + DAY_MS + 12 * HOUR_MS)


def planned(
    *lines: ManifestLine,
    there: tuple[str, ...] = (),
    newest: str = "2026-11-24",
    now: int = NOON,
    keeping: Keeping = KEEPING,
) -> list[Step]:
    inventory, standing = Inventory(), Standing()
    for line in lines:
        inventory.add(line)
        standing.add(line)
    steps = plan(inventory, newest=newest, now=Millis(now), keeping=keeping)
    assert _without_drops(steps) == plan(standing, newest=newest, now=Millis(now), keeping=keeping)
    return [*deletes(there, inventory), *steps]


def _without_drops(steps: list[Step]) -> list[Step]:
    """As they are planned where what is not needed any more is forgotten."""
    return [
        replace(step, sources=tuple(replace(source, drops=()) for source in step.sources))
        if isinstance(step, Merge)
        else step
        for step in steps
    ]


def to_merge(*sources: FileLine, pack: bool = False) -> Merge:
    return Merge(sources=sources, path=merged_path(sources[0].path, sources[-1].last_seq, pack=pack))


@pytest.mark.parametrize(
    ("lines", "keeping", "steps"),
    [
        pytest.param([A, B, C, NEXT], KEEPING, [to_merge(A, B, C)], id="a closed day's files become one"),
        pytest.param([A, NEXT], KEEPING, [], id="one file is one"),
        pytest.param([A, NEXT], PACKING, [to_merge(A, pack=True)], id="but it can be packed"),
        pytest.param(
            [A, OTHER, B, ANOTHER, NEXT], KEEPING, [to_merge(A, B), to_merge(OTHER, ANOTHER)], id="each writer's"
        ),
        pytest.param([A, B, NEXT], replace(KEEPING, merge=False), [], id="not wanted"),
        pytest.param([A, B, AB, NEXT], KEEPING, [], id="done"),
        pytest.param([A, B, AB, NEXT], PACKING, [to_merge(AB, pack=True)], id="done, and to be packed since"),
        pytest.param([A, B, merged(A, B, pack=True), NEXT], KEEPING, [], id="what is packed stays so"),
        pytest.param([A, B, NEXT, AB, removed(A, B)], KEEPING, [], id="done and tidied"),
        pytest.param(
            [A, B, NEXT, removed(A)], PACKING, [to_merge(B, pack=True)], id="what is removed is not looked at"
        ),
        pytest.param([], PACKING, [], id="nothing at all"),
    ],
)
def test_what_is_merged(lines: list[ManifestLine], keeping: Keeping, steps: list[Step]) -> None:
    """Those of one writer and closed day that are to be read, in the order of their numbers."""
    assert planned(*lines, keeping=keeping) == steps


@pytest.mark.parametrize(
    "now", [MIDNIGHT, MIDNIGHT + DAY_MS, MIDNIGHT + 900 * DAY_MS], ids=["before", "in", "long after"]
)
def test_the_manifest_says_that_a_day_is_closed(now: int) -> None:
    """Not the clock: records may still come that were ingested before midnight, and a clock may jump."""
    assert planned(A, B, newest="2026-11-23", now=now, keeping=replace(PACKING, keep_ms=DAY_MS)) == []
    assert planned(A, B, newest="2026-11-24", now=now) == [to_merge(A, B)]


def test_what_was_replaced_goes_after_the_grace() -> None:
    """Counted from the line that replaced it; the file that replaced it stays."""
    lines = (A, B, NEXT, AB)
    assert planned(*lines, now=NOON + HOUR_MS - 1000) == []
    assert planned(*lines, now=NOON + HOUR_MS) == [Drop(paths=(A.path, B.path), expired=False)]
    assert planned(*lines, now=NOON, keeping=replace(KEEPING, grace_ms=0)) == [
        Drop(paths=(A.path, B.path), expired=False)
    ]


def test_what_was_replaced_goes_even_if_merging_was_turned_off() -> None:
    """What was begun is ended."""
    keeping = replace(KEEPING, merge=False)
    assert planned(A, B, NEXT, AB, now=NOON + HOUR_MS, keeping=keeping) == [Drop(paths=(A.path, B.path), expired=False)]


def test_days_go_when_they_are_old() -> None:
    """From the end of the day on, all files of it at once: those that were replaced, too; newer days stay."""
    keeping = replace(KEEPING, keep_ms=30 * DAY_MS, remember_ms=10 * DAY_MS)
    lines = (A, B, OTHER, AB, NEXT, segment(25, 13, 15))
    old = MIDNIGHT + 31 * DAY_MS
    paths = (A.path, B.path, OTHER.path, AB.path)
    everything = Drop(paths=paths, expired=True, remembered_from="2026-11-14")
    assert planned(*lines, newest="2026-11-25", now=old, keeping=keeping) == [everything]
    assert everything not in planned(*lines, newest="2026-11-25", now=old - 1, keeping=keeping)


def test_what_a_crash_left_is_deleted_first() -> None:
    """Files that a line removed, and merged ones that no line names; a segment without a line is the outbox's.

    Said apart are those whose records went with them."""
    unnamed = segment(24, 13, 15).path
    there = (A.path, B.path, AB.path, NEXT.path, unnamed, "records/notes.txt")
    assert planned(A, B, NEXT, there=there) == [Delete(paths=(AB.path,), expired=False), to_merge(A, B)]
    assert planned(A, B, NEXT, AB, removed(A, B), there=there) == [Delete(paths=(A.path, B.path), expired=False)]
    assert planned(A, B, NEXT, AB, there=there) == []
    assert planned(A, B, C, NEXT, AB, removed(A, B), removed(AB, C), there=there) == [
        Delete(paths=(A.path, B.path, AB.path), expired=True)
    ]
