"""Leased work, with everything needed to do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Case, Connection, Row, and_, bindparam, case, select, update

from worker.model import (
    DAY_MS,
    NO_VALIDATORS,
    Claim,
    EntryId,
    FeedId,
    Ingest,
    Lease,
    Millis,
    Poll,
    RobotsCopy,
    Subscribe,
    Validators,
    Walk,
    Work,
)
from worker.store.database import tables as t
from worker.store.database.dialects import Each, Many, change
from worker.store.work.robots import copies
from worker.store.work.standing import moves_of, trust_of
from worker.store.work.subscriptions import of_feeds
from worker.urls import robots_url

REFRESH_MS = 30 * DAY_MS
"""After this time a feed is read whole, including known entries, to learn which have left it."""
_OF_FEED = (
    t.feed.c.title,
    t.feed.c.ok_at,
    t.feed.c.refreshed_at,
    t.feed.c.moved_to,
    t.feed.c.moved_polls,
    t.feed.c.etag,
    t.feed.c.last_modified,
    t.feed.c.version_url,
    t.feed.c.unchanged,
    t.feed.c.whole_at,
    t.feed.c.audit_after,
    t.feed.c.distrusted_until,
    t.feed.c.body_hash,
    t.feed.c.elements,
    t.feed.c.filters,
)

_WORK = Each(
    lambda which: (
        select(
            t.work,
            t.slot.c.k,
            t.slot.c.token,
            t.slot.c.lease_until,
            t.host.c.name.label("host"),
            t.feed.c.url.label("feed_url"),
            *_OF_FEED,
            t.entry.c.first_seen_at,
            t.entry.c.record_id,
        )
        .join(t.slot, t.in_its_slot)
        .join(t.host, t.host.c.id == t.work.c.host_id)
        .join(t.feed, t.feed.c.id == t.work.c.feed_id)
        .outerjoin(t.entry, t.entry.c.id == t.work.c.entry_id)
        .where(which(t.work.c.id))
    )
)
_LEASES = Each(
    lambda which: (
        select(t.work.c.id, t.work.c.entry_id, t.slot.c.host_id, t.slot.c.k, t.slot.c.token, t.slot.c.lease_until)
        .join(t.slot, t.in_its_slot)
        .where(which(t.work.c.id))
    )
)


_DUE = Many(update(t.work).where(t.work.c.id == bindparam("w")).values(due_at=bindparam("then")))
_ALL_DUE = """
    UPDATE work SET due_at = one."then"
    FROM unnest(%(w)s::bigint[], %(then)s::bigint[]) AS one (w, "then") WHERE id = one.w"""

_FREE = Many(
    update(t.slot)
    .where(t.slot.c.host_id == bindparam("h"), t.slot.c.k == bindparam("slot"))
    .values(lease_until=0, work_id=None)
)
_FREE_ALL = """
    UPDATE slot SET lease_until = 0, work_id = NULL
    FROM unnest(%(h)s::bigint[], %(slot)s::smallint[]) AS one (h, slot) WHERE host_id = one.h AND k = one.slot"""


def free_slots(connection: Connection, leases: Sequence[Lease]) -> None:
    """Ends leases that still stand: their slots may be taken again."""
    change(connection, _FREE, _FREE_ALL, [{"h": lease.host_id, "slot": lease.slot} for lease in leases])


def let_be_due(connection: Connection, rows: Sequence[dict[str, int]]) -> None:
    """Sets the due time of work and nothing else. rows: the work's id as `w`, the time as `then`."""
    change(connection, _DUE, _ALL_DUE, rows)


def due_again(at: Millis) -> Case[int]:
    """When work is due again that was begun and not done: at `at`. But the poll of a feed that was paused meanwhile
    waits until the pause ends or it is asked for."""
    rests = select(t.feed.c.id).where(t.feed.c.id == t.work.c.feed_id, t.feed.c.paused, t.feed.c.next_at.is_(None))
    return case((and_(t.is_poll, rests.correlate(t.work).exists()), t.FAR), else_=at)


