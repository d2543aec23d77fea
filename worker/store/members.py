"""Who works on a shared state: each process tells of itself every few seconds.

Nothing of correctness goes by it. Schedulers take it for how much can be under way, people for how the cluster is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from worker.model import HOUR_MS, ROLES, Member, Millis, State
from worker.store.database import tables as t
from worker.store.database.opening import reading

ALIVE_MS = 15_000
"""Of who has told of itself within so long it is taken that it lives."""
FORGOTTEN_MS = HOUR_MS
"""For so long a process that has not come to its end is shown as silent."""


def note(connection: Connection, member: Member) -> None:
    """What a process tells of itself; who has been silent for long is forgotten."""
    values: dict[str, Any] = {name: getattr(member, name) for name in Member.__slots__}
    values["roles"] = ",".join(role for role in ROLES if role in member.roles)
    own = t.member.c.name == member.name
    if not connection.execute(update(t.member).where(own).values(values)).rowcount:
        connection.execute(delete(t.member).where(t.member.c.seen_at < member.seen_at - FORGOTTEN_MS))
        connection.execute(insert(t.member).values(values))


def leave(connection: Connection, name: str) -> None:
    """It has come to its end."""
    connection.execute(delete(t.member).where(t.member.c.name == name))


def capacity(connection: Connection, *, now: Millis) -> int:
    """How much work those that fetch can have under way at once, all together."""
    fetching = (t.member.c.seen_at > now - ALIVE_MS, t.member.c.roles.contains("fetch"))
    return int(connection.scalar(select(func.coalesce(func.sum(t.member.c.most), 0)).where(*fetching)) or 0)


def all_members(connection: Connection) -> list[Member]:
    """All of them, the oldest first."""
    rows = connection.execute(select(t.member).order_by(t.member.c.started_at, t.member.c.name)).all()
    return [_member(row) for row in rows]


def read_members(state: State) -> list[Member]:
    """Those who work on the state, the oldest first. Raises StateError."""
    with reading(state) as connection:
        found = all_members(connection)
    return found


def is_alive(member: Member, now: Millis) -> bool:
    return member.seen_at > now - ALIVE_MS


def _member(row: Row[Any]) -> Member:
    values = dict(row._mapping)
    values["roles"] = frozenset(role for role in ROLES if role in row.roles.split(","))
    return Member(**values)
