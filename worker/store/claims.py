"""Due work for free slots of ready hosts.

A host can be claimed for when its `not_before` has come, one of its slots is free (or its lease has ended), and some of
its work is due. `host.next_at` is the earliest time at which all three can hold, kept by `settle` after each change, so
that a claim reads an index, however many hosts wait. Each claim takes one piece of work a host; of the work that asks
no host it takes all that there is room for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, bindparam, func, or_, select, update

from worker.model import EntryId, FeedId, Ingest, Lease, Millis, Poll, RobotsCopy, Subscribe, Validators, Walk, Work
from worker.store import tables as t
from worker.store.batches import chunks
from worker.store.robots import copies
from worker.store.standing import moves_of, trust_of
from worker.store.subscriptions import of_feeds
from worker.urls import robots_url

ELEMENT_BYTES = 8
MAX_LOST = 20
"""Leases that may end unfinished, one after the other, before work is put aside: kills of the worker are not its fault,
and only what kills the worker each time gets this far."""
REFRESH_MS = 30 * 86_400_000
"""After which a feed is gone through whole, known entries and all, to learn which have left it."""
_HOUR = 3_600_000
_OF_FEED = (
    t.feed.c.title,
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

_USABLE_SLOT = (t.slot.c.host_id == t.host.c.id) & (t.slot.c.k < t.host.c.width)

# A statement costs more to build than to carry out: those of each claim and each commit are built once.


def claim(
    connection: Connection, *, now: Millis, limit: int, lease_ms: int, polls_due_by: Millis | None = None
) -> list[Work]:
    """Leases at most `limit` pieces of due work, one a host (but `NO_HOST`); polls only if due by `polls_due_by`."""
    polls_by = now if polls_due_by is None else min(now, polls_due_by)
    rows = connection.execute(_READY, {"now": now, "polls_by": polls_by, "limit": limit}).all()
    taken: list[tuple[Row[Any], int]] = []
    idle: list[int] = []
    for row in rows:
        work_id = next((w for w in (row.poll, row.new, row.retry, row.backfill) if w is not None), None)
        if work_id is None or row.k is None:
            idle.append(row.id)
        else:
            taken.append((row, work_id))
    _take(connection, taken, now=now, until=Millis(now + lease_ms))
    unhosted = _unhosted(connection, now=now, limit=limit - len(taken))
    _take(connection, unhosted, now=now, until=Millis(now + lease_ms))
    taken += unhosted
    settle(connection, [*idle, *(row.id for row, _ in taken)], polls_by=polls_due_by)
    return _read(connection, [work_id for _, work_id in taken], now=now)


def _due(priority: int, by: str) -> ScalarSelect[Any]:
    """The host's first piece of work of a priority that is due by the bound instant `by`."""
    due = (t.work.c.host_id == t.host.c.id, t.work.c.priority == priority, t.work.c.due_at <= bindparam(by))
    return select(t.work.c.id).where(*due).order_by(t.work.c.due_at).limit(1).scalar_subquery()


_READY: Any = (
    select(
        t.host.c.id,
        t.host.c.delay_ms,
        select(func.min(t.slot.c.k))
        .where(_USABLE_SLOT, t.slot.c.lease_until <= bindparam("now"))
        .scalar_subquery()
        .label("k"),
        _due(t.POLL, "polls_by").label("poll"),
        _due(t.NEW, "now").label("new"),
        _due(t.RETRY, "now").label("retry"),
        _due(t.BACKFILL, "now").label("backfill"),
    )
    .where(t.host.c.next_at <= bindparam("now"), t.host.c.not_before <= bindparam("now"))
    .order_by(t.host.c.next_at)
    .limit(bindparam("limit"))
)
_UNHOSTED_SLOTS: Any = (
    select(t.host.c.id, t.host.c.delay_ms, t.slot.c.k)
    .join(t.slot, t.slot.c.host_id == t.host.c.id)
    .where(t.host.c.name == t.NO_HOST, t.slot.c.lease_until <= bindparam("now"))
    .limit(bindparam("limit"))
)
_UNHOSTED_WORK = (
    select(t.work.c.id)
    .join(t.host, t.host.c.id == t.work.c.host_id)
    .where(t.host.c.name == t.NO_HOST, t.work.c.due_at <= bindparam("now"))
    .order_by(t.work.c.priority, t.work.c.due_at)
    .limit(bindparam("limit"))
)


