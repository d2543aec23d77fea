"""The time by which leases and due times go."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

from worker.model import Millis

LOOK_S = 30.0
"""Between two looks at the database's clock: both clocks drift by a few ms in that, at most."""

_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")


def wall_clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


class Clock:
    """The clock of a database, as many processes go by it. Between two looks this machine's monotonic clock is added: a
    wall clock that is set moves nothing."""

    def __init__(self) -> None:
        self._then = 0.0
        """Of the database, in ms, …"""
        self._at: float | None = None
        """… when the monotonic clock was there, in s."""

    def look(self, connection: Connection) -> None:
        """Asks the database, where that is due."""
        before = time.monotonic()
        if self._at is None or before - self._at > LOOK_S:
            found = connection.scalar(_NOW)
            self._at = (before + time.monotonic()) / 2
            self._then = float(found)

    def __call__(self) -> Millis:
        if self._at is None:
            return wall_clock()
        return Millis(int(self._then + (time.monotonic() - self._at) * 1000))
