"""The processes that work on a shared state. Each reports on itself every few seconds.

Correctness never depends on it. Schedulers use it to see how much work can be under way, people to see how the cluster
is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from worker.model import HOUR_MS, ROLES, Member, Millis, State
from worker.store.database import tables as t
from worker.store.database.opening import reading

ALIVE_MS = 15_000
"""A process that has reported within this time is taken to be alive."""
FORGOTTEN_MS = HOUR_MS
"""For this long, a process that vanished without signing off is shown as silent."""


def note(connection: Connection, member: Member) -> None:
    """Stores what a process reports about itself. Deletes processes that have been silent for long."""
    values: dict[str, Any] = {name: getattr(member, name) for name in Member.__slots__}
    values["roles"] = ",".join(role for role in ROLES if role in member.roles)
    own = t.member.c.name == member.name
    if not connection.execute(update(t.member).where(own).values(values)).rowcount:
        connection.execute(delete(t.member).where(t.member.c.seen_at < member.seen_at - FORGOTTEN_MS))
        connection.execute(insert(t.member).values(values))


def leave(connection: Connection, name: str) -> None:
    """Deletes a process that has ended."""
    connection.execute(delete(t.member).where(t.member.c.name == name))


def capacity(connection: Connection, *, now: Millis) -> int:
    """How many pieces of work all living processes that fetch can have under way together."""
    fetching = (t.member.c.seen_at > now - ALIVE_MS, t.member.c.roles.contains("fetch"))
    return int(connection.scalar(select(func.coalesce(func.sum(t.member.c.most), 0)).where(*fetching)) or 0)


def all_members(connection: Connection) -> list[Member]:
    """All processes, the longest-running first."""
    rows = connection.execute(select(t.member).order_by(t.member.c.started_at, t.member.c.name)).all()
    return [_member(row) for row in rows]


def read_members(state: State) -> list[Member]:
    """The processes that work on the state, the longest-running first. Raises StateError."""
    with reading(state) as connection:
        return all_members(connection)


def is_alive(member: Member, now: Millis) -> bool:
    return member.seen_at > now - ALIVE_MS


def _member(row: Row[Any]) -> Member:
    values = dict(row._mapping)
    values["roles"] = frozenset(role for role in ROLES if role in row.roles.split(","))
    return Member(**values)
