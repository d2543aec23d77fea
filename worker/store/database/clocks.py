"""The clock that leases and due times go by, and what happens to them when it is set."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, case, func, select, text, update

from worker.model import DAY_MS, Millis
from worker.store.database import notes
from worker.store.database import tables as t
from worker.store.database.dialects import latest

LOOK_S = 30.0
"""Time between two readings of the database's clock. Clocks drift apart by a few ms in that time, at most."""
SLACK_MS = 5_000
"""A change of the wall clock smaller than this is ignored."""
DOUBT_MS = 7 * DAY_MS
"""A clock that is suddenly further ahead than this may be wrong, and what it deletes is lost: it has to hold as long
first."""
BETWEEN_MS = 1_000
"""The least time assumed between the last moment known to a state and the next start: some commits came after that
moment, and a process takes time to start."""

_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
_COUNTING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, CLOCK_MONOTONIC does not count the time that a machine is suspended."""

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
"""By table: the times that the worker acts on. Not those that describe entries, because these are in records."""


def wall_clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


def monotonic_ms() -> int:
    """A clock that can't be set and that counts the time the machine is suspended."""
    return time.clock_gettime_ns(_COUNTING) // 1_000_000


class Clock:
    """The clock of a database, used by all processes that share it. Between two readings this machine's monotonic clock
    is added, so setting a wall clock changes nothing."""

    def __init__(self) -> None:
        self._then = 0
        """The database's time, in ms, when last read …"""
        self._at: int | None = None
        """… and the monotonic clock at that moment."""

    def look(self, connection: Connection) -> None:
        """Reads the database's clock if that is due."""
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
    """Moves everything planned, and everything that plans depend on, by as much as the wall clock was set. now: the new
    time. window_ms: how long texts are remembered."""
    for instants in _INSTANTS:
        moved = {instant: _moved(instant, by_ms) for instant in instants}
        connection.execute(update(instants[0].table).values(moved))
    # It is compared with `entry.seen_at`, which does not move, so a time in the future is dropped.
    late = t.feed.c.refreshed_at > now
    connection.execute(update(t.feed).where(late).values(refreshed_at=None))
    for table in (t.content, t.sketch, t.reprint):
        longest = now + window_ms
        connection.execute(update(table).where(table.c.expires_at > longest).values(expires_at=longest))
    notes.keep(connection, notes.CLOCK, str(now))
    _note_doubt(connection, by_ms=by_ms, now=now, before=believed(connection, now=Millis(now - by_ms)))


def believed(connection: Connection, *, now: Millis) -> Millis:
    """The time by which something may be deleted for its age: while the wall clock is doubted, the last one before it
    was set far forward."""
    until, before = map(int, (notes.kept(connection, notes.DOUBTED) or "0 0").split())
    return Millis(before) if now < until else now


def _note_doubt(connection: Connection, *, by_ms: int, now: Millis, before: int) -> None:
    if by_ms > DOUBT_MS:
        notes.keep(connection, notes.DOUBTED, f"{now + DOUBT_MS} {before}")
    elif by_ms < -DOUBT_MS:
        notes.keep(connection, notes.DOUBTED, None)


def _moved(instant: ColumnElement[int], by_ms: int) -> ColumnElement[int]:
    """0 and `tables.FAR` are not times."""
    return case(((instant > 0) & (instant < t.FAR), latest(instant + by_ms, 1)), else_=instant)


def catch_up(connection: Connection, *, now: Millis, window_ms: int) -> int:
    """Moves everything planned if the wall clock was set back since the state was last worked on. Returns by how many
    ms (negative), or 0. If it was set far forward (or nobody worked on the state for that long, which looks the same),
    nothing moves, but the clock is doubted. For the only process on a state, when it starts.

    Otherwise nothing would be fetched until the clock had caught up: if it had been a year ahead, a host due in one
    second would be due in a year.
    """
    noted = int(notes.kept(connection, notes.CLOCK) or 0)
    polled = connection.scalar(select(func.max(t.feed.c.polled_at))) or 0
    last = max(noted, polled)
    by_ms = int(now - last) - BETWEEN_MS
    if by_ms < -SLACK_MS:
        shift(connection, by_ms=by_ms, now=now, window_ms=window_ms)
        return by_ms
    notes.keep(connection, notes.CLOCK, str(now))
    if last:
        _note_doubt(connection, by_ms=by_ms, now=now, before=min(last, believed(connection, now=now)))
    return 0
