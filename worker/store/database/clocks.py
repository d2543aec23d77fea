"""The time by which leases and due times go, and what becomes of them when it is set."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, case, func, select, text, update

from worker.model import Millis
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.dialects import latest

LOOK_S = 30.0
"""Between two looks at the database's clock: both clocks drift by a few ms in that, at most."""
SLACK_MS = 5_000
"""A wall clock that was set by less is left alone."""
BETWEEN_MS = 1_000
"""From the last instant that a state knows of to the next start, at the least: what had ended then was committed after
it, and a process takes its time to begin."""

_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
_COUNTING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux leaves out of CLOCK_MONOTONIC for how long a machine was suspended."""

_INSTANTS = (
    (t.work.c.due_at,),
    (
        t.feed.c.added_at,
        t.feed.c.polled_at,
        t.feed.c.ok_at,
        t.feed.c.next_at,
        t.feed.c.new_at,
        t.feed.c.failing_since,
        t.feed.c.gone_since,
        t.feed.c.whole_at,
        t.feed.c.distrusted_until,
        t.feed.c.gap_at,
    ),
    (t.slot.c.lease_until,),
    (t.host.c.refused_at, t.host.c.not_before, t.host.c.next_at),
    (t.subscription.c.ask_at, t.subscription.c.lease_until, t.subscription.c.pushed_at),
    (t.robots.c.read_at, t.robots.c.expires_at),
)
"""By table: what the worker goes by. Not what is told of entries: that stands in their records."""


def wall_clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


def monotonic_ms() -> int:
    """A clock that nobody sets, and that goes on while the machine is suspended."""
    return time.clock_gettime_ns(_COUNTING) // 1_000_000


class Clock:
    """The clock of a database, as many processes go by it. Between two looks this machine's monotonic clock is added: a
    wall clock that is set moves nothing."""

    def __init__(self) -> None:
        self._then = 0
        """Of the database, in ms, …"""
        self._at: int | None = None
        """… when the monotonic clock was there."""

    def look(self, connection: Connection) -> None:
        """Asks the database, where that is due."""
        before = monotonic_ms()
        if self._at is None or before - self._at > LOOK_S * 1000:
            found = connection.scalar(_NOW)
            self._at = (before + monotonic_ms()) // 2
            self._then = int(found)

    def __call__(self) -> Millis:
        if self._at is None:
            return wall_clock()
        return Millis(self._then + monotonic_ms() - self._at)


def shift(connection: Connection, *, by_ms: int, now: Millis, window_ms: int) -> None:
    """Moves all that is planned with a wall clock that was set by so much, and all that plans go by. now: what it shows
    since. window_ms: for how long texts are remembered."""
    for instants in _INSTANTS:
        moved = {instant: _moved(instant, by_ms) for instant in instants}
        connection.execute(update(instants[0].table).values(moved))
    # Who has shown an entry since was gone through, says the entry: it has not moved.
    late = t.feed.c.refreshed_at > now
    connection.execute(update(t.feed).where(late).values(refreshed_at=None))
    for table in (t.content, t.sketch, t.reprint):
        longest = now + window_ms
        connection.execute(update(table).where(table.c.expires_at > longest).values(expires_at=longest))
    notes.keep(connection, notes.CLOCK, str(now))


def _moved(instant: ColumnElement[int], by_ms: int) -> ColumnElement[int]:
    """0 and `tables.FAR` are no instants."""
    return case(((instant > 0) & (instant < t.FAR), latest(instant + by_ms, 1)), else_=instant)


def catch_up(connection: Connection, *, now: Millis, window_ms: int) -> int:
    """Moves all that is planned if the wall clock was set back since the state was last worked on; by how many ms, 0
    where it was not. For the one process that holds the state, at its start.

    Else nobody would be asked until it has caught up: a host whose turn comes a second after the last one had it then
    in a year, where a clock was a year ahead.
    """
    noted = int(notes.kept(connection, notes.CLOCK) or 0)
    polled = connection.scalar(select(func.max(t.feed.c.polled_at))) or 0
    by_ms = int(now - max(noted, polled)) - BETWEEN_MS
    if by_ms < -SLACK_MS:
        shift(connection, by_ms=by_ms, now=now, window_ms=window_ms)
        return by_ms
    notes.keep(connection, notes.CLOCK, str(now))
    return 0
