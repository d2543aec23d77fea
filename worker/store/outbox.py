"""Rows numbered into segments, and marked when they are published.

Numbering is one transaction: from it a segment's name and bytes follow, so a publication that a crash cut off is
repeated to the same file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from worker.model import Millis, Op
from worker.store import tables as t
from worker.store.lines import leave_out

SEGMENT_BYTES = 16_000_000
"""Of records in one segment, unless it is a single one: segments are held in memory while they are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A record with all that the commit decided."""

    seq: int
    op: Op
    revision: int
    ingested_at: Millis
    first_seen_at: Millis | None
    """Of the entry, where the article is new."""
    duplicate_of: str | None
    cluster_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSegment:
    """Rows that go into one file."""

    id: int
    writer: str
    date: str
    """UTC day of ingestion; never before that of the segment before."""
    created_at: Millis
    rows: tuple[OutboxRow, ...]


def waiting(connection: Connection) -> tuple[int, Millis | None]:
    """How many records are not published yet, and since when the oldest of them waits."""
    count, oldest = connection.execute(select(func.count(), func.min(t.outbox.c.ingested_at))).one()
    return count, oldest


def number(connection: Connection, *, now: Millis, limit: int) -> OutboxSegment | None:
    """The next segment to publish: one that was numbered and not marked, else of at most `limit` rows, all of one
    day. None where there are no rows."""
    numbered = connection.execute(
        select(t.segment).where(t.segment.c.path.is_(None)).order_by(t.segment.c.id).limit(1)
    ).one_or_none()
    if numbered is None:
        numbered = _number(connection, now=now, limit=limit)
    if numbered is None:
        return None
    rows = connection.execute(
        select(t.outbox).where(t.outbox.c.segment_id == numbered.id).order_by(t.outbox.c.seq)
    ).all()
    return OutboxSegment(
        id=numbered.id,
        writer=numbered.writer,
        date=numbered.date,
        created_at=Millis(numbered.created_at),
        rows=tuple(_row(row) for row in rows),
    )


def _number(connection: Connection, *, now: Millis, limit: int) -> Row[Any] | None:
    rows = connection.execute(
        select(
            t.outbox.c.id,
            t.outbox.c.ingested_at,
            t.outbox.c.site,
            t.outbox.c.lines,
            func.length(t.outbox.c.body).label("bytes"),
        )
        .where(t.outbox.c.segment_id.is_(None))
        .order_by(t.outbox.c.id)
        .limit(limit)
    ).all()
    if not rows:
        return None
    last_date = connection.scalar(select(t.segment.c.date).order_by(t.segment.c.id.desc()).limit(1)) or ""
    # Never one row before another that was decided earlier: an update would precede what it updates.
    dates = list(accumulate((_date(row.ingested_at) for row in rows), max, initial=last_date))[1:]
    sizes = accumulate(row.bytes for row in rows)
    fits = [date == dates[0] and size <= SEGMENT_BYTES for date, size in zip(dates, sizes, strict=True)]
    taken = [row for row, fit in zip(rows, fits, strict=True) if fit] or [rows[0]]
    ids = [row.id for row in taken]
    leave_out(connection, [(row.id, row.site, row.lines) for row in taken if row.lines])
    values = {row.key: row.value for row in connection.execute(select(t.meta.c.key, t.meta.c.value))}
    last = int(values["last_seq"])
    segment = connection.execute(
        insert(t.segment)
        .values(writer=values["writer"], date=dates[0], created_at=now, first_seq=last + 1, last_seq=last + len(ids))
        .returning(t.segment)
    ).one()
    connection.execute(
        update(t.outbox).where(t.outbox.c.id == bindparam("row")).values(seq=bindparam("n"), segment_id=segment.id),
        [{"row": row_id, "n": last + place} for place, row_id in enumerate(ids, 1)],
    )
    connection.execute(update(t.meta).where(t.meta.c.key == "last_seq").values(value=str(last + len(ids))))
    return segment


def mark(connection: Connection, segment_id: int, *, path: str, sha256: str) -> None:
    """The segment stands in the output directory: its rows have done their duty."""
    connection.execute(update(t.segment).where(t.segment.c.id == segment_id).values(path=path, sha256=sha256))
    connection.execute(delete(t.outbox).where(t.outbox.c.segment_id == segment_id))


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        seq=row.seq,
        op=row.op,
        revision=row.revision,
        ingested_at=Millis(row.ingested_at),
        first_seen_at=row.first_seen_at,
        duplicate_of=None if row.duplicate_of is None else row.duplicate_of.hex(),
        cluster_id=None if row.cluster_id is None else row.cluster_id.hex(),
        body=row.body,
    )


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
