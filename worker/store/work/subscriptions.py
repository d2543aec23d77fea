"""WebSub (https://www.w3.org/TR/websub/): hubs that are asked to tell of feeds' new entries, and what they told.

A hub is asked in the turn of its host, as a step of a feed's poll (`work.subscribe`), as the site of a lost feed is: so
leases, delays and Retry-After hold for it, too. What a hub tells is a hint: the feed is polled then, by the same poll
as ever, so that nothing comes from a hub that the publisher did not say, and nothing comes twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from worker.model import DAY_MS, HOUR_MS, MINUTE_MS, Finished, Hub, Millis, PollDone, Subscribed
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.feeds import Policies, host_id_of

SHORTEST_MS, LONGEST_MS = HOUR_MS, 30 * DAY_MS
"""Between two requests of a hub for one feed, and of a lease: what a hub says beyond is not believed."""
GAP_MS = 10_000
"""From a poll to the next that a hub's word brings about: one that speaks without end moves nobody to more."""
RECHECK_MS = MINUTE_MS
"""After a poll that found nothing of what was told: caches in front of a publisher lag behind its hub."""
_HUB_QUEUE = 50
_HUB_PATIENCE_MS = MINUTE_MS

# How much a hub's word is still owed: nothing, a second look where the first finds nothing, another poll at any rate.
NOTHING, LOOK, POLL = range(3)


def of_feeds(connection: Connection, feed_ids: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for ids in chunks(feed_ids):
        rows = connection.execute(select(t.subscription).where(t.subscription.c.feed_id.in_(ids)))
        found.update((row.feed_id, row) for row in rows)
    return found


def advertised(connection: Connection, feed_id: str, row: Row[Any] | None, hub: Hub | None, now: Millis) -> None:
    """What a document says of its hub: another one, or another name there, is subscribed to anew."""
    if hub is None:
        if row is not None:
            connection.execute(delete(t.subscription).where(t.subscription.c.feed_id == feed_id))
        return
    if row is not None and (row.hub, row.topic) == (hub.url, hub.topic):
        return
    values = {
        "hub": hub.url,
        "topic": hub.topic,
        "token": secrets.token_urlsafe(24),
        "secret": secrets.token_hex(32),
        "ask_at": now,
        "lease_until": 0,
        "trusted": False,
        "owed": NOTHING,
        "tries": 0,
        "error": None,
    }
    if row is None:
        connection.execute(insert(t.subscription).values(feed_id=feed_id, **values))
    else:
        connection.execute(update(t.subscription).where(t.subscription.c.feed_id == feed_id).values(values))


def is_relied_on(row: Row[Any] | None, now: Millis) -> bool:
    """The hub tells of what is new: the feed need not be polled as often as without it."""
    return row is not None and row.trusted and row.lease_until > now + DAY_MS // 4


def told(connection: Connection, row: Row[Any], done: PollDone, *, found: int, due_at: int) -> int:
    """When the feed is polled next, by what its hub has told: `due_at`, or sooner. `found`: entries that were new or
    changed. Notes what is owed still, and whether the hub has passed something over."""
    values: dict[str, Any] = {}
    if row.owed == POLL:
        due_at, values = min(due_at, done.at + GAP_MS), {"owed": LOOK}
    elif row.owed == LOOK and done.failure is None:
        values = {"owed": NOTHING}
        due_at = due_at if found else min(due_at, done.at + RECHECK_MS)
    elif row.trusted and found and row.owed == NOTHING:
        values = {"trusted": False, "error": "entries came that the hub had told nothing of"}
    if values:
        connection.execute(update(t.subscription).where(t.subscription.c.feed_id == row.feed_id).values(values))
    return due_at


def to_ask(connection: Connection, rows: Mapping[str, Row[Any]], policies: Policies, now: Millis) -> dict[str, str]:
    """The feeds whose hub is to be asked now, with its URL; but for hubs that others wait for already."""
    found: dict[str, str] = {}
    for feed_id, row in rows.items():
        if row.ask_at > now:
            continue
        host_id = host_id_of(connection, row.hub, policies)
        waits = connection.scalar(select(t.host.c.not_before).where(t.host.c.id == host_id)) or 0
        queue = select(func.count()).select_from(t.work).where(t.work.c.host_id == host_id, t.work.c.subscribe)
        if waits <= now + _HUB_PATIENCE_MS and (connection.scalar(queue) or 0) < _HUB_QUEUE:
            found[feed_id] = row.hub
    return found


def finish_asking(connection: Connection, done: Subscribed) -> None:
    """What became of asking a hub. Whether it agrees it says by itself, perhaps before its answer has come."""
    mine = t.subscription.c.feed_id == done.feed_id
    row = connection.execute(select(t.subscription).where(mine)).one_or_none()
    if row is None:
        return
    if done.error is None:
        later = row.ask_at if row.ask_at > done.at else done.at + SHORTEST_MS
        connection.execute(update(t.subscription).where(mine).values(ask_at=later, tries=0, error=None))
    else:
        wait = min(SHORTEST_MS * 2**row.tries, DAY_MS)
        values = {"ask_at": done.at + wait, "tries": min(row.tries + 1, 30), "error": done.error}
        connection.execute(update(t.subscription).where(mine).values(values))


def finished(row: Row[Any]) -> Finished:
    """Of asking a hub: the feed is polled at the time that it had."""
    return Finished(next_at=row.next_at, why=row.why or "")
