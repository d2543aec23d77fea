"""The wall clock, compared with the monotonic one: when it has been set, everything planned moves along with it.

Until that has happened, the run goes by the old wall clock; otherwise something planned by the new clock would be moved
together with what was planned before. A job uses the clock it began with until its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import fields, replace
from typing import Any

import structlog

from worker.engine import limits
from worker.model import Done, Due, Millis
from worker.store import monotonic_ms

_INSTANTS = frozenset({"at", "due_at", "look_at", "not_before"})
"""The fields of a `Done` that are times."""

_kept_ms: ContextVar[int] = ContextVar("kept_ms")
"""In a job: how far its clock is ahead of the monotonic one."""

log = structlog.stdlib.get_logger("feedmill.engine")


class Clock:
    """The clock of a run."""

    def __init__(self, wall: Callable[[], Millis], *, shift: Callable[[int], Awaitable[None]]) -> None:
        """wall: the wall clock. shift: moves what the store has planned by so many ms; raises StateError if it
        can't."""
        self._wall, self._shift = wall, shift
        self.due: Due | None = None
        """What belongs to a run that has an end. Its time moves with the clock, too."""
        self._ahead_ms = wall() - monotonic_ms()
        self._lock = asyncio.Lock()

    def now(self) -> Millis:
        """The wall clock as it was when `follow` last looked at it."""
        return Millis(monotonic_ms() + self.ahead_ms())

    def ahead_ms(self) -> int:
        """How far `now` is ahead of the monotonic clock."""
        return _kept_ms.get(self._ahead_ms)

    def keep(self) -> None:
        """From now on the current task uses the clock as it is now."""
        _kept_ms.set(self._ahead_ms)

    async def follow(self) -> None:
        """Moves everything planned if the wall clock has been set. Raises StateError; then the next call tries
        again."""
        async with self._lock:
            ahead_ms = self._wall() - monotonic_ms()
            jump = ahead_ms - self._ahead_ms
            if abs(jump) > limits.JUMP_MS:
                self.tell(jump)
                await self._shift(jump)
                if self.due is not None:
                    self.due = self.due._replace(by=Millis(self.due.by + jump))
            self._ahead_ms = ahead_ms  # only now, so that a shift that failed is tried again

    def tell(self, jump_ms: int) -> None:
        """Logs by how much the wall clock was set, unless that is 0."""
        if jump_ms:
            log.warning("clock.jumped", by_s=round(jump_ms / 1000, 1))

    def in_its_time(self, done: Done, ahead_ms: int) -> Done:
        """The result of a job whose clock was `ahead_ms` ahead, with its times moved to the present clock."""
        by_ms = self._ahead_ms - ahead_ms
        if abs(by_ms) <= limits.JUMP_MS:
            return done
        said = {each.name: getattr(done, each.name) for each in fields(done) if each.name in _INSTANTS}
        changed: dict[str, Any] = {name: at + by_ms for name, at in said.items() if at is not None}
        return replace(done, **changed)
