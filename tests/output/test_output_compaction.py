from __future__ import annotations

import itertools
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.output.conftest import DAY_MS, NOW, compact
from worker.errors import OutputError
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, Segment, cursor, read_records, verify
from worker.output.disk import packing

Reopen = Callable[[], OutputDirectory]
Segments = Callable[..., list[Segment]]

AT_ONCE = Keeping(merge=True, pack=False, grace_ms=0, keep_ms=None)


def numbers(out: Path, since: str | None = None) -> list[tuple[str, int]]:
    return [(r["_ingest"]["writer"], r["_ingest"]["seq"]) for r in read_records(out, since)]


def names(out: Path) -> list[str]:
    return sorted(path.relative_to(out / "records").as_posix() for path in out.glob("records/*/*"))


@pytest.fixture
def two_writers(out: Path, reopen: Reopen, segments: Segments) -> list[tuple[str, int]]:
    """Four files a day of each of two writers, in turn, over three days; the records in their order."""
    directory = reopen()
    for pair in zip(segments(12), segments(12, writer="w2", records=2), strict=True):
        for segment in pair:
            directory.publish(segment)
    return numbers(out)


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
def test_closed_days_become_a_file_for_each_writer(
    out: Path, reopen: Reopen, two_writers: list[tuple[str, int]], pack: bool
) -> None:
    """In the order of their numbers; the newest day stays, and whoever reads sees what was there before."""
    before = {path.name: path.read_bytes() for path in sorted(out.glob("records/*/*"))}
    list(compact(reopen(), pack=pack))
    suffix = ".jsonl.zst" if pack else ".jsonl"
    assert names(out)[:4] == [
        f"date=2026-11-23/20261123T040506Z-w1-000000000001_000000000012{suffix}",
        f"date=2026-11-23/20261123T040506Z-w2-000000000001_000000000008{suffix}",
        f"date=2026-11-24/20261124T040506Z-w1-000000000013_000000000024{suffix}",
        f"date=2026-11-24/20261124T040506Z-w2-000000000009_000000000016{suffix}",
    ]
    assert len(names(out)) == 4 + 8
    if not pack:
        merged = (out / "records" / names(out)[0]).read_bytes()
        assert merged == b"".join(data for name, data in before.items() if name.startswith("20261123") and "w1" in name)
    assert numbers(out) == two_writers
    assert verify(out).findings == ()
    assert verify(out).records == 60


