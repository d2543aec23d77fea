from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.output.conftest import DAY_MS, START, make_segments
from worker.errors import OutputError
from worker.model import Millis
from worker.output import OutputDirectory, Segment, cursor, read_lines, read_records, record_of
from worker.output.disk import files
from worker.output.reading import follow
from worker.record import Record

Reopen = Callable[[], OutputDirectory]
Segments = Callable[..., list[Segment]]
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "FOLLOW_INTERVAL_S", 0.002)


def _numbers(records: Iterable[Record]) -> list[tuple[str, int]]:
    return [(record["_ingest"]["writer"], record["_ingest"]["seq"]) for record in records]


def _publish(directory: OutputDirectory, made: Iterable[Segment]) -> None:
    for segment in made:
        directory.publish(segment)


def test_each_record_once_in_order(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Over segments and days, in the order of the manifest, whole as they were written."""
    _publish(reopen(), segments(9))
    records = list(read_records(out))
    assert _numbers(records) == [("w1", seq) for seq in range(1, 28)]
    assert records[4]["id"] == f"{5:032x}"
    assert records[4]["content_text"] == "5 é\u2028" + "x" * 20


def test_an_empty_directory_has_no_records(out: Path, reopen: Reopen) -> None:
    """Nothing was published yet, which is not an error."""
    reopen()
    assert list(read_records(str(out))) == []


def test_a_reader_goes_on_after_any_record(out: Path, reopen: Reopen, segments: Segments) -> None:
    """From the cursor of each record, what comes after it is read, with two writers' segments mixed."""
    mine, theirs = segments(5, a_day=2), segments(5, a_day=2, writer="w2", records=4)
    _publish(reopen(), itertools.chain.from_iterable(zip(mine, theirs, strict=True)))
    records = list(read_records(out))
    assert len(records) == 35
    for index, record in enumerate(records):
        assert _numbers(read_records(out, since=cursor(record))) == _numbers(records[index + 1 :])


def test_a_cursor_is_plain_text(out: Path, reopen: Reopen, segments: Segments) -> None:
    """It can stand in a URL, a file name or a command line, and is pinned: consumers keep theirs for years."""
    _publish(reopen(), segments(1))
    assert [cursor(record) for record in read_records(out)] == ["dzE6MQ", "dzE6Mg", "dzE6Mw"]


def test_what_was_read_is_not_opened_again(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Going on near the end does not touch the segments before."""
    made = segments(6)
    _publish(reopen(), made)
    last = cursor(list(read_records(out))[14])  # the end of the fifth segment
    for segment in made[:5]:
        (out / segment.path).unlink()
    assert _numbers(read_records(out, since=last)) == [("w1", 16), ("w1", 17), ("w1", 18)]


@pytest.mark.parametrize("since", ["", "!", "dzE6", "w1:1", "dzE", "éé", "_____w"], ids=lambda text: repr(text))
def test_what_is_no_cursor_is_refused(out: Path, reopen: Reopen, since: str) -> None:
    """A mistyped cursor is an error at the call, never a silent start from the beginning."""
    reopen()
    with pytest.raises(ValueError, match="not a cursor"):
        read_records(out, since=since)


@pytest.mark.parametrize("writer", ["w1", "w2"], ids=["number not reached", "another writer"])
def test_the_cursor_of_another_directory_is_refused(
    tmp_path: Path, out: Path, reopen: Reopen, segments: Segments, writer: str
) -> None:
    """Where its record is not, going on from it has no meaning."""
    _publish(reopen(), segments(2))
    other = OutputDirectory.open(tmp_path / "other", schema=b"{}")
    _publish(other, segments(3, writer=writer))
    last = list(read_records(tmp_path / "other"))[-1]
    with pytest.raises(OutputError, match=f"has no record 9 of writer {writer}"):
        read_records(out, since=cursor(last))


def test_reading_begins_with_a_day(out: Path, reopen: Reopen, segments: Segments) -> None:
    """What was ingested before it is left out; a cursor further on counts, one before does not."""
    _publish(reopen(), segments(6, a_day=2))  # 6 records a day from the 23rd on
    records = list(read_records(out))
    numbers = _numbers(records)
    assert _numbers(read_records(out, after="2026-11-22")) == numbers
    assert _numbers(read_records(out, after="2026-11-24")) == numbers[6:]
    assert _numbers(read_records(out, since=cursor(records[2]), after="2026-11-24")) == numbers[6:]
    assert _numbers(read_records(out, since=cursor(records[8]), after="2026-11-24")) == numbers[9:]
    assert _numbers(read_records(out, after="2026-11-26")) == []


def test_lines_are_the_bytes_of_the_segments(out: Path, reopen: Reopen, segments: Segments) -> None:
    """For those who pass them on: nothing is parsed and written again."""
    made = segments(2)
    _publish(reopen(), made)
    assert b"".join(line.raw for line in read_lines(out)) == b"".join((out / s.path).read_bytes() for s in made)


@pytest.mark.parametrize("name", ["nowhere", "."], ids=["not there", "another directory"])
def test_what_is_no_output_directory_is_refused(tmp_path: Path, name: str) -> None:
    """At the call, before the first record is asked for."""
    with pytest.raises(OutputError, match="is not an output directory"):
        read_records(tmp_path / name)


def test_a_missing_segment_is_named(out: Path, reopen: Reopen, segments: Segments) -> None:
    """What comes before it is given; then the error says which file is not there."""
    made = segments(2)
    _publish(reopen(), made)
    (out / made[1].path).unlink()
    records = read_records(out)
    assert _numbers(itertools.islice(records, 3)) == [("w1", 1), ("w1", 2), ("w1", 3)]
    with pytest.raises(OutputError, match=r"000000000004\.jsonl is missing"):
        next(records)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda data: data[:-1], "has 2 whole lines; the manifest says 3", id="cut in its last line"),
        pytest.param(lambda data: data + b'{"_ingest":{"seq":9}}\n', "has 4 whole lines", id="a line too many"),
        pytest.param(lambda data: b"{" + data, "line 1: not JSON", id="not JSON"),
    ],
)
def test_a_damaged_segment_is_named(
    out: Path, reopen: Reopen, segments: Segments, damage: Callable[[bytes], bytes], message: str
) -> None:
    """Too few lines, too many, or none that is JSON: the reader does not go on as if it were well."""
    (segment,) = segments(1)
    _publish(reopen(), [segment])
    path = out / segment.path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(OutputError, match=message):
        list(read_records(out))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"nonsense", id="not JSON"),
        pytest.param(b'{"path":"../../../../etc/passwd"}', id="keys missing"),
        pytest.param(
            b'{"path":"records/date=2026-11-23/../../../x.jsonl","records":1,"bytes":1,"sha256":"","first_seq":1,'
            b'"last_seq":1,"writer":"w","schema":1,"sealed_at":"","prev":""}',
            id="leads out of the directory",
        ),
    ],
)
def test_a_manifest_line_that_is_none_is_reported(out: Path, reopen: Reopen, raw: bytes) -> None:
    """It is not skipped: a record would be missing without a word."""
    reopen()
    (out / "manifest/2026-11-23.jsonl").write_bytes(raw + b"\n")
    with pytest.raises(OutputError, match=r"2026-11-23\.jsonl: not a manifest line"):
        list(read_records(out))


def test_half_a_manifest_line_is_not_read(out: Path, reopen: Reopen, segments: Segments) -> None:
    """It is the writer's until its newline is there; a follower then takes it up, on the next day as well."""
    made = segments(3, a_day=2)
    directory = reopen()
    _publish(directory, made[:1])
    follower = read_records(out, follow=True)
    assert len(list(itertools.islice(follower, 3))) == 3
    _publish(directory, made[1:])
    manifest = out / "manifest/2026-11-23.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-1])
    assert len(list(read_records(out))) == 6  # the first, and the third, of another day
    manifest.write_bytes(whole)
    assert _numbers(itertools.islice(follower, 6)) == [("w1", seq) for seq in range(4, 10)]


def test_a_follower_sees_each_record_once_while_they_are_written(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Another process publishes over several days, is killed and goes on; the reader notices none of it."""
    made = segments(60, a_day=15, size=5000)
    reopen()

    def run(begin: int, pause_s: float) -> None:
        directory = OutputDirectory.open(out, schema=b"{}")
        for segment in made[begin:]:
            directory.publish(segment)
            time.sleep(pause_s)

    first = FORK.Process(target=run, args=(0, 0.003))
    first.start()
    follower = read_records(out, follow=True)
    seen = _numbers(itertools.islice(follower, 40))
    first.kill()
    first.join()
    second = FORK.Process(target=run, args=(0, 0.0))
    second.start()
    seen += _numbers(itertools.islice(follower, 140))
    second.join()
    assert second.exitcode == 0
    assert seen == [("w1", seq) for seq in range(1, 181)]


def test_a_follower_waits_for_the_directory(out: Path, segments: Segments) -> None:
    """It may be started before the worker that makes it; a mistyped cursor is refused even then."""
    follower = read_records(out, follow=True)
    with pytest.raises(ValueError, match="not a cursor"):
        read_records(out, since="!", follow=True)
    later = threading.Timer(0.05, lambda: _publish(OutputDirectory.open(out, schema=b"{}"), segments(1)))
    later.start()
    assert len(list(itertools.islice(follower, 3))) == 3
    later.join()


def test_a_follower_is_woken(out: Path, reopen: Reopen, segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the kernel, long before its time is over; in a file of the manifest that is there, and in a new one."""
    monkeypatch.setattr(follow, "FOLLOW_INTERVAL_S", 60.0)
    made = segments(3, a_day=2)
    directory = reopen()
    _publish(directory, made[:1])
    follower = read_records(out, follow=True)
    assert len(list(itertools.islice(follower, 3))) == 3
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: _numbers(itertools.islice(follower, 6)))
        for _ in range(1000):
            if _watched():
                break
            time.sleep(0.01)
        _publish(directory, made[1:2])
        time.sleep(0.2)
        _publish(directory, made[2:])
        assert waiting.result(timeout=20) == [("w1", seq) for seq in range(4, 10)]


def _watched() -> bool:
    return any("inotify wd:" in info.read_text() for info in Path("/proc/self/fdinfo").iterdir() if info.exists())


def test_a_follower_looks_by_itself_where_it_is_not_woken(
    out: Path, reopen: Reopen, segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel refuses another watch (inotify's limits): it looks in its own time."""

    def refused(*_: object, **__: object) -> object:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr(follow, "watch", refused)
    made = segments(2)
    directory = reopen()
    follower = read_records(out, follow=True)
    for segment in made:
        directory.publish(segment)
        assert len(list(itertools.islice(follower, 3))) == 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"torn", id="no newline"),
        pytest.param(b"\n", id="one empty line"),
        pytest.param(b"a\n", id="one line"),
        pytest.param(b"a\nbc\n\ndef\ntorn", id="a torn line"),
        pytest.param(b"0123456\n012345\n0123456\n", id="newlines at the edges of blocks"),
        pytest.param(b"long line over several blocks\nlast\n", id="a line over blocks"),
        pytest.param(b"a\ntorn line over several blocks", id="a torn line over blocks"),
    ],
)
def test_backwards_is_forwards_reversed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Lines and offsets are the same from either end, however the blocks fall."""
    path = tmp_path / "file"
    path.write_bytes(content)
    forwards = list(files.lines(path))
    assert [line for _, line in forwards] == content.split(b"\n")[:-1]
    for block in (1, 2, 3, 7, 8, 9, 1000):
        monkeypatch.setattr(files, "BLOCK", block)
        assert list(files.lines_backwards(path)) == forwards[::-1]


NOW = Millis(START + 9 * DAY_MS)


@pytest.mark.parametrize(("at", "found"), [(START, True), (START + DAY_MS, False), (None, True)])
def test_a_record_is_looked_for_where_it_was_made(out: Path, reopen: Reopen, at: Millis | None, found: bool) -> None:
    """No day before, and nothing that came later is read: not for what was removed, either."""
    made = [
        replace(one, rows=tuple(replace(row, ingested_at=Millis(START + day * DAY_MS + row.seq)) for row in one.rows))
        for day, one in enumerate(make_segments(4, a_day=1))
    ]
    _publish(reopen(), made)
    assert (record_of(out, f"{2:032x}", revision=1, at=at, now=NOW) is not None) is found
    assert record_of(out, f"{2:032x}", revision=2, at=at, now=NOW) is None
    (out / made[3].path).unlink()
    assert (record_of(out, f"{2:032x}", revision=1, at=at, now=NOW) is not None) is found
    if at is not None:
        assert record_of(out, f"{2:032x}", revision=2, at=at, now=NOW) is None


def test_a_record_is_found_behind_those_of_a_clock_that_was_ahead(out: Path, reopen: Reopen) -> None:
    """They are dated a year later, and it follows them, on their day."""
    ahead, later = make_segments(2, a_day=2)
    ahead = replace(ahead, rows=tuple(replace(row, ingested_at=Millis(START + 365 * DAY_MS)) for row in ahead.rows))
    later = replace(later, rows=tuple(replace(row, ingested_at=START) for row in later.rows))
    _publish(reopen(), [ahead, later])
    assert record_of(out, f"{4:032x}", revision=1, at=START, now=NOW) is not None
