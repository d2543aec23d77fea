"""The state of subscriptions at hubs (WebSub). Read only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Label, Row, Select, case, func, select

from worker.model import FeedId, Millis, State
from worker.store.database import tables as t
from worker.store.database.opening import reading

HubStanding = Literal["subscribed", "asked", "lapsed", "denied"]
"""subscribed: the hub announces new entries. asked: it has been asked to. lapsed: it did until its lease ended. denied:
it refuses, or could not be asked."""


_LISTED: Select[Any] = (
    select(t.subscription).join(t.feed, t.feed.c.id == t.subscription.c.feed_id).where(t.feed.c.active)
)


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
    mine = t.subscription.c.feed_id == feed_id
    row = connection.execute(select(t.subscription, _standing(now)).where(mine)).one_or_none()
    return None if row is None else _status(row)


def hubs_by_standing(connection: Connection, *, now: Millis) -> Mapping[str, int]:
    """How many hubs of listed feeds have each standing; all four are in the result."""
    listed = _LISTED.add_columns(_standing(now)).subquery()
    found = connection.execute(select(listed.c.standing, func.count()).group_by(listed.c.standing)).all()
    return dict.fromkeys(get_args(HubStanding), 0) | {row[0]: row[1] for row in found}


def read_hubs(state: State, *, now: Millis) -> Mapping[FeedId, HubStatus]:
    """The hubs of listed feeds. Raises StateError."""
    with reading(state) as connection:
        rows = connection.execute(_LISTED.add_columns(_standing(now))).all()
    return {FeedId(row.feed_id): _status(row) for row in rows}


def _status(row: Row[Any]) -> HubStatus:
    return HubStatus(
        url=row.hub,
        standing=row.standing,
        lease_until=row.lease_until or None,
        ask_at=Millis(row.ask_at),
        pushed_at=row.pushed_at,
        trusted=row.trusted,
        error=row.error,
    )


def _standing(now: Millis) -> Label[str]:
    hub = t.subscription.c
    subscribed, lapsed = (hub.lease_until > now, "subscribed"), (hub.lease_until > 0, "lapsed")
    return case(subscribed, lapsed, (hub.error.is_not(None), "denied"), else_="asked").label("standing")
