"""Segments: files of records, whose names and bytes follow from their rows alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from worker.model import Millis, Op
from worker.record import rfc3339

SEGMENT_PATH = r"^records/date=[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9]{8}T[0-9]{6}Z-[a-z0-9-]{1,64}-[0-9]{12,19}\.jsonl$"
_PARTS = re.compile(r"records/date=(?P<date>[^/]+)/(?P<sealed>\d+T\d+Z)-(?P<writer>.+)-(?P<first_seq>\d+)\.jsonl")
_WRITER = re.compile(r"[a-z0-9-]{1,64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record as the outbox holds it: the body, and what only the commit knew."""

    seq: int
    op: Op
    revision: int
    ingested_at: Millis
    duplicate_of: str | None = None
    """The id of the record that had the text first."""
    duplicate_kind: str | None = None
    cluster_id: str | None = None
    """None leaves the body's own."""
    body: bytes = field(repr=False)
    """JSON of a whole record, with placeholders where the fields above belong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Rows that become one file. Raises ValueError where they do not follow one on the other, or on the name."""

    path: str
    """Relative to the output directory, as `segment_path` gives it."""
    writer: str
    first_seq: int
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        parts = _parts(self.path)
        if (parts["writer"], int(parts["first_seq"])) != (self.writer, self.first_seq):
            raise ValueError(f"{self.path} does not name writer {self.writer} and seq {self.first_seq}")
        if not self.rows or [row.seq for row in self.rows] != list(range(self.first_seq, self.last_seq + 1)):
            raise ValueError(f"{self.path}: its rows are not numbered without gap from {self.first_seq}")

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.rows) - 1

    @property
    def date(self) -> str:
        """YYYY-MM-DD, of ingestion."""
        return _parts(self.path)["date"]

    @property
    def sealed_at(self) -> str:
        """RFC 3339, to the second."""
        sealed = datetime.strptime(_parts(self.path)["sealed"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return rfc3339(Millis(int(sealed.timestamp()) * 1000))


def segment_path(*, at: Millis, date: str, writer: str, first_seq: int) -> str:
    """The name of a segment sealed `at`, within the output directory; names of one writer sort as its records.

    Raises ValueError for a writer that is not 1 to 64 of [a-z0-9-], a date that is not YYYY-MM-DD, a seq below 1.
    """
    if not _WRITER.fullmatch(writer) or not _DATE.fullmatch(date) or first_seq < 1:
        raise ValueError(f"no segment is named by writer {writer!r}, date {date!r}, seq {first_seq}")
    sealed = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"records/date={date}/{sealed}-{writer}-{first_seq:012d}.jsonl"


def line(row: Row, writer: str) -> bytes:
    """The record as it stands in its segment, newline included.

    The same row gives the same bytes; the keys keep the body's order.
    """
    record: dict[str, dict[str, object]] = orjson.loads(row.body)
    record["_ingest"] |= {
        "writer": writer,
        "seq": row.seq,
        "op": row.op,
        "revision": row.revision,
        "ingested_at": rfc3339(row.ingested_at),
        "duplicate_of": row.duplicate_of,
        "duplicate_kind": row.duplicate_kind,
    }
    if row.cluster_id is not None:
        record["_ingest"]["cluster_id"] = row.cluster_id
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _parts(path: str) -> re.Match[str]:
    parts = _PARTS.fullmatch(path) if re.match(SEGMENT_PATH, path) else None
    if parts is None:
        raise ValueError(f"not the path of a segment: {path!r}")
    return parts
