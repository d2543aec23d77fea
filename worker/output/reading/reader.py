"""Reads one directory: each record once, in the order of the manifest; then, again, what has come since.

The order is that of the segments' lines and never changes; which files hold the records does. If a segment's file is
gone, it was replaced or removed, and later lines tell by what; they are read only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.inventory import Inventory
from worker.output.manifest.manifest import (
    BEGIN,
    MANIFEST,
    FileLine,
    Place,
    day_file,
    is_segment,
    lines,
    lines_backwards,
)
from worker.output.reading.cursors import Position
from worker.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A record with its bytes, newline included."""

    raw: bytes
    record: Record


class Reader:
    """A reader of one shard, or of an output directory without shards, and how far it has come."""

    def __init__(self, root: Path, known: Position | None, *, after: str | None) -> None:
        """known: the last record that was read; None: none yet. after: a UTC day; what was ingested before it is left
        out. Raises OutputError if the directory never had the record `known`."""
        self._manifest = root / MANIFEST
        self._read = known
        self._place = BEGIN if known is None else _located(self._manifest, known)
        if after is not None and self._place.day < (day := day_file(root, after).name):
            self._place, self._read = Place(day=day), None
        self._sources = _Sources(root, self._place)

    def lines(self) -> Iterator[Line]:
        """The records after those given before; go through all of them before the next call. Raises OutputError if a
        file that the manifest names is missing."""
        if not files.exists(self._manifest):
            return  # a shard that nobody has opened yet
        for line, place in lines(self._manifest, self._place):
            if is_segment(line):
                read = self._read.seq if self._read is not None and line.writer == self._read.writer else 0
                if line.last_seq > read:
                    yield from self._sources.records(line, read)
            self._place = place


def _located(manifest: Path, known: Position) -> Place:
    """The place of the line that names the record's segment. Searches backwards, since most readers are near the
    end."""
    for line, place in lines_backwards(manifest):
        if is_segment(line) and line.writer == known.writer and line.first_seq <= known.seq <= line.last_seq:
            return place
    raise OutputError(
        f"{manifest.parent} has no record {known.seq} of writer {known.writer}: the cursor is another directory's"
    )


class _Sources:
    """Finds the files that hold the records of segments, however often they were replaced."""

    def __init__(self, root: Path, place: Place) -> None:
        self._root = root
        self._inventory = Inventory()
        self._place = place
        self._streams: dict[str, _Stream] = {}

    def records(self, segment: FileLine, read: int) -> Iterator[Line]:
        """The segment's records after number `read`; none if they were removed. Raises OutputError."""
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
            self._streams[held.path] = stream  # the next segment's records follow in the same file

    def _open(self, held: FileLine) -> _Stream | None:
        path = self._root / held.path
        try:
            return _Stream(path, held)
        except OutputError:
            if files.exists(path):
                raise
            return None

    def _look(self) -> bool:
        """Reads on in the manifest; whether there was anything new."""
        before = self._place
        for line, place in lines(self._root / MANIFEST, before):
            self._inventory.add(line)
            self._place = place
        return self._place != before


class _Stream:
    """The records of a file in order, one segment at a time. Raises OutputError if it can't be opened."""

    def __init__(self, path: Path, named: FileLine) -> None:
        self._path, self._named = path, named
        self._lines = files.lines(path)
        self._count = 0
        self._next = self._read()

    def take(self, after: int, last: int) -> Iterator[Line]:
        """The records numbered above `after` up to `last`; `after` must not be less than the last number taken
        before."""
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
