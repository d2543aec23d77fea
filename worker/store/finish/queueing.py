"""The work of entries that are to be read, queued, or changed if it is queued already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from worker.model import EntryId, PollDone, SeenEntry
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.feeds import Policies, host_id

_QUEUED = select(t.work, t.is_under_way.label("under_way")).where(
    t.work.c.entry_id.in_(bindparam("ids", expanding=True))
)


def work(done: PollDone, seen: SeenEntry, entry_id: EntryId, *, page: str | None) -> dict[str, object]:
    """The row of new work. page: to fetch; None if the feed's own content is used."""
    return {
        "feed_id": done.feed_id,
        "entry_id": entry_id,
        "priority": t.NEW,
        "host": seen.host if page else t.NO_HOST,
        "url": page,
        "due_at": done.at,
        "entry": seen.entry,
    }


def not_yet_queued(
    connection: Connection, queue: Mapping[EntryId, dict[str, Any]], added: Collection[EntryId], policies: Policies
) -> tuple[list[dict[str, Any]], set[int]]:
    """Returns the work that still has to be queued, and the hosts whose work was changed. Work that is already queued
    gets the feed's latest description instead of being queued twice. If it is under way with an older one, `again`
    tells `finish_entry` so; if it waits for another look at its page, it is due when the new work would be. added:
    entries that this commit added, which can't be queued yet."""
    by_entry = dict(queue)
    touched: set[int] = set()
    for batch in chunks([entry_id for entry_id in queue if entry_id not in added]):
        for row in connection.execute(_QUEUED, {"ids": batch}).all():
            queued = by_entry.pop(row.entry_id)
            values: dict[str, Any] = {"entry": queued["entry"], "again": bool(row.under_way)}
            if not row.under_way and row.priority == t.BACKFILL:
                values |= {"priority": t.NEW, "due_at": queued["due_at"], "page_etag": None, "page_modified": None}
            if not row.under_way and not row.hops and row.url != queued["url"]:
                values |= {"url": queued["url"], "host_id": host_id(connection, str(queued["host"]), policies)}
            connection.execute(update(t.work).where(t.work.c.id == row.id).values(values))
            touched |= {row.host_id, values.get("host_id", row.host_id)}
    return list(by_entry.values()), touched
