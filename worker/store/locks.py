"""What a transaction holds, where others run beside it.

SQLite has one writer, which holds the whole state. On PostgreSQL many processes write at once (READ COMMITTED): what is
read and then written is locked first, and read in a later statement, which sees what others committed meanwhile. A
host's row stands for its slots and its work: whoever changes those holds it. Hosts are held before all else and in the
order of their ids; where two transactions wait for each other all the same, one of them is repeated (`store.Store`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select

from worker.store import tables as t
from worker.store.batches import chunks

SHARED = {"feedmill_shared": True}
"""Execution options of an engine beside which others write."""

_HOSTS: Any = (
    select(t.host.c.id)
    .where(t.host.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(t.host.c.id)
    .with_for_update(key_share=True)
)
_ENTRIES: Any = (
    select(t.entry.c.id)
    .where(t.entry.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(t.entry.c.id)
    .with_for_update(key_share=True)
)


def is_shared(connection: Connection) -> bool:
    """Whether others write beside this transaction."""
    return "feedmill_shared" in connection.get_execution_options()


def hold_hosts(connection: Connection, host_ids: Collection[int]) -> None:
    """Their slots and their work are this transaction's alone, to its end."""
    _hold(connection, _HOSTS, host_ids)


def hold_entries(connection: Connection, entry_ids: Collection[int]) -> None:
    """Nobody else changes them before the end of this transaction."""
    _hold(connection, _ENTRIES, entry_ids)


def _hold(connection: Connection, statement: Any, ids: Collection[int]) -> None:
    if is_shared(connection):
        for batch in chunks(sorted(set(ids))):
            connection.execute(statement, {"ids": batch})
