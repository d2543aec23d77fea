"""When hosts can be claimed for next: `host.next_at`, recomputed after each change of what it follows from.

polls_by: for a run that has an end, which leaves polls that are due later to the next one; they do not count then.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, Connection, ScalarSelect, bindparam, case, func, select, update

from worker.model import Millis
from worker.store.database import tables as t
from worker.store.database.dialects import Each, earliest, latest
from worker.store.database.locks import hold_hosts, is_shared

USABLE_SLOT = (t.slot.c.host_id == t.host.c.id) & (t.slot.c.k < t.host.c.width)


def _first_due(priority: int) -> ScalarSelect[Any]:
    due = select(t.work.c.due_at).where(t.work.c.host_id == t.host.c.id, t.work.c.priority == priority)
    return due.order_by(t.work.c.due_at).limit(1).scalar_subquery()


def _next_at(not_before: Any) -> Any:
    """The value of `next_at`, given `not_before`, the slots and the work."""
    free_at = func.coalesce(select(func.min(t.slot.c.lease_until)).where(USABLE_SLOT).scalar_subquery(), 0)
    poll, *others = (func.coalesce(_first_due(priority), t.FAR) for priority in t.PRIORITIES)
    polls = case((poll <= bindparam("polls_by", type_=BigInteger), poll), else_=t.FAR)
    return latest(not_before, free_at, earliest(polls, *others))


_NOW: Any = bindparam("now", type_=BigInteger)
_COUNTED_ANEW = case(
    (t.host.c.delay_ms > 0, latest(t.host.c.not_before, _NOW + t.host.c.delay_ms)), else_=t.host.c.not_before
)


def _settling(not_before: Any, *, taken_until: Any = None) -> Each:
    """taken_until: when the leases just taken run out. Then a host with a single slot needs no look at its work."""
    next_at = _next_at(not_before)
    if taken_until is not None:
        next_at = case((t.host.c.width == 1, latest(not_before, taken_until)), else_=next_at)
    values = {"not_before": not_before, "next_at": next_at}
    return Each(lambda which: update(t.host).where(which(t.host.c.id)).values(values))


# Each writes the host's row once, whatever else of it changes.
_SETTLE = _settling(t.host.c.not_before)
_MOVE_ON = _settling(_NOW + t.host.c.delay_ms, taken_until=bindparam("until", type_=BigInteger))
_COUNT_ANEW = _settling(_COUNTED_ANEW)


def settle(connection: Connection, host_ids: Collection[int], *, polls_by: Millis | None = None) -> None:
    """Recomputes `next_at` of these hosts from their slots and work."""
    hold_hosts(connection, host_ids)
    settle_held(connection, host_ids, polls_by=polls_by)


def settle_held(connection: Connection, host_ids: Collection[int], *, polls_by: Millis | None) -> None:
    """`settle` for hosts that this transaction holds already."""
    _SETTLE.execute(connection, host_ids, polls_by=_polls_by(connection, polls_by))


def settle_all(connection: Connection) -> None:
    """`settle` for every host. If claims had to settle them one by one, they would hold up the hosts that are ready."""
    settle(connection, connection.scalars(select(t.host.c.id)).all())


def move_on(
    connection: Connection, host_ids: Collection[int], *, now: Millis, until: Millis, polls_by: Millis | None
) -> None:
    """Settles hosts that were just claimed for: their delay counts from now."""
    _MOVE_ON.execute(connection, host_ids, now=now, until=until, polls_by=_polls_by(connection, polls_by))


def count_anew(connection: Connection, host_ids: Collection[int], *, now: Millis, polls_by: Millis | None) -> None:
    """Settles hosts whose work has ended: their delay counts again from now, but a longer wait that they asked for
    stays."""
    _COUNT_ANEW.execute(connection, host_ids, now=now, polls_by=_polls_by(connection, polls_by))


def _polls_by(connection: Connection, asked: Millis | None) -> int:
    # On a shared state, polls that this run leaves to the next one are still due for the other processes.
    return t.FAR if asked is None or is_shared(connection) else asked
