"""What can be wrong with an output directory, and what may be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from worker.output.disk import files
from worker.output.writing.latest import Latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The file ends in the middle of a line: cut it to `length` bytes."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The file was never named, or was removed since, and nothing is lost with it."""

    expired: bool = False
    """It was removed with its records, which latest/ must not keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, in one place."""

    file: str
    """Relative to the output directory."""
    line: int = 0
    """From 1; 0 for the file as a whole."""
    message: str
    remedy: Cut | Remove | None = None
    """What finishes it, where a crash left it half done; None is damage."""

    def __str__(self) -> str:
        return self.file + (f":{self.line}" if self.line else "") + f": {self.message}"


def mend(root: Path, finding: Finding) -> None:
    """Apply the remedy, durably. Raises OutputError."""
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
