"""The last segments in an output directory. Changes nothing; the directory need not exist."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from worker.output.disk import files
from worker.output.manifest.manifest import MANIFEST, FileLine, is_segment, lines_backwards


def last_segment(root: str | Path) -> FileLine | None:
    """The segment that the manifest names last; None if it names none or does not exist. Raises OutputError."""
    return next(_backwards(root), None)


def last_segments(root: str | Path, limit: int) -> list[FileLine]:
    """The segments that the manifest names last, at most `limit`, oldest first. Raises OutputError."""
    return list(islice(_backwards(root), limit))[::-1]


def names_segment(root: str | Path, path: str) -> bool:
    """Whether the manifest ever named the segment at `path`. Reads all of it. Raises OutputError."""
    return any(line.path == path for line in _backwards(root))


def _backwards(root: str | Path) -> Iterator[FileLine]:
    return (line for line, _ in lines_backwards(files.at(root) / MANIFEST) if is_segment(line))
