"""The manifest: a line a segment, each with the hash of the line before, a file a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from worker.errors import OutputError
from worker.output import files
from worker.output.segment import SEGMENT_PATH

MANIFEST = "manifest"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestLine:
    """A segment, as readers find it. The order of the fields is that of the keys."""

    path: Annotated[str, Field(pattern=SEGMENT_PATH)]
    records: int
    bytes: int
    sha256: str
    """Of the file, in hex."""
    first_seq: int
    last_seq: int
    writer: str
    schema: int
    """Version of the records' schema."""
    sealed_at: str
    prev: str
    """sha256 of the line before, without its newline, in hex; empty in the very first."""


_LINE = TypeAdapter(ManifestLine)


def encode(line: ManifestLine) -> bytes:
    """The line without its newline."""
    return orjson.dumps(line)


def decode(raw: bytes, file: Path) -> ManifestLine:
    """Raises OutputError, naming `file`, for what is no manifest line; a path that leads elsewhere makes it none."""
    try:
        return _LINE.validate_json(raw, strict=True)
    except ValidationError as error:
        raise OutputError(f"{file}: not a manifest line that this version can read: {raw[:200]!r}") from error


def day_files(folder: Path) -> list[Path]:
    """The manifest's files, the oldest first."""
    return [folder / name for name in files.names(folder) if _DAY.fullmatch(name)]


def day_file(folder: Path, date: str) -> Path:
    return folder / f"{date}.jsonl"
