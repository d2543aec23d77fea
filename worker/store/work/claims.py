"""Due work, leased for free slots of ready hosts.

A host can be claimed for when its `not_before` has passed, one of its slots is free (or that slot's lease has run out),
and some of its work is due. `host.next_at` is the earliest time at which all three can be true (`settling`), so that a
claim reads an index, however many hosts wait. Each claim takes one piece of work per host;
of the work that asks no host, as much as there is room for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from worker.model import HOUR_MS, Claim, Due, Lease, Millis, Work
from worker.store.database import tables as t
from worker.store.database.dialects import Each, Many, change
from worker.store.database.locks import among, hold_hosts, is_shared
from worker.store.work.settling import USABLE_SLOT, move_on, settle, settle_held
from worker.store.work.works import claims_of, due_again, read_leased

MAX_LOST = 20
"""How many leases in a row may end without a result, after the work was begun, before it is put aside. The worker being
killed is not the work's fault; only work that kills the worker each time gets this far."""


def claim(connection: Connection, *, now: Millis, limit: int, lease_ms: int, due: Due | None = None) -> list[Work]:
    """Leases and returns at most `limit` pieces of due work, one per host (except for `NO_HOST`); with `due`, only such
    as belongs to that run."""
    taken = _claimed(connection, now=now, limit=limit, lease_ms=lease_ms, due=due, begun=True)
    return read_leased(connection, taken, now=now)


def lease(connection: Connection, *, now: Millis, limit: int, lease_ms: int) -> list[Claim]:
    """Like `claim`, but returns only the leases: another process loads the work and does it."""
    taken = _claimed(connection, now=now, limit=limit, lease_ms=lease_ms, due=None, begun=False)
    return claims_of(connection, taken)


def _claimed(
    connection: Connection, *, now: Millis, limit: int, lease_ms: int, due: Due | None, begun: bool
) -> list[int]:
    """Leases due work. Returns its ids, in the order in which the hosts became ready."""
    due_by = None if due is None else due.by
    polls_by = now if due_by is None else min(now, due_by)
    by = polls_by if due is not None and due.alone else now
    taken: list[tuple[Row[Any], int]] = []
    idle: list[int] = []
    if _is_picked(connection, due):
        ready = _ready_for(connection, now=now, polls_by=polls_by, by=by, limit=limit)
    else:
        ready = _ready(connection, now=now, polls_by=polls_by, limit=limit)
    for row in ready:
        work_id = next((w for w in (row.poll, row.new, row.retry, row.backfill) if w is not None), None)
        if work_id is None or row.k is None:
            idle.append(row.id)
        else:
            taken.append((row, work_id))
    until = Millis(now + lease_ms)
    _take(connection, taken, now=now, until=until, begun=begun)
    unhosted = _unhosted(connection, now=now, by=by, limit=limit - len(taken))
    _take(connection, unhosted, now=now, until=until, begun=begun)
    taken += unhosted
    move_on(connection, {row.id for row, _ in taken}, now=now, until=until, polls_by=due_by)
    settle_held(connection, idle, polls_by=due_by)
    return [work_id for _, work_id in taken]


def _is_picked(connection: Connection, due: Due | None) -> bool:
    """Whether a host's due work may be outside of this run. Then the search has to filter by work, because hosts
    without any for this run can't be settled to a later time: other processes or runs need them."""
    return due is not None and (due.alone or is_shared(connection))


def _ready(connection: Connection, *, now: Millis, polls_by: Millis, limit: int) -> Sequence[Row[Any]]:
    """The hosts that may be asked now; on a shared state, those that no other process has locked."""
    if not is_shared(connection):
        return connection.execute(_READY, {"now": now, "polls_by": polls_by, "limit": limit}).all()
    ids = connection.scalars(_HOLD_READY, {"now": now, "limit": limit}).all()
    return connection.execute(_READY_OF, {"now": now, "polls_by": polls_by, "ids": ids}).all() if ids else ()


def _ready_for(connection: Connection, *, now: Millis, polls_by: Millis, by: Millis, limit: int) -> Sequence[Row[Any]]:
    """The hosts that may be asked now and have polls due by `polls_by` or other work due by `by`. Work outside of the
    run does not get in the way."""
    due = {"now": now, "polls_by": polls_by, "by": by}
    ids = connection.scalars(_READY_FOR, {**due, "limit": limit}).all()
    hold_hosts(connection, ids)
    return connection.execute(_READY_BY, {**due, "hosts": ids}).all() if ids else ()


def _due(priority: int, by: str) -> ScalarSelect[Any]:
    """The first piece of work of this priority that is due by the bound time `by`, for a host."""
    due = (t.work.c.host_id == t.host.c.id, t.work.c.priority == priority, t.work.c.due_at <= bindparam(by))
    return select(t.work.c.id).where(*due).order_by(t.work.c.due_at, t.work.c.id).limit(1).scalar_subquery()


_ENDED = (t.slot.c.lease_until <= bindparam("now"), t.slot.c.work_id.is_not(None))
_MAY_BE_ASKED = (t.host.c.next_at <= bindparam("now"), t.host.c.not_before <= bindparam("now"))


