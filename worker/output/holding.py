"""The last record of an article, and which file has it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from worker.output import files
from worker.output.reading import read_lines
from worker.record import Record


def record_of(dir: Path, record_id: str, *, revision: int, since: str | None) -> Record | None:
    """The record of that id and revision, whoever writes to its shard; None where it was removed. since: the UTC day
    on which it was made; None reads from the first one on. Raises OutputError."""
    mark = record_id.encode()
    for line in read_lines(dir, after=since):
        found = line.record
        if mark in line.raw and (found["id"], found["_ingest"]["revision"]) == (record_id, revision):
            return found
    return None


def file_with(root: Path, paths: Iterable[str], record_id: str) -> Path | None:
    """The first of the files at `paths` below `root` that has a record of that id; None where none has, as they were
    merged or removed since. Raises OutputError."""
    mark = f'"id":"{record_id}"'.encode()  # others name it, too, as what they are copies of
    for path in paths:
        if files.exists(root / path) and any(mark in line for _, line in files.lines(root / path)):
            return root / path
    return None
