"""The last that an output directory was given. Changes nothing; the directory need not be there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from worker.output.disk import files
from worker.output.manifest.manifest import MANIFEST, FileLine, day_files, decode


def last_segment(root: str | Path) -> FileLine | None:
    """The segment that the manifest names last; None where it names none, or is not there. Raises OutputError."""
    return next(_backwards(files.at(root) / MANIFEST), None)


def last_segments(root: str | Path, limit: int) -> list[FileLine]:
    """The last that the manifest names, at most `limit`, in their order. Raises OutputError."""
    return list(islice(_backwards(files.at(root) / MANIFEST), limit))[::-1]


def names_segment(root: str | Path, path: str) -> bool:
    """Whether the manifest ever named the segment at `path`. Goes through all of it. Raises OutputError."""
    return any(line.path == path for line in _backwards(files.at(root) / MANIFEST))


def _backwards(folder: Path) -> Iterator[FileLine]:
    if not files.exists(folder):
        return
    for day in reversed(day_files(folder)):
        for _, raw in files.lines_backwards(day):
            line = decode(raw, day)
            if isinstance(line, FileLine) and line.kind == "segment":
                yield line