def _with_work(by: str) -> Any:
    """Hosts with a free slot and their first due work of each priority: polls by the bound `polls_by`, the rest by
    `by`."""
    return select(
        t.host.c.id,
        select(func.min(t.slot.c.k))
        .where(USABLE_SLOT, t.slot.c.lease_until <= bindparam("now"))
        .scalar_subquery()
        .label("k"),
        exists().where(t.slot.c.host_id == t.host.c.id, *_ENDED).label("ended"),
        _due(t.POLL, "polls_by").label("poll"),
        _due(t.NEW, by).label("new"),
        _due(t.RETRY, by).label("retry"),
        _due(t.BACKFILL, by).label("backfill"),
    ).order_by(t.host.c.next_at)


_WITH_WORK = _with_work("now")
_READY = _WITH_WORK.where(*_MAY_BE_ASKED).limit(bindparam("limit"))
_HOLD_READY: Any = (
    select(t.host.c.id)
    .where(*_MAY_BE_ASKED)
    .order_by(t.host.c.next_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, key_share=True)
)
_READY_OF = _WITH_WORK.where(among(t.host.c.id))
_WANTED = and_(
    t.work.c.due_at <= bindparam("by"), or_(t.work.c.priority > t.POLL, t.work.c.due_at <= bindparam("polls_by"))
)
_HAS_WORK = t.host.c.id.in_(select(t.work.c.host_id).where(_WANTED))
_READY_FOR = select(t.host.c.id).where(*_MAY_BE_ASKED, _HAS_WORK).order_by(t.host.c.next_at).limit(bindparam("limit"))
_READY_BY = _with_work("by").where(*_MAY_BE_ASKED, t.host.c.id.in_(bindparam("hosts", expanding=True)))
_HOLD_UNHOSTED: Any = (
    select(t.host.c.id).where(t.host.c.name == t.NO_HOST).with_for_update(skip_locked=True, key_share=True)
)
_UNHOSTED_SLOTS: Any = (
    select(t.host.c.id, t.slot.c.k, t.slot.c.work_id.is_not(None).label("ended"))
    .join(t.slot, t.slot.c.host_id == t.host.c.id)
    .where(t.host.c.name == t.NO_HOST, t.slot.c.lease_until <= bindparam("now"))
    .limit(bindparam("limit"))
)
_UNHOSTED_WORK = (
    select(t.work.c.id)
    .join(t.host, t.host.c.id == t.work.c.host_id)
    .where(t.host.c.name == t.NO_HOST, t.work.c.due_at <= bindparam("by"))
    .order_by(t.work.c.priority, t.work.c.due_at, t.work.c.id)
    .limit(bindparam("limit"))
)


def _unhosted(connection: Connection, *, now: Millis, by: Millis, limit: int) -> list[tuple[Row[Any], int]]:
    """Work due by `by` that asks no host, each with a free slot."""
    if is_shared(connection) and connection.scalar(_HOLD_UNHOSTED) is None:
        return []
    due = connection.scalars(_UNHOSTED_WORK, {"by": by, "limit": limit}).all()
    if not due:
        return []
    slots = connection.execute(_UNHOSTED_SLOTS, {"now": now, "limit": len(due)}).all()
    return list(zip(slots, due, strict=False))


_TAKE_SLOT = Many(
    update(t.slot)
    .where(t.slot.c.host_id == bindparam("h"), t.slot.c.k == bindparam("slot"))
    .values(
        token=t.slot.c.token + 1, lease_until=bindparam("until"), work_id=bindparam("w"), begun=bindparam("taken_up")
    )
)
_TAKE_WORK = Many(update(t.work).where(t.work.c.id == bindparam("w")).values(due_at=bindparam("until"), again=False))
_TAKE_SLOTS = """
    UPDATE slot SET token = token + 1, lease_until = one.until, work_id = one.w, begun = one.taken_up
    FROM unnest(%(h)s::bigint[], %(slot)s::smallint[], %(w)s::bigint[], %(until)s::bigint[], %(taken_up)s::boolean[])
        AS one (h, slot, w, until, taken_up)
    WHERE host_id = one.h AND k = one.slot"""
_TAKE_ALL_WORK = """
    UPDATE work SET due_at = one.until, again = false
    FROM unnest(%(w)s::bigint[], %(until)s::bigint[]) AS one (w, until) WHERE id = one.w"""


def _take(
    connection: Connection, taken: Sequence[tuple[Row[Any], int]], *, now: Millis, until: Millis, begun: bool
) -> None:
    if not taken:
        return
    _end_leases(connection, {row.id for row, _ in taken if row.ended}, now=now)
    slots = [
        {"h": row.id, "slot": row.k, "w": work_id, "until": until, "taken_up": int(begun)} for row, work_id in taken
    ]
    change(connection, _TAKE_SLOT, _TAKE_SLOTS, slots)
    change(connection, _TAKE_WORK, _TAKE_ALL_WORK, [{"w": work_id, "until": until} for _, work_id in taken])