def stands(found: Lease, asked: Lease, now: Millis) -> bool:
    """Whether the lease asked about is the current one and has not run out. It may have been renewed since."""
    same = (found.host_id, found.slot, found.token) == (asked.host_id, asked.slot, asked.token)
    return same and found.expires_at > now


def claims_of(connection: Connection, work_ids: Sequence[int]) -> list[Claim]:
    """The leases of these pieces of leased work, in the order of the ids, each with its kind."""
    rows = _LEASES.rows(connection, work_ids)
    found = [Claim(lease=_lease(row), kind="poll" if row.entry_id is None else "ingest") for row in rows]
    order = {work_id: place for place, work_id in enumerate(work_ids)}
    return sorted(found, key=lambda claim: order[claim.lease.work_id])


def leases_of(connection: Connection, work_ids: Sequence[int]) -> list[Lease]:
    """The leases of these pieces of leased work, in the order of the ids."""
    return [claim.lease for claim in claims_of(connection, work_ids)]


def read_leased(connection: Connection, work_ids: Sequence[int], *, now: Millis) -> list[Work]:
    """Leased work, in the order of the ids."""
    found: list[Work] = []
    rows = _WORK.rows(connection, work_ids)
    asked = {row.id: robots_url(row.url) for row in rows if row.entry_id is not None and row.url is not None}
    known = copies(connection, set(asked.values()), now=now)
    asking = [row.feed_id for row in rows if row.subscribe]
    hubs = of_feeds(connection, asking) if asking else {}
    for row in rows:
        robots = known[asked[row.id]] if row.id in asked else None
        if row.pages is not None:
            found.append(_walk(row))
        elif row.entry_id is None:
            found.append(_poll(row, now, hubs.get(row.feed_id)))
        else:
            found.append(_ingest(row, robots))
    order = {work_id: place for place, work_id in enumerate(work_ids)}
    return sorted(found, key=lambda work: order[work.lease.work_id])


def _lease(row: Row[Any]) -> Lease:
    return Lease(work_id=row.id, host_id=row.host_id, slot=row.k, token=row.token, expires_at=Millis(row.lease_until))


def _poll(row: Row[Any], now: Millis, hub: Row[Any] | None) -> Poll:
    refresh = row.refreshed_at is None or now - row.refreshed_at > REFRESH_MS
    lost_hub = row.subscribe and hub is None
    url = (None if lost_hub else row.url) or moves_of(row).in_force or row.feed_url
    has_any = row.etag is not None or row.last_modified is not None
    known = has_any and not row.seek and not row.subscribe and row.version_url == url
    conditional = known and not refresh and trust_of(row).is_conditional(now)
    return Poll(
        lease=_lease(row),
        feed_id=FeedId(row.feed_id),
        url=url,
        hops=row.hops,
        permanent=row.permanent,
        validators=Validators(etag=row.etag, last_modified=row.last_modified) if conditional else NO_VALIDATORS,
        audit=known and not conditional,
        body_hash=b"" if refresh else row.body_hash or b"",
        packed=b"" if refresh else row.elements or b"",
        refresh=refresh,
        first=row.ok_at is None,
        feed_title=row.title,
        filters=row.filters or b"",
        seek=row.seek,
        subscribe=Subscribe(topic=hub.topic, token=hub.token, secret=hub.secret) if hub is not None else None,
    )


def _walk(row: Row[Any]) -> Walk:
    return Walk(
        lease=_lease(row),
        feed_id=FeedId(row.feed_id),
        url=row.url,
        hops=row.hops,
        tries=row.tries,
        waits=row.waits,
    )


def _ingest(row: Row[Any], robots: RobotsCopy | None) -> Ingest:
    return Ingest(
        lease=_lease(row),
        entry_id=EntryId(row.entry_id),
        record_id=row.record_id.hex(),
        feed_id=FeedId(row.feed_id),
        feed_title=row.title,
        url=row.url,
        hops=row.hops,
        host=row.host,
        robots=robots,
        entry=row.entry,
        first_seen_at=Millis(row.first_seen_at),
        tries=row.tries,
        waits=row.waits,
        validators=Validators(etag=row.page_etag, last_modified=row.page_modified),
    )
