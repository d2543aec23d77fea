"""Reading an output directory: each record once, in the order of the manifest, while it is being written or not."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from worker.errors import OutputError
from worker.output import files
from worker.output.manifest import MANIFEST, FileLine, day_files, decode
from worker.record import Record

FOLLOW_INTERVAL_S = 1.0
_CURSOR = re.compile(r"(?P<writer>[a-z0-9-]+):(?P<seq>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """What is known of a reader: the last record it read, and the manifest line that names that record's segment."""

    writer: str = ""
    seq: int = 0
    day: str = ""
    """Name of the manifest's file."""
    offset: int = 0
    """Of the line, in bytes."""


def read_records(dir: str | Path, since: str | None = None, follow: bool = False) -> Iterator[Record]:
    """Each record of an output directory once, in order, a segment's line at a time.

    `since` is the `cursor` of the last record read; what follows it is given. With `follow` it never ends, but waits
    for records to come, looking each second. Readers and the writer need not know of each other.

    Raises OutputError for what is not an output directory, lacks what its manifest names, or never had the record of
    `since`; ValueError where `since` is not a cursor.
    """
    root = Path(dir)
    if not files.exists(root / MANIFEST):
        raise OutputError(f"{root} is not an output directory: it has no {MANIFEST}/")
    position = _Position() if since is None else _located(root / MANIFEST, *_parsed(since))
    return _records(root, position, follow)


def cursor(record: Record) -> str:
    """Where a reader is that has read up to this record; opaque, for `since`."""
    ingest = record["_ingest"]
    text = f"{ingest['writer']}:{ingest['seq']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parsed(since: str) -> tuple[str, int]:
    try:
        text = base64.b64decode(since + "=" * (-len(since) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        text = ""
    parts = _CURSOR.fullmatch(text)
    if parts is None:
        raise ValueError(f"not a cursor: {since!r}")
    return parts["writer"], int(parts["seq"])


def _located(manifest: Path, writer: str, seq: int) -> _Position:
    """From the end backwards: most readers are near it."""
    for day in reversed(day_files(manifest)):
        for offset, raw in files.lines_backwards(day):
            line = decode(raw, day)
            if not isinstance(line, FileLine) or line.kind != "segment":
                continue
            if line.writer == writer and line.first_seq <= seq <= line.last_seq:
                return _Position(writer=writer, seq=seq, day=day.name, offset=offset)
    raise OutputError(f"{manifest.parent} has no record {seq} of writer {writer}: the cursor is another directory's")


def _records(root: Path, position: _Position, follow: bool) -> Iterator[Record]:
    for line in _manifest_lines(root / MANIFEST, position, follow):
        read = position.seq if line.writer == position.writer else 0
        if line.last_seq > read:
            yield from _segment(root / line.path, line, read)


def _manifest_lines(folder: Path, position: _Position, follow: bool) -> Iterator[FileLine]:
    day, offset = position.day, position.offset
    while True:
        # Listed before they are read: once there is a newer file, nothing is added to the one before.
        for file in day_files(folder):
            if file.name < day:
                continue
            if file.name > day:
                day, offset = file.name, 0
            for start, raw in files.lines(file, offset):
                offset = start + len(raw) + 1
                line = decode(raw, file)
                if isinstance(line, FileLine) and line.kind == "segment":
                    yield line
        if not follow:
            return
        time.sleep(FOLLOW_INTERVAL_S)


def _segment(path: Path, line: FileLine, read: int) -> Iterator[Record]:
    """The records of a segment after number `read`."""
    if not files.exists(path):
        raise OutputError(f"{path} is missing, though the manifest names it")
    count = 0
    for _, raw in files.lines(path):
        count += 1
        try:
            record: Record = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise OutputError(f"{path}, line {count}: not JSON ({error})") from error
        if record["_ingest"]["seq"] > read:
            yield record
    if count != line.records:
        raise OutputError(f"{path} has {count} whole lines; the manifest says {line.records}")