_COUNT_LOST = Each(
    lambda which: (
        update(t.work)
        .where(t.work.c.id.in_(select(t.slot.c.work_id).where(which(t.slot.c.host_id), *_ENDED, t.slot.c.begun)))
        .values(lost=t.work.c.lost + 1)
    )
)
_FENCE_OFF = Each(
    lambda which: (
        update(t.slot)
        .where(which(t.slot.c.host_id), *_ENDED)
        .values(token=t.slot.c.token + 1, lease_until=0, work_id=None)
    )
)


def _end_leases(connection: Connection, host_ids: Collection[int], *, now: Millis) -> None:
    """Invalidates all leases of these hosts that have run out, so that their work may be handed out again on any
    slot."""
    _COUNT_LOST.execute(connection, host_ids, now=now)
    _FENCE_OFF.execute(connection, host_ids, now=now)


def next_claim_at(connection: Connection, *, due: Due | None = None) -> Millis:
    """The earliest time at which `claim` with this `due` can succeed; `tables.FAR` if there is no work."""
    first = select(func.min(t.host.c.next_at))
    if due is not None and _is_picked(connection, due):
        by = due.by if due.alone else t.FAR
        earliest = connection.scalar(first.where(_HAS_WORK), {"polls_by": due.by, "by": by})
    else:
        earliest = connection.scalar(first)
    return Millis(t.FAR if earliest is None else earliest)


def renew(connection: Connection, leases: Sequence[Lease], *, until: Millis) -> None:
    """Prolongs those of the leases that are still valid until `until`."""
    hold_hosts(connection, [lease.host_id for lease in leases])
    for lease in leases:
        mine = (t.slot.c.host_id == lease.host_id) & (t.slot.c.k == lease.slot) & (t.slot.c.token == lease.token)
        held = t.slot.c.work_id == lease.work_id  # a slot given back keeps its token until the next claim
        if connection.execute(update(t.slot).where(mine, held).values(lease_until=until)).rowcount:
            connection.execute(update(t.work).where(t.work.c.id == lease.work_id).values(due_at=until))


def void(connection: Connection, *, now: Millis) -> None:
    """Ends all leases: for the only process on a state, when it starts. `not_before` stays. The caller has to settle
    the hosts."""
    held = select(t.slot.c.work_id).where(t.slot.c.work_id.is_not(None))
    connection.execute(
        update(t.work).where(t.work.c.id.in_(held)).values(due_at=due_again(now), lost=t.work.c.lost + 1)
    )
    connection.execute(
        update(t.slot)
        .where(or_(t.slot.c.work_id.is_not(None), t.slot.c.lease_until > 0))
        .values(token=t.slot.c.token + 1, lease_until=0, work_id=None)
    )
    _put_aside(connection, now=now)


def put_aside(connection: Connection, *, now: Millis) -> None:
    """On a shared state: puts aside work that was lost too often and that nobody is doing now."""
    ended = select(t.slot.c.host_id).where(t.slot.c.lease_until <= now, t.slot.c.work_id.is_not(None))
    freed = connection.scalars(ended.distinct()).all()
    hold_hosts(connection, freed)
    _end_leases(connection, freed, now=now)
    held = select(t.slot.c.work_id).where(t.slot.c.work_id.is_not(None))
    lost = select(t.work.c.host_id).where(t.work.c.lost >= MAX_LOST, t.work.c.id.not_in(held))
    hosts = connection.scalars(lost.distinct()).all()
    hold_hosts(connection, hosts)
    _put_aside(connection, t.work.c.host_id.in_(hosts), t.work.c.id.not_in(held), now=now)
    settle(connection, {*freed, *hosts})


def _put_aside(connection: Connection, *which: ColumnElement[bool], now: Millis) -> None:
    """Puts aside work during which the process ended time after time: entries are quarantined, polls wait an hour."""
    often = and_(t.work.c.lost >= MAX_LOST, *which)
    said = f"the process ended {MAX_LOST} times while it was under way"
    connection.execute(
        update(t.work).where(often, t.work.c.entry_id.is_not(None)).values(quarantined=True, due_at=t.FAR, error=said)
    )
    connection.execute(
        update(t.work).where(often, t.work.c.entry_id.is_(None)).values(lost=0, due_at=now + HOUR_MS, error=said)
    )


def has_due(connection: Connection, *, now: Millis, due: Due | None) -> bool:
    """Whether there is due work for `due` that nobody has leased, including work that still waits for its host's delay,
    but not where the host asked for a longer wait than that. Reads the whole queue."""
    wanted = t.work.c.due_at <= now
    if due is not None:
        late = false() if due.alone else t.work.c.priority > t.POLL
        wanted &= late | (t.work.c.due_at <= due.by)
    soon = t.host.c.not_before - now <= t.host.c.delay_ms
    found = select(t.work.c.id).join(t.host, t.host.c.id == t.work.c.host_id).where(wanted, soon).limit(1)
    return connection.execute(found).first() is not None
