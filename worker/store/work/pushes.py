"""What hubs send to our callbacks (WebSub): that they accept or refuse a subscription, or that there is something
new."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from worker.model import DAY_MS, FeedId, Millis
from worker.store.database import tables as t
from worker.store.database.locks import hold_work
from worker.store.work.floods import is_flooded
from worker.store.work.settling import settle
from worker.store.work.subscriptions import GAP_MS, LONGEST_MS, LOOK, POLL, SHORTEST_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What identifies the hub that announces a feed's new entries."""

    feed_id: FeedId
    topic: str
    secret: str = field(repr=False)


def by_token(connection: Connection, token: str) -> Subscription | None:
    """The subscription whose callback URL has this token, if its feed is listed; else None."""
    row = _by_token(connection, token)
    if row is None:
        return None
    return Subscription(feed_id=FeedId(row.feed_id), topic=row.topic, secret=row.secret)


def _by_token(connection: Connection, token: str) -> Row[Any] | None:
    listed = select(t.feed.c.id).where(t.feed.c.id == t.subscription.c.feed_id, t.feed.c.active)
    mine = (t.subscription.c.token == token, listed.exists())
    return connection.execute(select(t.subscription).where(*mine)).one_or_none()


def verified(connection: Connection, token: str, *, topic: str, lease_s: int, now: Millis) -> bool:
    """Whether we want the subscription that a hub asks about. If so, it counts as confirmed for `lease_s` seconds."""
    row = _by_token(connection, token)
    if row is None or row.topic != topic:
        return False
    lease_ms = min(max(lease_s, 0) * 1000, LONGEST_MS)
    values = {"lease_until": now + lease_ms, "ask_at": now + max(lease_ms // 2, SHORTEST_MS), "error": None, "tries": 0}
    connection.execute(update(t.subscription).where(t.subscription.c.feed_id == row.feed_id).values(values))
    return True


def denied(connection: Connection, token: str, *, topic: str, reason: str, now: Millis) -> bool:
    """Notes that the hub refuses a subscription or has ended it; it is asked again in a day. Returns whether it was
    ours."""
    row = _by_token(connection, token)
    if row is None or row.topic != topic:
        return False
    values = {"lease_until": 0, "trusted": False, "ask_at": now + DAY_MS, "error": f"denied by the hub: {reason}"}
    connection.execute(update(t.subscription).where(t.subscription.c.feed_id == row.feed_id).values(values))
    return True


def pushed(connection: Connection, feed_id: str, *, now: Millis) -> Millis | None:
    """Notes that a hub announced something new, and returns when the feed is polled because of it. None if it is not:
    it is paused or retired, or too much of it waits already."""
    feed = connection.execute(select(t.feed).where(t.feed.c.id == feed_id, t.feed.c.active)).one_or_none()
    if feed is None or feed.paused or feed.retired or is_flooded(connection, feed_id):
        return None
    poll = and_(t.work.c.feed_id == feed_id, t.is_poll)
    hold_work(connection, poll)
    columns = (t.work.c.id, t.work.c.host_id, t.work.c.due_at, t.is_under_way.label("under_way"))
    work = connection.execute(select(*columns).where(poll)).one_or_none()
    owed = POLL if work is None or work.under_way else LOOK
    mine = t.subscription.c.feed_id == feed_id
    connection.execute(update(t.subscription).where(mine).values(pushed_at=now, trusted=True, error=None, owed=owed))
    due_at = Millis(max(now, (feed.polled_at or 0) + GAP_MS))
    if work is not None and not work.under_way and work.due_at > due_at:
        connection.execute(update(t.work).where(t.work.c.id == work.id).values(due_at=due_at))
        connection.execute(
            update(t.feed).where(t.feed.c.id == feed_id).values(next_at=due_at, why="its hub told of something new")
        )
        settle(connection, [work.host_id])
    return due_at
