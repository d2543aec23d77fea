"""Writes records to the outbox, from which they are put into segments."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, insert, select

from worker.model import EntryId, Millis, Op
from worker.record import shard_place
from worker.store.database import tables as t
from worker.store.known.stories import Story

_FIRST_SEEN = select(t.entry.c.first_seen_at).where(t.entry.c.id == bindparam("seen_with")).scalar_subquery()
_SHARDS = select(func.count()).select_from(t.writer).scalar_subquery()
RECORD = insert(t.outbox).values(first_seen_at=_FIRST_SEEN, shard=bindparam("place", type_=Integer) % _SHARDS)


def write(connection: Connection, op: Op, **record: Any) -> None:
    """Adds a record to the outbox. record: as `outbox_values` takes it."""
    connection.execute(RECORD, outbox_values(op, **record))


def outbox_values(
    op: Op,
    *,
    id: bytes,
    revision: int,
    body: bytes,
    at: Millis,
    story: Story,
    lines: tuple[str | None, bytes | None] = (None, None),
    seen_with: EntryId | None = None,
) -> dict[str, Any]:
    """The parameters of `RECORD`. id: the record's. lines: the site, and the lines of the text, some of which may turn
    out to be the site's. seen_with: the entry, if the article is new."""
    return {
        "op": op,
        "place": shard_place(id),
        "revision": revision,
        "ingested_at": at,
        "body": body,
        "site": lines[0],
        "lines": lines[1],
        "duplicate_of": story.copy_of,
        "cluster_id": story.cluster_id,
        "seen_with": seen_with,
    }
