"""The records that were sealed last, newest first, read from the ends of the files."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import orjson

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.manifest import MANIFEST, FileLine, is_segment, lines_backwards
from worker.output.segment import date_of, is_packed
from worker.output.shards import shards_in
from worker.record import Record

LOOKED_AT = 2_000
"""How many lines of the manifest are read, from its end; a page that shows the newest records is not worth more."""


def newest(root: Path, limit: int) -> list[Record]:
    """At most `limit` records, over all shards. Packed files of closed days are left out, since they can only be read
    from the beginning.

    Raises OutputError.
    """
    shards = [_newest(root / name) for name in shards_in(root)]
    return list(islice(heapq.merge(*shards, key=_ingested_at, reverse=True), limit))


def _newest(root: Path) -> Iterator[Record]:
    return chain.from_iterable(_records(root / line.path) for line in _files(root))


def _ingested_at(record: Record) -> str:
    return record["_ingest"]["ingested_at"]


def _files(root: Path) -> Iterator[FileLine]:
    """Newest first. The manifest names the file that a day's segments were merged into only after the next day's first
    segment."""
    merged: list[FileLine] = []
    named = (line for line, _ in lines_backwards(root / MANIFEST) if isinstance(line, FileLine))
    for line in islice(named, LOOKED_AT):
        if is_packed(line.path) or not files.exists(root / line.path):
            continue
        if not is_segment(line):
            merged.append(line)
            continue
        while merged and date_of(merged[0].path) > date_of(line.path):
            yield merged.pop(0)
        yield line
    yield from sorted(merged, key=lambda line: date_of(line.path), reverse=True)


def _records(path: Path) -> Iterator[Record]:
    try:
        for _, raw in files.lines_backwards(path):
            yield orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise OutputError(f"{path}: not JSON ({error})") from error
    except OutputError:
        if files.exists(path):  # else it was merged meanwhile
            raise
