"""Reading and proving a directory of shards."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.output.conftest import DAY_MS, SCHEMA, START, compact, make_row
from worker.errors import OutputError
from worker.model import Millis
from worker.output import (
    OutputDirectory,
    Segment,
    cursor,
    locked,
    make_shards,
    newest,
    read_lines,
    read_records,
    segment_path,
    verify,
)
from worker.record import Record, shard_name, shard_of

SHARDS = 3


class Writer:
    """The writer of a shard."""

    def __init__(self, out: Path, shard: int) -> None:
        self.out, self.shard, self.seq = out, shard, 0
        self.name = f"w{shard}"
        self.root = out / shard_name(shard, SHARDS)
        self.directory = OutputDirectory.open(self.root, schema=SCHEMA)

    def write(self, *numbers: int, minute: int = 0, day: int = 0, revision: int = 1) -> None:
        """A segment of these of the shard's articles."""
        at = Millis(START + day * DAY_MS + minute * 60_000)
        rows = []
        for number in numbers:
            self.seq += 1
            id = (SHARDS * number + self.shard) << 112  # its first two bytes say which shard
            row = make_row(self.seq, f"article {number}, {revision}", id=id, revision=revision)
            object.__setattr__(row, "ingested_at", Millis(at + number))
            rows.append(row)
        first = rows[0].seq
        path = segment_path(at=at, date=f"2026-11-{23 + day}", writer=self.name, first_seq=first)
        self.directory.publish(Segment(path=path, writer=self.name, first_seq=first, rows=tuple(rows)))


@pytest.fixture
def writers(out: Path) -> list[Writer]:
    make_shards(out, SHARDS)
    return [Writer(out, shard) for shard in range(SHARDS)]


def names(records: Iterator[Record]) -> list[tuple[int, int]]:
    """Shard and number of each record."""
    return [(shard_of(record["id"], SHARDS), record["_ingest"]["seq"]) for record in records]


def test_each_record_is_read_once_about_as_they_came(writers: list[Writer], out: Path) -> None:
    for minute, writer in enumerate([*writers, *writers]):
        writer.write(2 * minute, 2 * minute + 1, minute=minute)
    found = names(read_records(out))
    assert found == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2), (0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4)]
    assert [line.raw for line in read_lines(out)] == [orjson.dumps(line.record) + b"\n" for line in read_lines(out)]
    assert json.dumps(next(read_records(out))) == json.dumps({**next(read_records(out))})


def test_revisions_of_an_article_come_in_their_order(writers: list[Writer], out: Path) -> None:
    """Though a clock was set back between them, and though other shards were ahead."""
    writers[1].write(7, minute=9)
    writers[1].write(7, minute=3, revision=2)
    writers[0].write(1, minute=5)
    revisions = [record["_ingest"]["revision"] for record in read_records(out) if shard_of(record["id"], SHARDS) == 1]
    assert revisions == [1, 2]


def test_a_cursor_goes_on_in_every_shard(writers: list[Writer], out: Path) -> None:
    """From wherever it is taken, through what is published and compacted meanwhile, and in shards that had nothing."""
    for minute in range(3):
        for writer in writers[:2]:
            writer.write(minute, minute + 10, minute=minute)
    before = list(read_records(out))
    cursors = [cursor(record) for record in before]
    writers[2].write(1, day=1)
    for writer in writers[:2]:
        writer.write(5, day=1)
        list(compact(writer.directory))
    everything = names(read_records(out))
    assert len(everything) == 15
    for count, since in enumerate(cursors, 1):
        read = names(iter(before[:count]))
        assert sorted(read + names(read_records(out, since))) == sorted(everything)
    assert names(read_records(out, cursors[-1])) == [(2, 1), (0, 7), (1, 7)]
    assert names(read_records(out, cursors[0], after="2026-11-24")) == [(2, 1), (0, 7), (1, 7)]


