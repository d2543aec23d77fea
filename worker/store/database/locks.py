"""What a transaction holds, where others run beside it.

SQLite has one writer, which holds the whole state. On PostgreSQL many processes write at once (READ COMMITTED): what is
read and then written is locked first, and read in a later statement, which sees what others committed meanwhile. A
host's row stands for its slots and its work: whoever changes those holds it. Hosts are held before all else and in the
order of their ids; where two transactions wait for each other all the same, one of them is repeated (`store.Store`).
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
"""Execution options of an engine beside which others write."""


def numbers(given: Iterable[int]) -> str:
    """An array of them as PostgreSQL reads it; psycopg's own way goes through each of them."""
    return f"{{{','.join(map(str, given))}}}"


class _Numbers(ARRAY[int]):
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        return numbers


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it is among the parameter `ids`, on PostgreSQL: one array, where a list of values would be another
    statement for each length of it."""
    of = _Numbers if isinstance(column.type, BigInteger) else ARRAY
    return column == any_(bindparam("ids", type_=of(column.type)))


_HOSTS: Any = select(t.host.c.id).where(among(t.host.c.id)).order_by(t.host.c.id).with_for_update(key_share=True)
_ENTRIES: Any = select(t.entry.c.id).where(among(t.entry.c.id)).order_by(t.entry.c.id).with_for_update(key_share=True)


class Overtaken(Exception):
    """Another transaction, which this one could not see, was first: it is to be repeated."""


def is_contention(error: BaseException) -> bool:
    """Both transactions could not be at once: deadlock_detected, serialization_failure, unique_violation,
    lock_not_available (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, Overtaken)
    return getattr(error.orig, "sqlstate", None) in ("40P01", "40001", "23505", "55P03")


def is_shared(connection: Connection) -> bool:
    """Whether others write beside this transaction."""
    return "feedmill_shared" in connection.get_execution_options()


def hold_hosts(connection: Connection, host_ids: Collection[int]) -> None:
    """Their slots and their work are this transaction's alone, to its end."""
    _hold(connection, _HOSTS, host_ids)


def hold_work(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    """Holds the hosts of such work, wherever it goes meanwhile; their ids."""
    held: set[int] = set()
    while True:
        found = set(connection.scalars(select(t.work.c.host_id).where(which).distinct()))
        if not is_shared(connection) or found <= held:
            return sorted(found | held)
        hold_hosts(connection, found - held)
        held |= found


def hold_entries(connection: Connection, entry_ids: Collection[int]) -> None:
    """Nobody else changes them before the end of this transaction."""
    _hold(connection, _ENTRIES, entry_ids)


def _hold(connection: Connection, statement: Any, ids: Collection[int]) -> None:
    if is_shared(connection):
        for batch in chunks(sorted(set(ids))):
            connection.execute(statement, {"ids": batch})
