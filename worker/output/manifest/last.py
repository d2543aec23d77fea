"""The last segments in an output directory. Changes nothing; the directory need not exist."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from worker.output.disk import files
from worker.output.manifest.manifest import MANIFEST, FileLine, day_files, decode


def last_segment(root: str | Path) -> FileLine | None:
    """The segment that the manifest names last; None if it names none or does not exist. Raises OutputError."""
    return next(_backwards(files.at(root) / MANIFEST), None)


def last_segments(root: str | Path, limit: int) -> list[FileLine]:
    """The segments that the manifest names last, at most `limit`, oldest first. Raises OutputError."""
    return list(islice(_backwards(files.at(root) / MANIFEST), limit))[::-1]


def names_segment(root: str | Path, path: str) -> bool:
    """Whether the manifest ever named the segment at `path`. Reads all of it. Raises OutputError."""
    return any(line.path == path for line in _backwards(files.at(root) / MANIFEST))


def _backwards(folder: Path) -> Iterator[FileLine]:
    if not files.exists(folder):
        return
    for day in reversed(day_files(folder)):
        for _, raw in files.lines_backwards(day):
            line = decode(raw, day)
            if isinstance(line, FileLine) and line.kind == "segment":
                yield line
