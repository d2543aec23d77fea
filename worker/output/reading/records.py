"""Reads an output directory, with or without shards, while it is being written or not: each record once.

Records of one shard come in its order, so the revisions of an article do too, all being in one shard. The shards are
interleaved roughly by the time of ingestion.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.manifest import MANIFEST, has_manifest
from worker.output.reading.cursors import Position, given, parsed, position_of
from worker.output.reading.follow import looks, until
from worker.output.reading.reader import Line, Reader
from worker.output.shards import shards_in
from worker.record import Record


def read_records(
    dir: str | Path, since: str | None = None, follow: bool = False, *, after: str | None = None
) -> Iterator[Record]:
    """Each record of an output directory once, in order, one line at a time.

    `since` is the `cursor` of the last record read: what follows it is returned, whatever was compacted in between.
    `after` is a UTC day, YYYY-MM-DD: what was ingested before it is left out. With `follow` it never ends, but waits
    for the directory to be created and for records to come. Readers and the writer need not know of each other.

    In a directory of shards the order holds within each shard, and so for each article; a cursor holds a place in each.

    Raises OutputError if `dir` is not an output directory, lacks a file that its manifest names, or never had the
    record of `since`; ValueError if `since` is not a cursor.
    """
    return (line.record for line in read_lines(dir, since, follow, after=after))


def read_lines(
    dir: str | Path, since: str | None = None, follow: bool = False, *, after: str | None = None
) -> Iterator[Line]:
    """Like `read_records`, with the bytes of each record."""
    root = files.at(dir)
    places = {} if since is None else parsed(since)
    if not is_output(root):
        if not follow:
            raise OutputError(f"{root} is not an output directory: it has no {MANIFEST}/")
        return _later(root, since, after)
    names = shards_in(root)
    if not places.keys() <= {*names}:
        raise OutputError(f"{root} is made of other shards than the cursor tells of: it is another directory's")
    readers = {name: Reader(root / name, places.get(name), after=after) for name in names}
    return _lines(root, readers, places, follow, after)


def is_output(root: Path) -> bool:
    """Whether there is an output directory, even if it has no records."""
    return shards_in(root) != [""] or has_manifest(root)


def _later(root: Path, since: str | None, after: str | None) -> Iterator[Line]:
    until(lambda: is_output(root))
    yield from read_lines(root, since, follow=True, after=after)


def _lines(
    root: Path, readers: dict[str, Reader], places: dict[str, Position], follow: bool, after: str | None
) -> Iterator[Line]:
    changes = looks(root, [root / name / MANIFEST for name in readers]) if follow else iter(())
    while True:
        yield from readers[""].lines() if "" in readers else _merged(readers, places)
        if next(changes, changes) is changes:
            return
        if "" not in readers:  # shards are created one after the other
            readers |= {name: Reader(root / name, None, after=after) for name in {*shards_in(root)} - {*readers, ""}}


def _merged(readers: dict[str, Reader], places: dict[str, Position]) -> Iterator[Line]:
    """The new records of several shards; updates `places`."""

    def of(name: str) -> Iterator[tuple[str, Line]]:
        return ((name, line) for line in readers[name].lines())

    for name, line in heapq.merge(
        *map(of, sorted(readers)), key=lambda found: found[1].record["_ingest"]["ingested_at"]
    ):
        places[name] = position_of(line.record)
        yield Line(raw=line.raw, record=given(line.record, {**places}))
