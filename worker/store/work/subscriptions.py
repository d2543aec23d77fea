"""WebSub (https://www.w3.org/TR/websub/): subscriptions at the hubs that feeds name, and what those announced.

A hub is asked as a step of the feed's poll (`work.subscribe`) and in its host's turn, like the site of a lost feed. So
leases, delays and Retry-After apply to it, too. What a hub announces is only a hint: the feed is then polled as usual,
so that a hub can't bring in anything that the publisher did not publish, and nothing comes twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from worker.model import DAY_MS, HOUR_MS, MINUTE_MS, Hub, Millis, PollDone, Subscribed
from worker.store.database import tables as t
from worker.store.database.batches import chunks
from worker.store.known.feeds import Policies, host_id
from worker.urls import host_of

SHORTEST_MS, LONGEST_MS = HOUR_MS, 30 * DAY_MS
"""SHORTEST_MS and LONGEST_MS bound the time between two requests to a hub for one feed, and the length of a lease,
whatever the hub says."""
GAP_MS = 10_000
"""Minimum time between a poll and the next one caused by a hub, so that a hub that never stops announcing gains
nothing."""
RECHECK_MS = MINUTE_MS
"""How soon to poll again when a poll found nothing of what was announced: caches in front of a publisher lag behind its
hub."""
_HUB_QUEUE = 50
_HUB_PATIENCE_MS = MINUTE_MS

# What a hub's announcement still calls for: nothing; a second poll if the first finds nothing; another poll anyway.
NOTHING, LOOK, POLL = range(3)


def of_feeds(connection: Connection, feed_ids: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for ids in chunks(feed_ids):
        rows = connection.execute(select(t.subscription).where(t.subscription.c.feed_id.in_(ids)))
        found.update((row.feed_id, row) for row in rows)
    return found


def advertised(connection: Connection, feed_id: str, row: Row[Any] | None, hub: Hub | None, now: Millis) -> None:
    """Stores the hub that a document names. If the hub or the topic has changed, we subscribe anew."""
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
    """Whether the hub announces new entries, so that the feed need not be polled as often."""
    return row is not None and row.trusted and row.lease_until > now + DAY_MS // 4


def told(connection: Connection, row: Row[Any], done: PollDone, *, found: int, due_at: int) -> int:
    """When the feed is polled next, given what its hub announced: `due_at` or sooner. found: how many entries were new
    or changed. Stores what the announcement still calls for, and whether entries came that the hub did not announce."""
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
    """The feeds whose hub is to be asked now, with the hub's URL. Left out are hubs that must not be asked soon, or
    that many other feeds wait for."""
    found: dict[str, str] = {}
    for feed_id, row in rows.items():
        if row.ask_at > now:
            continue
        hub = host_id(connection, host_of(row.hub), policies)
        waits = connection.scalar(select(t.host.c.not_before).where(t.host.c.id == hub)) or 0
        queue = select(func.count()).select_from(t.work).where(t.work.c.host_id == hub, t.work.c.subscribe)
        if waits <= now + _HUB_PATIENCE_MS and (connection.scalar(queue) or 0) < _HUB_QUEUE:
            found[feed_id] = row.hub
    return found


def finish_asking(connection: Connection, done: Subscribed) -> None:
    """Stores the outcome of a request to a hub. Whether it accepts, it says in a request of its own, perhaps before its
    answer has arrived here."""
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
