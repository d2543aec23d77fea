"""The manifest: what happened to files of records, one line each with the hash of the line before; one file a day.

    segment   a new file. Its date is that of the manifest's file; its numbers follow its writer's previous segment.
    replace   a file that holds, in order, the records of the files in `drops`, except those that it lists as
              forgotten; the dropped files are deleted after a grace time.
    remove    files that do not exist any more: their records are in the file that replaced them, or nowhere.

Only segments determine the order in which records are read. The other lines stand wherever the manifest ended when they
were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeGuard

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.disk.layout import SCHEMAS
from worker.output.segment import FILE_PATH

MANIFEST = "manifest"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl", re.ASCII)

_FilePath = Annotated[str, Field(pattern=FILE_PATH)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A file of records, as readers find it. The fields have the order of the JSON's keys."""

    kind: Literal["segment", "replace"] = "segment"
    """Missing in lines of the first version, which are all segments."""
    path: _FilePath
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
    drops: tuple[_FilePath, ...] = ()
    """The files that it replaces."""
    forgotten: tuple[int, ...] = ()
    """Numbers between its first and its last whose records had to be taken down, and are not in it any more."""
    prev: str
    """sha256 of the line before, without its newline, in hex; empty in the very first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveLine:
    """Files that must not be read any more; they are deleted once the line is durable."""

    kind: Literal["remove"] = "remove"
    drops: tuple[_FilePath, ...]
    removed_at: str
    prev: str


ManifestLine = FileLine | RemoveLine
_LINE: TypeAdapter[ManifestLine] = TypeAdapter(Annotated[ManifestLine, Field(union_mode="left_to_right")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the manifest a line begins, or how far a reader has come."""

    day: str = ""
    """Name of the day's file; empty before the first."""
    offset: int = 0
    """In bytes."""


BEGIN = Place()


def encode(line: ManifestLine) -> bytes:
    """The line without its newline."""
    return orjson.dumps(line)


def decode(raw: bytes, file: Path) -> ManifestLine:
    """The line. Raises OutputError, naming `file`, if it is not a valid manifest line, also because a path leads out of
    the directory."""
    try:
        return _LINE.validate_json(raw, strict=True)
    except ValidationError as error:
        raise OutputError(f"{file}: not a manifest line that this version can read: {raw[:200]!r}") from error


def is_segment(line: ManifestLine) -> TypeGuard[FileLine]:
    return isinstance(line, FileLine) and line.kind == "segment"


def has_manifest(root: Path) -> bool:
    """Whether `root` is an output directory. In a bucket the manifest's folder exists only with its first line; the
    schema is there before."""
    return files.exists(root / MANIFEST) or (files.are_whole(root) and files.exists(root / SCHEMAS))


def day_files(folder: Path) -> list[Path]:
    """The manifest's files, oldest first."""
    return [folder / name for name in files.names(folder) if _DAY.fullmatch(name)]


def day_file(folder: Path, date: str) -> Path:
    return folder / f"{date}.jsonl"


def raw_lines(folder: Path, begin: Place) -> Iterator[tuple[bytes, Path, Place]]:
    """The whole lines from `begin` on, each with its file and the place behind it."""
    # Listed before they are read: once there is a newer file, nothing is added to the one before.
    for file in day_files(folder):
        if file.name >= begin.day:
            for start, raw in files.lines(file, begin.offset if file.name == begin.day else 0):
                yield raw, file, Place(day=file.name, offset=start + len(raw) + 1)


def lines(folder: Path, begin: Place) -> Iterator[tuple[ManifestLine, Place]]:
    """The same, decoded. Raises OutputError."""
    for raw, file, place in raw_lines(folder, begin):
        yield decode(raw, file), place


def lines_backwards(folder: Path) -> Iterator[tuple[ManifestLine, Place]]:
    """All lines, the last one first, each with the place where it begins; none if there is no manifest. Raises
    OutputError."""
    for file in reversed(day_files(folder)) if files.exists(folder) else ():
        for start, raw in files.lines_backwards(file):
            yield decode(raw, file), Place(day=file.name, offset=start)