def _unhosted(connection: Connection, *, now: Millis, limit: int) -> list[tuple[Row[Any], int]]:
    """What is due and asks no host, with free slots for it."""
    slots = connection.execute(_UNHOSTED_SLOTS, {"now": now, "limit": limit}).all()
    due = connection.scalars(_UNHOSTED_WORK, {"now": now, "limit": len(slots)})
    return list(zip(slots, due, strict=False))


_TAKE_SLOT = (
    update(t.slot)
    .where(t.slot.c.host_id == bindparam("h"), t.slot.c.k == bindparam("slot"))
    .values(token=t.slot.c.token + 1, lease_until=bindparam("until"), work_id=bindparam("w"))
)
_TAKE_WORK = update(t.work).where(t.work.c.id == bindparam("w")).values(due_at=bindparam("until"), again=False)
_MOVE_ON = update(t.host).where(t.host.c.id == bindparam("h")).values(not_before=bindparam("then"))


def _take(connection: Connection, taken: Sequence[tuple[Row[Any], int]], *, now: Millis, until: Millis) -> None:
    if not taken:
        return
    _end_leases(connection, {row.id for row, _ in taken}, now=now)
    connection.execute(
        _TAKE_SLOT, [{"h": row.id, "slot": row.k, "w": work_id, "until": until} for row, work_id in taken]
    )
    connection.execute(_TAKE_WORK, [{"w": work_id, "until": until} for _, work_id in taken])
    connection.execute(_MOVE_ON, [{"h": row.id, "then": now + row.delay_ms} for row, _ in taken])


_ENDED = (
    t.slot.c.host_id.in_(bindparam("hosts", expanding=True)),
    t.slot.c.lease_until <= bindparam("now"),
    t.slot.c.work_id.is_not(None),
)
_COUNT_LOST = (
    update(t.work).where(t.work.c.id.in_(select(t.slot.c.work_id).where(*_ENDED))).values(lost=t.work.c.lost + 1)
)
_FENCE_OFF = update(t.slot).where(*_ENDED).values(token=t.slot.c.token + 1, lease_until=0, work_id=None)


def _end_leases(connection: Connection, host_ids: Collection[int], *, now: Millis) -> None:
    """Fences off all leases of the hosts that have run out: their work may be handed out again on any of the slots."""
    for batch in chunks(sorted(host_ids)):
        ended = {"hosts": batch, "now": now}
        connection.execute(_COUNT_LOST, ended)
        connection.execute(_FENCE_OFF, ended)


_WORK = (
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
    .join(t.slot, (t.slot.c.host_id == t.work.c.host_id) & (t.slot.c.work_id == t.work.c.id))
    .join(t.host, t.host.c.id == t.work.c.host_id)
    .join(t.feed, t.feed.c.id == t.work.c.feed_id)
    .outerjoin(t.entry, t.entry.c.id == t.work.c.entry_id)
    .where(t.work.c.id.in_(bindparam("works", expanding=True)))
)


