"""Work that one process has leased, taken up by another.

Between the two is a bus, which may deliver a lease twice, late, or not at all. So taking it up exchanges the lease: its
slot gets a new token, and anyone who comes with the old one gets nothing. If a process dies with work it has taken up,
that work is handed out again when the new lease ends.

Leases may wait on the bus, and those of a host with several slots for different times. The host's delay was kept
between their claims, and is kept again between their being taken up: what would come too soon is given back.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from worker.model import Lease, Millis, Work
from worker.store.database import tables as t
from worker.store.database.dialects import Each, Many, change
from worker.store.database.locks import hold_hosts
from worker.store.work.settling import settle
from worker.store.work.works import free_slots, leases_of, let_be_due, read_leased, stands

_EXCHANGE = Many(
    update(t.slot)
    .where(t.slot.c.host_id == bindparam("h"), t.slot.c.k == bindparam("slot"))
    .values(token=t.slot.c.token + 1, lease_until=bindparam("until"), begun=True)
)
_EXCHANGE_ALL = """
    UPDATE slot SET token = token + 1, lease_until = one.until, begun = true
    FROM unnest(%(h)s::bigint[], %(slot)s::smallint[], %(until)s::bigint[]) AS one (h, slot, until)
    WHERE host_id = one.h AND k = one.slot"""
_BEGUN = update(t.host).where(t.host.c.id == bindparam("h")).values(not_before=bindparam("then"))
_HOSTS = Each(
    lambda which: select(t.host.c.id, t.host.c.width, t.host.c.delay_ms, t.host.c.not_before).where(
        which(t.host.c.id), t.host.c.width > 1, t.host.c.delay_ms > 0
    )
)


def begin(connection: Connection, leases: Sequence[Lease], *, now: Millis, lease_ms: int) -> list[Work]:
    """Takes up those of the leases that are still valid. Returns their work in the same order, each under a new lease.
    lease_ms: how long leases last, both the old and the new ones."""
    hold_hosts(connection, {lease.host_id for lease in leases})
    asked = {lease.work_id: lease for lease in leases}
    standing = [found for found in leases_of(connection, list(asked)) if stands(found, asked[found.work_id], now)]
    begun, too_soon = _in_turn(connection, standing, now=now, lease_ms=lease_ms)
    until = now + lease_ms
    slots = [{"h": lease.host_id, "slot": lease.slot, "until": until} for lease in begun]
    change(connection, _EXCHANGE, _EXCHANGE_ALL, slots)
    let_be_due(connection, [{"w": lease.work_id, "then": until} for lease in begun])
    if too_soon:
        free_slots(connection, too_soon)
        let_be_due(connection, [{"w": lease.work_id, "then": now} for lease in too_soon])
        settle(connection, [lease.host_id for lease in too_soon])
    return read_leased(connection, [lease.work_id for lease in begun], now=now)


def _in_turn(
    connection: Connection, leases: Sequence[Lease], *, now: Millis, lease_ms: int
) -> tuple[list[Lease], list[Lease]]:
    """Splits leases into those whose hosts may be asked now, and the others."""
    hosts = {row.id: row for row in _HOSTS.rows(connection, [lease.host_id for lease in leases])}
    not_before = {host_id: row.not_before for host_id, row in hosts.items()}
    begun: list[Lease] = []
    too_soon: list[Lease] = []
    for lease in leases:
        host = hosts.get(lease.host_id)
        if host is None:
            begun.append(lease)
            continue
        # True if, since this lease was claimed, nothing was claimed or begun for the host, and it asked for no wait.
        is_last = not_before[host.id] == lease.expires_at - lease_ms + host.delay_ms
        if is_last or not_before[host.id] <= now:
            not_before[host.id] = max(not_before[host.id], now + host.delay_ms)
            begun.append(lease)
        else:
            too_soon.append(lease)
    moved = [{"h": host_id, "then": then} for host_id, then in not_before.items() if then != hosts[host_id].not_before]
    if moved:
        connection.execute(_BEGUN, moved)
    return begun, too_soon