def test_replacing_and_removing_are_lines(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Pinned: they are a contract with readers, as those of segments are."""
    directory = reopen()
    for segment in segments(3, a_day=2):
        directory.publish(segment)
    list(compact(directory))
    replacing, removing = (out / "manifest/2026-11-24.jsonl").read_text().splitlines()[1:]
    sources = '"records/date=2026-11-23/20261123T040506Z-w1-000000000001.jsonl",'
    sources += '"records/date=2026-11-23/20261123T040606Z-w1-000000000004.jsonl"'
    path = '"records/date=2026-11-23/20261123T040506Z-w1-000000000001_000000000006.jsonl"'
    assert replacing.startswith(f'{{"kind":"replace","path":{path},"records":6,"bytes":')
    assert (
        f'"first_seq":1,"last_seq":6,"writer":"w1","schema":1,"sealed_at":"2026-12-03T04:05:06Z","drops":[{sources}],"forgotten":[],"prev":"'
        in replacing
    )
    assert removing.startswith(f'{{"kind":"remove","drops":[{sources}],"removed_at":"2026-12-03T04:05:06Z","prev":"')


def test_the_files_stay_for_the_grace(out: Path, reopen: Reopen, segments: Segments) -> None:
    """They are both there meanwhile; once it is over the old ones go."""
    directory = reopen()
    for segment in segments(5):
        directory.publish(segment)
    list(compact(directory, grace_ms=3_600_000))
    assert len(names(out)) == 4 + 1 + 1
    assert (verify(out).findings, verify(out).records) == ((), 15)
    list(compact(directory, now=NOW + 3_599_000, grace_ms=3_600_000))
    assert len(names(out)) == 4 + 1 + 1
    list(compact(directory, now=NOW + 3_600_000, grace_ms=3_600_000))
    assert len(names(out)) == 1 + 1
    assert (verify(out).findings, verify(out).records) == ((), 15)


def test_a_second_time_there_is_nothing_to_do(out: Path, reopen: Reopen, two_writers: list[tuple[str, int]]) -> None:
    """Repeating it changes no byte."""
    list(compact(reopen()))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert list(compact(reopen())) == []
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
def test_cursors_outlive_it(out: Path, reopen: Reopen, two_writers: list[tuple[str, int]], pack: bool) -> None:
    """From that of each record, taken before, what comes after it is read; also when days were packed later on."""
    cursors = [cursor(record) for record in read_records(out)]
    list(compact(reopen()))
    for then in (False, pack):
        list(compact(reopen(), pack=then))
        for index, since in enumerate(cursors):
            assert numbers(out, since) == two_writers[index + 1 :]
    assert [cursor(record) for record in read_records(out)] == cursors


def test_readers_in_flight_notice_nothing(out: Path, reopen: Reopen, two_writers: list[tuple[str, int]]) -> None:
    """Wherever a reader is, between two steps or in the middle of a file, it goes on with the next record."""
    directory = reopen()
    readers = [read_records(out) for _ in two_writers]
    seen = [[r["_ingest"]["seq"] for r in itertools.islice(reader, index)] for index, reader in enumerate(readers)]
    for step in itertools.chain(compact(directory), compact(directory, pack=True), [None]):
        for index, reader in enumerate(readers):
            if step is None or index % 2:
                seen[index] += [r["_ingest"]["seq"] for r in itertools.islice(reader, 60 if step is None else 1)]
    assert all(numbers == [seq for _, seq in two_writers] for numbers in seen)


def test_old_days_are_removed(out: Path, reopen: Reopen, two_writers: list[tuple[str, int]]) -> None:
    """With their folders, compacted or not; readers go on with what is left, from cursors that went with them too."""
    first = cursor(next(read_records(out)))
    reader = read_records(out)
    next(reader)
    directory = reopen()
    list(compact(directory))
    list(compact(directory, keep_ms=9 * DAY_MS))
    left = [number for number in two_writers if number[1] > (12 if number[0] == "w1" else 8)]
    assert [path.name for path in sorted(out.glob("records/*"))] == ["date=2026-11-24", "date=2026-11-25"]
    assert numbers(out) == numbers(out, first) == left
    assert len(list(reader)) == len(left) + 2  # what it had open it could read to the end
    assert (verify(out).findings, verify(out).records) == ((), len(left))


def test_what_was_compacted_does_not_come_back(out: Path, reopen: Reopen, segments: Segments) -> None:
    """A segment that a crash left unmarked is published again, days later: its file is not."""
    made = segments(5)
    for segment in made:
        reopen().publish(segment)
    list(compact(reopen()))
    before = names(out)
    for segment in made:
        reopen().publish(segment)
    assert names(out) == before
    assert verify(out).is_sound


def test_publishing_goes_on_between_the_steps(out: Path, reopen: Reopen, segments: Segments) -> None:
    """The steps stay what they are, for they are about closed days."""
    made = segments(16)
    directory = reopen()
    for segment in made[:9]:
        directory.publish(segment)
    rest = iter(made[9:])
    for _ in compact(directory):
        for segment in itertools.islice(rest, 2):
            directory.publish(segment)
    assert numbers(out) == [("w1", seq) for seq in range(1, 49)]
    assert verify(out).is_sound


@pytest.mark.parametrize("pack", [False, True], ids=["plain", "packed"])
def test_damage_is_not_compacted(out: Path, reopen: Reopen, segments: Segments, pack: bool) -> None:
    """A file that is not what the manifest says keeps its day as it is, and leaves nothing half done."""
    made = segments(9)
    directory = reopen()
    for segment in made:
        directory.publish(segment)
    damaged = out / made[1].path
    damaged.write_bytes(damaged.read_bytes().replace(b"xx", b"yy"))
    before = names(out)
    first, second = directory.due(Keeping(merge=True, pack=pack, grace_ms=0, keep_ms=None), now=NOW)
    with pytest.raises(OutputError, match=r"000000000004\.jsonl is damaged, so its day is left as it is"):
        directory.carry_out(first, now=NOW)
    assert names(out) == before
    assert list((out / ".staging").iterdir()) == []
    directory.carry_out(second, now=NOW)
    assert len(names(out)) == len(before) + 1


def test_a_packed_file_that_is_damaged_is_named(out: Path, reopen: Reopen, two_writers: list[tuple[str, int]]) -> None:
    """By readers and by verify, whether bits are turned in it or its end is missing."""
    list(compact(reopen(), pack=True))
    path = out / "records" / names(out)[0]
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:20] + bytes([whole[20] ^ 255]) + whole[21:]):
        path.write_bytes(damaged)
        with pytest.raises(OutputError, match=path.name):
            list(read_records(out))
        assert any(path.name in str(finding) for finding in verify(out).findings)


def test_verify_compares_with_what_was_replaced(out: Path, reopen: Reopen, segments: Segments) -> None:
    """A merged file whose hash the manifest gives rightly, but which holds other records than the files it replaced."""
    directory = reopen()
    for segment in segments(5):
        directory.publish(segment)
    source = out / segments(1)[0].path
    honest = source.read_bytes()
    (step,) = directory.due(AT_ONCE, now=NOW)
    source.write_bytes(honest.replace(b"xx", b"yy"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "worker.output.writing.directory.merged",
            lambda root, sources: ((root / s.path).read_bytes() for s in sources),
        )
        directory.carry_out(step, now=NOW)
    source.write_bytes(honest)
    (finding,) = verify(out).findings
    assert "its records are not those of records/date=2026-11-23/20261123T040506Z-w1-000000000001.jsonl" in str(finding)


def test_what_past_days_of_the_manifest_said_is_not_read_again(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Nor remembered, if it is over: a year has half a million segments, and the running worker looks every hour."""
    made = segments(40)
    directory = reopen()
    for count, segment in enumerate(made):
        directory.publish(segment)
        if count == 30:
            list(compact(directory, pack=True))
            first = min((out / "manifest").iterdir())
            first.write_bytes(b"{}\n")
    list(compact(directory, pack=True))
    there = [path.relative_to(out).as_posix() for path in (out / "records").glob("*/*")]
    assert len(there) == 9 + 4
    assert sorted(directory._standing()[0].files) == sorted(there)
    with pytest.raises(OutputError, match="not a manifest line"):
        reopen().due(Keeping(merge=True, pack=True, grace_ms=0, keep_ms=None), now=Millis(NOW))


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_threads_that_have_packed_keep_no_memory() -> None:
    """A long-running worker packs each day's records in another of its threads, and each would hold 11 MB for good."""

    def held_kb() -> int:
        (kb,) = re.findall(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(kb)

    held = []
    end = threading.Event()
    with ThreadPoolExecutor(5) as threads:

        def pack(barrier: threading.Semaphore) -> None:
            with barrier:  # one after the other, as upkeep does
                for _ in packing.packed([os.urandom(1000) * 300] * 3):
                    pass
                held.append(held_kb())
            end.wait()

        one = threading.Semaphore()
        for _ in range(5):
            threads.submit(pack, one)
        while len(held) < 5:
            end.wait(0.01)
        end.set()
    assert held[-1] - held[0] < 20_000


def test_without_the_extra_the_error_says_what_to_install(
    out: Path, reopen: Reopen, segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing was changed."""
    directory = reopen()
    for segment in segments(5):
        directory.publish(segment)
    before = names(out)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(OutputError, match=r"pip install 'feedmill\[zstd\]'"):
        list(compact(directory, pack=True))
    assert names(out) == before
