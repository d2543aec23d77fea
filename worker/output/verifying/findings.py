"""What can be wrong with an output directory, and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from worker.output.disk import files
from worker.output.writing.latest import Latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The file ends in the middle of a line: it is cut to `length` bytes."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The manifest never named the file, or says that it was removed; nothing is lost with it."""

    expired: bool = False
    """Its records were removed with it, so latest/ must not keep them either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, in one place."""

    file: str
    """Relative to the output directory."""
    line: int = 0
    """From 1; 0 for the file as a whole."""
    message: str
    remedy: Cut | Remove | None = None
    """How to finish what a crash left half done; None if it is damage."""

    def __str__(self) -> str:
        return self.file + (f":{self.line}" if self.line else "") + f": {self.message}"


def mend(root: Path, finding: Finding) -> None:
    """Applies the remedy, durably. Raises OutputError."""
    path = root / finding.file
    match finding.remedy:
        case Cut(length=length):
            files.cut(path, length)
        case Remove(expired=expired):
            if expired:
                Latest(root).forget([path])
            files.remove(path)
            files.sync_directory(path.parent)
        case None:
            raise ValueError(f"there is no remedy for {finding}")
        case _:
            assert_never(finding.remedy)
