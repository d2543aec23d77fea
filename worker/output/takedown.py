"""A file without the records of one article."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from worker.errors import OutputError
from worker.output import files
from worker.output.manifest import FileLine
from worker.record import Record


def holds(path: Path, id: str) -> bool:
    """Whether a file has a record of the article; one that only names it (as the first of its duplicates) has not."""
    return any(record is not None for _, record in _lines(path, id))


def seqs_of(root: Path, line: FileLine, id: str) -> list[int]:
    """The numbers of the article's records. Raises OutputError for a file that is not what the manifest says of it."""
    path = root / line.path
    if files.digest(path) != (line.bytes, line.sha256):
        raise OutputError(f"{path} is damaged, so nothing can be taken out of it; see feedmill verify")
    return [record["_ingest"]["seq"] for _, record in _lines(path, id) if record is not None]


def records_of(path: Path, id: str) -> Iterator[Record]:
    """The article's."""
    return (record for _, record in _lines(path, id) if record is not None)


def without(path: Path, id: str) -> Iterator[bytes]:
    """The lines of all other records, newlines included."""
    return (raw + b"\n" for raw, record in _lines(path, id) if record is None)


def _lines(path: Path, id: str) -> Iterator[tuple[bytes, Record | None]]:
    """Each line; with the record, where it is one of the article's. Only lines in which the id occurs are parsed."""
    needle = id.encode()
    for _, raw in files.lines(path):
        record: Record | None = None
        if needle in raw:
            try:
                record = orjson.loads(raw)
            except orjson.JSONDecodeError as error:
                raise OutputError(f"{path}: a line is not JSON ({error})") from error
        yield raw, record if record is not None and record["id"] == id else None
