"""A host's turn, taken by a command that sends a request of its own beside the engine.

It moves the same `not_before` that each claim moves, so nobody claims for the host while a command uses it. If no
engine is running, or the state may only be read, nothing is written and the command merely heeds what is stored.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlalchemy import exists, select, update

from worker.model import Millis, Server, State
from worker.store.database import tables as t
from worker.store.database.dialects import latest
from worker.store.database.holding import is_worked_on
from worker.store.database.opening import open_beside, reading
from worker.store.work.settling import settle

_LOOK_MS = 100
"""Time between two looks at a host that somebody is asking."""
_FREE = exists().where(t.slot.c.host_id == t.host.c.id, t.slot.c.k < t.host.c.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A command's turn at a host."""

    host: str
    begins_at: Millis
    """When the host may be asked."""
    until: Millis
    """Until then nobody else asks it, unless the turn is ended before."""
    delay_ms: int
    """The time that the engine keeps between two requests to it."""


def take_turn(state: State, host: str, *, now: Millis, for_ms: int, patience_ms: int) -> Turn | Millis | None:
    """Takes the next turn of a host, for a request of at most `for_ms`. Instead returns a time before which the host
    can't be asked, if the wait is longer than its delay or `patience_ms`, or somebody is asking it now. None if the
    state does not know the host. Raises StateError."""
    free = _FREE.where(t.slot.c.lease_until <= now)
    with reading(state) as connection:
        row = connection.execute(select(t.host, free.label("free")).where(t.host.c.name == host)).one_or_none()
    if row is None:
        return None
    if row.not_before - now > min(row.delay_ms, patience_ms):
        return Millis(row.not_before)
    begins_at = Millis(max(row.not_before, now))
    turn = Turn(host=host, begins_at=begins_at, until=Millis(begins_at + for_ms + row.delay_ms), delay_ms=row.delay_ms)
    if not _is_shared(state):
        return turn
    # Only as it was read: others may have claimed for it, or taken its turn, since.
    mine = (t.host.c.id == row.id, t.host.c.not_before == row.not_before, free)
    values = {"not_before": turn.until, "next_at": latest(t.host.c.next_at, turn.until)}
    with open_beside(state) as connection:
        is_taken = connection.execute(update(t.host).where(*mine).values(values)).rowcount
    return turn if is_taken else Millis(now + _LOOK_MS)


def end_turn(state: State, turn: Turn, *, now: Millis) -> None:
    """Ends the turn early: others may ask the host again once its delay has passed. Raises StateError."""
    if not _is_shared(state):
        return
    with open_beside(state) as connection:
        mine = (t.host.c.name == turn.host, t.host.c.not_before == turn.until)
        values = {"not_before": now + turn.delay_ms}
        settle(connection, connection.scalars(update(t.host).where(*mine).values(values).returning(t.host.c.id)).all())


def _is_shared(state: State) -> bool:
    """Whether an engine may be running on the state, which then has to know of the turn."""
    return isinstance(state, Server) or (os.access(state, os.W_OK) and is_worked_on(state))
