"""Records numbered into segments, and deleted once these are published.

Numbering is one transaction that fixes a segment's name and bytes, so a publication cut off by a crash is repeated into
the same file.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from worker.model import DAY_MS, Millis, Op
from worker.store.database import tables as t
from worker.store.database.dialects import Many
from worker.store.known.lines import leave_out

SEGMENT_BYTES = 16_000_000
"""The most bytes of records in one segment (unless a single record is larger), because segments are held in memory
while they are written."""

_NUMBER = Many(
    update(t.outbox).where(t.outbox.c.id == bindparam("row")).values(seq=bindparam("n"), segment_id=bindparam("its"))
)


class OutboxRow(NamedTuple):
    """A record with everything the commit decided about it."""

    seq: int
    op: Op
    revision: int
    ingested_at: Millis
    first_seen_at: Millis | None
    """When the entry was first seen; only if the article is new."""
    duplicate_of: str | None
    cluster_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSegment:
    """Records that go into one file."""

    id: int
    shard: int
    writer: str
    date: str
    """UTC day of ingestion; never earlier than that of the segment before."""
    created_at: Millis
    rows: tuple[OutboxRow, ...]


def waiting(connection: Connection, *, shard: int) -> tuple[int, Millis | None]:
    """How many records of a shard are not published yet, and since when the oldest of them waits."""
    figures = select(func.count(), func.min(t.outbox.c.ingested_at)).where(t.outbox.c.shard == shard)
    count, oldest = connection.execute(figures).one()
    return count, oldest


def number(connection: Connection, *, shard: int, now: Millis, limit: int) -> OutboxSegment | None:
    """The next segment of a shard to publish: one that was numbered before but not yet published, or else a new one of
    at most `limit` records, all of one day. None if there are no records."""
    writer = connection.execute(select(t.writer).where(t.writer.c.shard == shard).with_for_update()).one()
    numbered = connection.execute(
        select(t.segment)
        .where(t.segment.c.path.is_(None), t.segment.c.shard == shard)
        .order_by(t.segment.c.id)
        .limit(1)
    ).one_or_none()
    if numbered is None:
        numbered = _number(connection, writer, now=now, limit=limit)
    if numbered is None:
        return None
    rows = connection.execute(
        select(t.outbox).where(t.outbox.c.segment_id == numbered.id).order_by(t.outbox.c.seq)
    ).all()
    return OutboxSegment(
        id=numbered.id,
        shard=shard,
        writer=numbered.writer,
        date=numbered.date,
        created_at=Millis(numbered.created_at),
        rows=tuple(_row(row) for row in rows),
    )


def _number(connection: Connection, writer: Row[Any], *, now: Millis, limit: int) -> Row[Any] | None:
    rows = connection.execute(
        select(
            t.outbox.c.id,
            t.outbox.c.ingested_at,
            t.outbox.c.site,
            t.outbox.c.lines,
            func.length(t.outbox.c.body).label("bytes"),
        )
        .where(t.outbox.c.segment_id.is_(None), t.outbox.c.shard == writer.shard)
        .order_by(t.outbox.c.id)
        .limit(limit)
    ).all()
    if not rows:
        return None
    before = select(t.segment.c.date).where(t.segment.c.shard == writer.shard)
    last_date = connection.scalar(before.order_by(t.segment.c.id.desc()).limit(1)) or ""
    # Dates never go back from one row to the next, or an update could come before what it updates.
    begin = accumulate((row.ingested_at // DAY_MS * DAY_MS for row in rows), max)
    dates = [max(_date(at), last_date) for at in begin]
    sizes = accumulate(row.bytes for row in rows)
    fits = [date == dates[0] and size <= SEGMENT_BYTES for date, size in zip(dates, sizes, strict=True)]
    taken = [row for row, fit in zip(rows, fits, strict=True) if fit] or [rows[0]]
    ids = [row.id for row in taken]
    leave_out(connection, [(row.id, row.site, row.lines) for row in taken if row.lines])
    last = writer.last_seq
    segment = connection.execute(
        insert(t.segment)
        .values(
            shard=writer.shard,
            writer=writer.name,
            date=dates[0],
            created_at=max(now, *(row.ingested_at for row in taken)),  # `now` was read before this turn in the state
            first_seq=last + 1,
            last_seq=last + len(ids),
        )
        .returning(t.segment)
    ).one()
    numbered = [{"row": row_id, "n": last + place, "its": segment.id} for place, row_id in enumerate(ids, 1)]
    _NUMBER.execute(connection, numbered)
    connection.execute(update(t.writer).where(t.writer.c.shard == writer.shard).values(last_seq=last + len(ids)))
    return segment


def lock_numbering(connection: Connection) -> None:
    """Keeps others from numbering until the transaction ends: a record without a number stays without one that long."""
    connection.execute(select(t.writer.c.shard).order_by(t.writer.c.shard).with_for_update()).all()


def mark(connection: Connection, segment_id: int, *, path: str, sha256: str) -> None:
    """Notes that the segment is in the output directory, and deletes its rows from the outbox."""
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


@functools.lru_cache(8)
def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
