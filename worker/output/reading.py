"""Reading an output directory: each record once, in the order of the manifest, while it is being written or not.

The order is that of the segments' lines, for ever; where their records are is another matter. A segment whose file is
gone was replaced or removed, and later lines say by what: they are looked up when that is met, and not before.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from worker.errors import OutputError
from worker.output import files
from worker.output.follow import looks, until_there
from worker.output.inventory import Inventory
from worker.output.manifest import BEGIN, MANIFEST, FileLine, Place, day_file, day_files, decode, lines
from worker.record import Record

_CURSOR = re.compile(r"(?P<writer>[a-z0-9-]+):(?P<seq>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A record with its bytes, newline included."""

    raw: bytes
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """What is known of a reader: the last record it read, and the manifest line that names that record's segment."""

    writer: str = ""
    seq: int = 0
    place: Place = BEGIN


def read_records(
    dir: str | Path, since: str | None = None, follow: bool = False, *, after: str | None = None
) -> Iterator[Record]:
    """Each record of an output directory once, in order, a line at a time.

    `since` is the `cursor` of the last record read; what follows it is given, whatever was compacted meanwhile. `after`
    is a UTC day, YYYY-MM-DD: what was ingested before it is left out. With `follow` it never ends, but waits for the
    directory to be made and for records to come. Readers and the writer need not know of each other.

    Raises OutputError for what is not an output directory, lacks what its manifest names, or never had the record of
    `since`; ValueError where `since` is not a cursor.
    """
    return (line.record for line in read_lines(dir, since, follow, after=after))


def read_lines(
    dir: str | Path, since: str | None = None, follow: bool = False, *, after: str | None = None
) -> Iterator[Line]:
    """The same with the bytes of each record."""
    root = Path(dir)
    known = None if since is None else _parsed(since)
    if not files.exists(root / MANIFEST):
        if not follow:
            raise OutputError(f"{root} is not an output directory: it has no {MANIFEST}/")
        return _later(root, since, after)
    position = _Position() if known is None else _located(root / MANIFEST, *known)
    if after is not None and position.place.day < (day := day_file(root, after).name):
        position = _Position(place=Place(day=day))
    return _records(root, position, follow)


def cursor(record: Record) -> str:
    """Where a reader is that has read up to this record; opaque, for `since`."""
    ingest = record["_ingest"]
    text = f"{ingest['writer']}:{ingest['seq']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parsed(since: str) -> tuple[str, int]:
    try:
        text = base64.b64decode(since + "=" * (-len(since) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        text = ""
    parts = _CURSOR.fullmatch(text)
    if parts is None:
        raise ValueError(f"not a cursor: {since!r}")
    return parts["writer"], int(parts["seq"])


def _located(manifest: Path, writer: str, seq: int) -> _Position:
    """From the end backwards: most readers are near it."""
    for day in reversed(day_files(manifest)):
        for offset, raw in files.lines_backwards(day):
            line = decode(raw, day)
            if not isinstance(line, FileLine) or line.kind != "segment":
                continue
            if line.writer == writer and line.first_seq <= seq <= line.last_seq:
                return _Position(writer=writer, seq=seq, place=Place(day=day.name, offset=offset))
    raise OutputError(f"{manifest.parent} has no record {seq} of writer {writer}: the cursor is another directory's")


def _later(root: Path, since: str | None, after: str | None) -> Iterator[Line]:
    until_there(root / MANIFEST)
    yield from read_lines(root, since, follow=True, after=after)


def _records(root: Path, position: _Position, follow: bool) -> Iterator[Line]:
    sources = _Sources(root, position.place)
    for segment in _segments(root / MANIFEST, position.place, follow):
        read = position.seq if segment.writer == position.writer else 0
        if segment.last_seq > read:
            yield from sources.records(segment, read)


def _segments(manifest: Path, place: Place, follow: bool) -> Iterator[FileLine]:
    changes = looks(manifest) if follow else iter(())
    while True:
        for line, reached in lines(manifest, place):
            place = reached
            if isinstance(line, FileLine) and line.kind == "segment":
                yield line
        if next(changes, changes) is changes:
            return


class _Sources:
    """The files that hold segments, found however often they were replaced."""

    def __init__(self, root: Path, place: Place) -> None:
        self._root = root
        self._inventory = Inventory()
        self._place = place
        self._streams: dict[str, _Stream] = {}

    def records(self, segment: FileLine, read: int) -> Iterator[Line]:
        """The segment's records after number `read`; none where they were removed. Raises OutputError."""
        while True:
            held = self._inventory.holder(segment)
            if held is None:
                return
            stream = self._streams.pop(held.path, None) or self._open(held)
            if stream is not None:
                break
            if not self._look():
                raise OutputError(f"{self._root / held.path} is missing, though the manifest names it")
        yield from stream.take(max(read, segment.first_seq - 1), segment.last_seq)
        if segment.last_seq < held.last_seq:
            self._streams[held.path] = stream  # the next segment's are further down in it

    def _open(self, held: FileLine) -> _Stream | None:
        path = self._root / held.path
        try:
            return _Stream(path, held)
        except OutputError:
            if files.exists(path):
                raise
            return None

    def _look(self) -> bool:
        """Whether the manifest says more than it did."""
        before = self._place
        for line, place in lines(self._root / MANIFEST, before):
            self._inventory.add(line)
            self._place = place
        return self._place != before


class _Stream:
    """The records of a file in their order, a segment's at a time. Raises OutputError where it can't be opened."""

    def __init__(self, path: Path, named: FileLine) -> None:
        self._path, self._named = path, named
        self._lines = files.lines(path)
        self._count = 0
        self._next = self._read()

    def take(self, after: int, last: int) -> Iterator[Line]:
        """Those with numbers from behind `after` to `last`, which has to be at or behind what was taken before."""
        to_the_end = last == self._named.last_seq
        while self._next is not None:
            seq = self._next.record["_ingest"]["seq"]
            if seq > last and not to_the_end:
                return
            if seq > after:
                yield self._next
            self._next = self._read()

    def _read(self) -> Line | None:
        _, raw = next(self._lines, (0, None))
        if raw is None:
            if self._count != self._named.records:
                raise OutputError(
                    f"{self._path} has {self._count} whole lines; the manifest says {self._named.records}"
                )
            return None
        self._count += 1
        try:
            return Line(raw=raw + b"\n", record=orjson.loads(raw))
        except orjson.JSONDecodeError as error:
            raise OutputError(f"{self._path}, line {self._count}: not JSON ({error})") from error
