"""Which file has the last record of an article."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from worker.output import files


def file_with(root: Path, paths: Iterable[str], record_id: str) -> Path | None:
    """The first of the files at `paths` below `root` that has a record of that id; None where none has, as they were
    merged or removed since. Raises OutputError."""
    mark = f'"id":"{record_id}"'.encode()  # others name it, too, as what they are copies of
    for path in paths:
        if files.exists(root / path) and any(mark in line for _, line in files.lines(root / path)):
            return root / path
    return None
