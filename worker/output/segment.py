"""Segments: files of records whose names and bytes are determined by their rows alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from worker.model import Millis, Op
from worker.record import rfc3339

FILE_PATH = (
    r"^records/date=(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})/(?P<sealed>[0-9]{8}T[0-9]{6}Z)-(?P<writer>[a-z0-9-]{1,64})"
    r"-(?P<first_seq>[0-9]{12,19})(?:_(?P<last_seq>[0-9]{12,19})(?:\.(?P<edition>[1-9][0-9]{0,8}))?)?\.jsonl(?P<packed>\.zst)?$"
)
"""The path of a file of records: of a segment; with a last seq, of a file made of one or several others; with an
edition, of one made to leave some records out."""
_FILE = re.compile(FILE_PATH)
_OPENS = b'"_ingest":{"schema":1,"writer":"","seq":0,"op":"new","revision":1,"ingested_at":"",'
_DECIDES = b'"cluster_id":null,"duplicate_of":null,"duplicate_kind":null,'
"""The placeholders in a draft's body for the values that only the commit knows."""
_WRITER = re.compile(r"[a-z0-9-]{1,64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """What the path of a file of records says."""

    date: str
    """YYYY-MM-DD, of ingestion."""
    writer: str
    first_seq: int
    last_seq: int | None
    """None for a segment."""
    edition: int
    """0 for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record as the outbox holds it: the body, and the values that only the commit knew."""

    seq: int
    op: Op
    revision: int
    ingested_at: Millis
    duplicate_of: str | None = None
    """The id of the record that had the text first."""
    duplicate_kind: str | None = None
    cluster_id: str | None = None
    """None keeps the body's own value."""
    body: bytes = field(repr=False)
    """JSON of a whole record, with placeholders for the fields above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Rows that become one file. Raises ValueError if they are not numbered without gaps, or don't match the name."""

    path: str
    """Relative to the output directory, as `segment_path` gives it."""
    writer: str
    first_seq: int
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        name = parse_path(self.path)
        if name is None or name.last_seq is not None:
            raise ValueError(f"not the path of a segment: {self.path!r}")
        if (name.writer, name.first_seq) != (self.writer, self.first_seq):
            raise ValueError(f"{self.path} does not name writer {self.writer} and seq {self.first_seq}")
        if not self.rows or [row.seq for row in self.rows] != list(range(self.first_seq, self.last_seq + 1)):
            raise ValueError(f"{self.path}: its rows are not numbered without gap from {self.first_seq}")

    @property
    def last_seq(self) -> int:
        return self.first_seq + len(self.rows) - 1

    @property
    def date(self) -> str:
        """YYYY-MM-DD, of ingestion."""
        return date_of(self.path)

    @property
    def sealed_at(self) -> str:
        """RFC 3339, to the second."""
        sealed = datetime.strptime(Path(self.path).name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return rfc3339(Millis(int(sealed.timestamp()) * 1000))


def segment_path(*, at: Millis, date: str, writer: str, first_seq: int) -> str:
    """The path, within the output directory, of a segment sealed `at`; the names of one writer sort like its records.

    Raises ValueError for a writer that is not 1 to 64 of [a-z0-9-], a date that is not YYYY-MM-DD, or a seq below 1.
    """
    if not _WRITER.fullmatch(writer) or not _DATE.fullmatch(date) or first_seq < 1:
        raise ValueError(f"no segment is named by writer {writer!r}, date {date!r}, seq {first_seq}")
    sealed = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"records/date={date}/{sealed}-{writer}-{first_seq:012d}.jsonl"


def parse_path(path: str) -> FileName | None:
    """The parts of a path within the output directory; None if it is not that of a file of records."""
    match = _FILE.fullmatch(path)
    if match is None or (match["packed"] and not match["last_seq"]):
        return None
    last_seq = match["last_seq"]
    return FileName(
        date=match["date"],
        writer=match["writer"],
        first_seq=int(match["first_seq"]),
        last_seq=None if last_seq is None else int(last_seq),
        edition=int(match["edition"] or 0),
    )


def merged_path(first: str, last_seq: int, *, pack: bool, edition: int = 0) -> str:
    """The name of a file that holds the records of the file `first` and those after it up to `last_seq`."""
    stem = first.partition(".")[0].partition("_")[0]
    return f"{stem}_{last_seq:012d}" + (f".{edition}" if edition else "") + ".jsonl" + (".zst" if pack else "")


def edited_path(path: str, last_seq: int) -> str:
    """The name of the next edition of a file whose last record is `last_seq`."""
    name = parse_path(path)
    return merged_path(path, last_seq, pack=is_packed(path), edition=1 + (name.edition if name else 0))


def is_packed(path: str) -> bool:
    return path.endswith(".zst")


def date_of(path: str) -> str:
    """The day of ingestion, YYYY-MM-DD, in the path of a file of records."""
    return Path(path).parent.name.removeprefix("date=")


def line(row: Row, writer: str) -> bytes:
    """The record as it stands in its segment, including the newline.

    The same row always gives the same bytes; the keys keep the body's order. The body of a draft is not parsed for
    that: the placeholders contain unescaped quotation marks, so no text in the record can be mistaken for them.
    """
    before, opens, rest = row.body.rpartition(_OPENS)
    between, decides, after = rest.partition(_DECIDES)
    if opens and decides:
        return b"".join((before, _opened(row, writer), between, _decided(row), after, b"\n"))
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


def _opened(row: Row, writer: str) -> bytes:
    return (
        f'"_ingest":{{"schema":1,"writer":"{writer}","seq":{row.seq},"op":"{row.op}","revision":{row.revision},'
        f'"ingested_at":"{rfc3339(row.ingested_at)}",'
    ).encode()


def _decided(row: Row) -> bytes:
    ids = (row.cluster_id, row.duplicate_of, row.duplicate_kind)
    cluster_id, duplicate_of, kind = ("null" if value is None else f'"{value}"' for value in ids)
    return f'"cluster_id":{cluster_id},"duplicate_of":{duplicate_of},"duplicate_kind":{kind},'.encode()