def test_a_cursor_of_another_directory_is_refused(writers: list[Writer], out: Path, tmp_path: Path) -> None:
    """One without shards, one of more of them, one whose records are not here."""
    for writer in writers:
        writer.write(1)
    *_, last = read_records(out)
    plain = tmp_path / "plain"
    OutputDirectory.open(plain, schema=SCHEMA)
    fewer = tmp_path / "fewer"
    make_shards(fewer, 2)
    for other in (plain, fewer):
        with pytest.raises(OutputError, match="another directory's"):
            read_records(other, cursor(last))
    with pytest.raises(OutputError, match="another directory's"):
        read_records(out, cursor({**last}))
    for name in list((out / "shard=02/manifest").iterdir()):
        name.unlink()
    with pytest.raises(OutputError, match="another directory's"):
        read_records(out, cursor(last))


def test_shards_that_nobody_has_opened_are_empty(out: Path) -> None:
    make_shards(out, SHARDS)
    assert list(read_records(out)) == []
    assert verify(out).is_sound
    Writer(out, 1).write(4)
    assert names(read_records(out)) == [(1, 1)]
    assert verify(out).records == 1


@pytest.mark.parametrize("there", [False, True], ids=["no directory yet", "one shard opened"])
def test_a_follower_sees_what_comes_in_any_shard(out: Path, *, there: bool) -> None:
    if there:
        make_shards(out, SHARDS)
        Writer(out, 0).write(0)
    found: list[tuple[int, int]] = []
    enough = threading.Event()

    def follow() -> None:
        for record in read_records(out, follow=True):
            found.extend(names(iter([record])))
            if len(found) == 4:
                enough.set()
                return

    reading = threading.Thread(target=follow, daemon=True)
    reading.start()
    make_shards(out, SHARDS)
    writers = [Writer(out, shard) for shard in range(SHARDS)]
    for minute, writer in enumerate([*writers[there:], *writers][: 4 - there], 1):
        writer.seq = max(writer.seq, int(there and writer.shard == 0))
        writer.write(minute, minute=minute)
    assert enough.wait(20)
    reading.join()
    assert sorted({shard for shard, _ in found}) == [0, 1, 2]
    assert len(set(found)) == 4


def test_the_newest_are_those_of_all_shards(writers: list[Writer], out: Path) -> None:
    for minute, writer in enumerate([*writers, *writers]):
        writer.write(minute, minute=minute)
    assert names(iter(newest(out, 4))) == [(2, 2), (1, 2), (0, 2), (2, 1)]


def test_a_whole_directory_is_sound(writers: list[Writer], out: Path) -> None:
    """Its figures are those of all shards; who writes to one of them writes to it."""
    for writer in writers:
        writer.write(1, 2)
        writer.write(3, day=1)
    report = verify(out)
    assert (report.files, report.records, report.findings, report.being_written) == (6, 9, (), False)
    with locked(writers[1].root):
        assert verify(out).being_written


def test_a_record_in_a_shard_that_is_not_its_own_is_found(writers: list[Writer], out: Path) -> None:
    """Other revisions of its article are elsewhere."""
    for writer in writers:
        writer.write(1)
    writers[1].shard = 2
    writers[1].write(5)
    (finding,) = verify(out).findings
    assert finding.file.startswith("shard=01/records/date=2026-11-23/")
    assert finding.line == 1
    assert finding.message.endswith("is another shard's")


def test_damage_and_what_a_crash_left_is_named_with_its_shard(writers: list[Writer], out: Path) -> None:
    for writer in writers:
        writer.write(1)
    (file,) = (out / "shard=02/records").rglob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"article", b"elcitra"))
    (out / "shard=00/.staging/x").touch()
    assert [finding.file for finding in verify(out).findings] == [
        "shard=00/.staging/x",
        f"shard=02/{file.relative_to(out / 'shard=02')}",
    ]
    assert [finding.file for finding in verify(out, repair=True).mended] == ["shard=00/.staging/x"]