def _read(connection: Connection, work_ids: Sequence[int], *, now: Millis) -> list[Work]:
    found: list[Work] = []
    for batch in chunks(work_ids):
        rows = connection.execute(_WORK, {"works": batch}).all()
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
    elements = b"" if refresh else row.elements or b""
    lost_hub = row.subscribe and hub is None
    url = (None if lost_hub else row.url) or moves_of(row).in_force or row.feed_url
    validators = Validators(etag=row.etag, last_modified=row.last_modified)
    known = not row.seek and not row.subscribe and row.version_url == url and validators != Validators()
    conditional = known and not refresh and trust_of(row).is_conditional(now)
    return Poll(
        lease=_lease(row),
        feed_id=FeedId(row.feed_id),
        url=url,
        hops=row.hops,
        permanent=row.permanent,
        validators=validators if conditional else Validators(),
        audit=known and not conditional,
        body_hash=b"" if refresh else row.body_hash or b"",
        elements=frozenset(elements[i : i + ELEMENT_BYTES] for i in range(0, len(elements), ELEMENT_BYTES)),
        refresh=refresh,
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


def settle_all(connection: Connection) -> None:
    """`settle` for every host. Left to be looked at one by one, they would stand in the way of those that are ready."""
    settle(connection, connection.scalars(select(t.host.c.id)).all())


def _first_due(priority: int) -> ScalarSelect[Any]:
    due = select(t.work.c.due_at).where(t.work.c.host_id == t.host.c.id, t.work.c.priority == priority)
    return due.order_by(t.work.c.due_at).limit(1).scalar_subquery()


_STANDING = select(
    t.host.c.id,
    t.host.c.not_before,
    select(func.min(t.slot.c.lease_until)).where(_USABLE_SLOT).scalar_subquery().label("free_at"),
    *(_first_due(priority).label(f"due{priority}") for priority in t.PRIORITIES),
).where(t.host.c.id.in_(bindparam("hosts", expanding=True)))
_SETTLE = update(t.host).where(t.host.c.id == bindparam("h")).values(next_at=bindparam("then"))


def settle(connection: Connection, host_ids: Collection[int], *, polls_by: Millis | None = None) -> None:
    """Sets the hosts' `next_at` to what follows from their slots and their work."""
    for batch in chunks(sorted(set(host_ids))):
        values = []
        for row in connection.execute(_STANDING, {"hosts": batch}).all():
            polls = row.due0 if polls_by is None or (row.due0 or 0) <= polls_by else None
            due = min((d for d in (polls, row.due1, row.due2, row.due3) if d is not None), default=t.FAR)
            values.append({"h": row.id, "then": max(row.not_before, row.free_at or 0, due)})
        if values:
            connection.execute(_SETTLE, values)


def next_claim_at(connection: Connection) -> Millis:
    """The earliest time at which a claim can succeed; `tables.FAR` where there is no work."""
    earliest = connection.scalar(select(func.min(t.host.c.next_at)))
    return Millis(t.FAR if earliest is None else earliest)


def renew(connection: Connection, leases: Sequence[Lease], *, until: Millis) -> None:
    """Lets leases last until `until`, those that still stand."""
    for lease in leases:
        mine = (t.slot.c.host_id == lease.host_id) & (t.slot.c.k == lease.slot) & (t.slot.c.token == lease.token)
        held = t.slot.c.work_id == lease.work_id  # a slot given back keeps its token until the next claim
        if connection.execute(update(t.slot).where(mine, held).values(lease_until=until)).rowcount:
            connection.execute(update(t.work).where(t.work.c.id == lease.work_id).values(due_at=until))


def void(connection: Connection, *, now: Millis) -> None:
    """Ends all leases: for the one process that holds the state, at its start. `not_before` stands. The hosts have to
    be settled after it."""
    held = select(t.slot.c.work_id).where(t.slot.c.work_id.is_not(None))
    connection.execute(update(t.work).where(t.work.c.id.in_(held)).values(due_at=now, lost=t.work.c.lost + 1))
    connection.execute(
        update(t.slot)
        .where(or_(t.slot.c.work_id.is_not(None), t.slot.c.lease_until > 0))
        .values(token=t.slot.c.token + 1, lease_until=0, work_id=None)
    )
    _put_aside(connection, now=now)


def _put_aside(connection: Connection, *, now: Millis) -> None:
    """Work under which the process ended time after time: entries are quarantined, polls wait an hour."""
    often = t.work.c.lost >= MAX_LOST
    said = f"the process ended {MAX_LOST} times while it was under way"
    connection.execute(
        update(t.work).where(often, t.work.c.entry_id.is_not(None)).values(quarantined=True, due_at=t.FAR, error=said)
    )
    connection.execute(
        update(t.work).where(often, t.work.c.entry_id.is_(None)).values(lost=0, due_at=now + _HOUR, error=said)
    )


def shift(connection: Connection, *, by_ms: int) -> None:
    """Moves all that is planned with the wall clock, when that has jumped."""
    planned_for = (t.work.c.due_at, t.feed.c.next_at, t.slot.c.lease_until, t.host.c.not_before, t.host.c.next_at)
    for column in planned_for:
        planned = (column > 0) & (column < t.FAR)
        connection.execute(update(column.table).where(planned).values({column: column + by_ms}))


def has_due(connection: Connection, *, now: Millis, polls_due_by: Millis) -> bool:
    """Whether some work is due that nobody has, be it that its host's delay has to be waited for; not where the host
    asked for more patience than that. Reads the whole queue."""
    wanted = (t.work.c.due_at <= now) & ((t.work.c.priority > t.POLL) | (t.work.c.due_at <= polls_due_by))
    soon = t.host.c.not_before <= now + t.host.c.delay_ms
    due = select(t.work.c.id).join(t.host, t.host.c.id == t.work.c.host_id).where(wanted, soon)
    return connection.execute(due.limit(1)).first() is not None
