"""The state of subscriptions at hubs (WebSub). Read only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, case, func, select

from worker.model import FeedId, Millis, State
from worker.store.database import tables as t
from worker.store.database.opening import reading

HubStanding = Literal["subscribed", "asked", "lapsed", "denied"]
"""subscribed: the hub announces new entries. asked: it has been asked to. lapsed: it did until its lease ended. denied:
it refuses, or could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStatus:
    """The hub that announces a feed's new entries."""

    url: str
    standing: HubStanding
    lease_until: Millis | None
    """None: it has not agreed."""
    ask_at: Millis
    """It is asked again with the first poll after this time."""
    pushed_at: Millis | None
    """When it last announced something."""
    trusted: bool
    """Whether it has announced everything new since then."""
    error: str | None


def hub_of(connection: Connection, feed_id: str, *, now: Millis) -> HubStatus | None:
    """The hub that a feed names; None if there is no subscription."""
    row = connection.execute(select(t.subscription).where(t.subscription.c.feed_id == feed_id)).one_or_none()
    return None if row is None else _status(row, now)


def hubs_by_standing(connection: Connection, *, now: Millis) -> Mapping[str, int]:
    """How many hubs of listed feeds have each standing; all four are in the result."""
    hub = t.subscription.c
    standing = case(
        (hub.lease_until > now, "subscribed"),
        (hub.lease_until > 0, "lapsed"),
        (hub.error.is_not(None), "denied"),
        else_="asked",
    ).label("standing")
    listed = select(standing).join(t.feed, t.feed.c.id == hub.feed_id).where(t.feed.c.active).subquery()
    found = connection.execute(select(listed.c.standing, func.count()).group_by(listed.c.standing)).all()
    none = {"subscribed": 0, "asked": 0, "lapsed": 0, "denied": 0}
    return none | {row[0]: row[1] for row in found}


def read_hubs(state: State, *, now: Millis) -> Mapping[FeedId, HubStatus]:
    """The hubs of listed feeds. Raises StateError."""
    with reading(state) as connection:
        listed = select(t.subscription).join(t.feed, t.feed.c.id == t.subscription.c.feed_id).where(t.feed.c.active)
        found = {FeedId(row.feed_id): _status(row, now) for row in connection.execute(listed)}
    return found


def _status(row: Row[Any], now: Millis) -> HubStatus:
    return HubStatus(
        url=row.hub,
        standing=_standing(row, now),
        lease_until=row.lease_until or None,
        ask_at=Millis(row.ask_at),
        pushed_at=row.pushed_at,
        trusted=row.trusted,
        error=row.error,
    )


def _standing(row: Row[Any], now: Millis) -> HubStanding:
    if row.lease_until > now:
        return "subscribed"
    if row.lease_until > 0:
        return "lapsed"
    return "asked" if row.error is None else "denied"
