"""Row locks, for transactions that run beside others.

SQLite has one writer, which holds the whole state. On PostgreSQL many processes write at once (READ COMMITTED), so what
is read and then written is locked first and read in a later statement, which sees what others have committed meanwhile.
A host's row stands for its slots and its work: whoever changes those locks it. Hosts are locked before anything else
and in the order of their ids; if two transactions still wait for each other, one of them is repeated (`writing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Dialect, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from worker.store.database import tables as t
from worker.store.database.batches import chunks

SHARED = {"feedmill_shared": True}
"""Execution options of an engine that others write beside."""


def numbers(given: Iterable[int]) -> str:
    """The integers as a PostgreSQL array literal; psycopg's own way is slower, because it adapts each of them."""
    return f"{{{','.join(map(str, given))}}}"


class _Numbers(ARRAY[int]):
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        return numbers


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that the column's value is in the parameter `ids`, for PostgreSQL. As one array; a list of values
    would be a different statement for each length."""
    of = _Numbers if isinstance(column.type, BigInteger) else ARRAY
    return column == any_(bindparam("ids", type_=of(column.type)))


_HOSTS: Any = select(t.host.c.id).where(among(t.host.c.id)).order_by(t.host.c.id).with_for_update(key_share=True)
_ENTRIES: Any = select(t.entry.c.id).where(among(t.entry.c.id)).order_by(t.entry.c.id).with_for_update(key_share=True)


class Overtaken(Exception):
    """Another transaction, which this one could not see, came first: this one has to be repeated."""


def is_contention(error: BaseException) -> bool:
    """Whether the error means that two transactions collided: deadlock_detected, serialization_failure,
    unique_violation (https://www.postgresql.org/docs/current/errcodes-appendix.html). Not lock_not_available: no
    transaction of a worker takes as long as that is waited for, and whoever has the lock may keep it."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, Overtaken)
    return getattr(error.orig, "sqlstate", None) in ("40P01", "40001", "23505")


def is_shared(connection: Connection) -> bool:
    """Whether others write beside this transaction."""
    return "feedmill_shared" in connection.get_execution_options()


def hold_hosts(connection: Connection, host_ids: Collection[int]) -> None:
    """Locks these hosts, and with them their slots and work, until the transaction ends."""
    _hold(connection, _HOSTS, host_ids)


def hold_work(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    """Locks the hosts of the work that meets the condition, even if it moves to another host meanwhile. Returns their
    ids."""
    held: set[int] = set()
    while True:
        found = set(connection.scalars(select(t.work.c.host_id).where(which).distinct()))
        if not is_shared(connection) or found <= held:
            return sorted(found | held)
        hold_hosts(connection, found - held)
        held |= found


def hold_entries(connection: Connection, entry_ids: Collection[int]) -> None:
    """Locks these entries until the transaction ends."""
    _hold(connection, _ENTRIES, entry_ids)


def _hold(connection: Connection, statement: Any, ids: Collection[int]) -> None:
    if is_shared(connection):
        for batch in chunks(sorted(set(ids))):
            connection.execute(statement, {"ids": batch})
