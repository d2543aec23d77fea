"""The wall clock, compared with the monotonic one: when it has been set, all that is planned moves with it.

Until then the run goes by what the wall clock was: nothing is planned by a clock that was set, and then moved with what
had been planned before. A job goes to its end by the clock that it began with.
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
"""Of what is done."""

_kept_ms: ContextVar[int] = ContextVar("kept_ms")
"""In a job: by how much its clock is ahead of the monotonic one."""

log = structlog.stdlib.get_logger("feedmill.engine")


class Clock:
    """The clock of a run."""

    def __init__(self, wall: Callable[[], Millis], *, shift: Callable[[int], Awaitable[None]]) -> None:
        """wall: the wall clock. shift: moves what the store has planned by so many ms. Raises StateError where it
        can't."""
        self._wall, self._shift = wall, shift
        self.due: Due | None = None
        """Of a run that has an end. It moves with the clock, too."""
        self._ahead_ms = wall() - monotonic_ms()
        self._lock = asyncio.Lock()

    def now(self) -> Millis:
        """The wall clock, as it was followed last."""
        return Millis(monotonic_ms() + self.ahead_ms())

    def ahead_ms(self) -> int:
        """Of `now` over the monotonic clock."""
        return _kept_ms.get(self._ahead_ms)

    def keep(self) -> None:
        """This task goes by the clock as it is now, to its end."""
        _kept_ms.set(self._ahead_ms)

    async def follow(self) -> None:
        """Moves what is planned, if the clock has been set. Raises StateError; it is tried again the next time."""
        async with self._lock:
            ahead_ms = self._wall() - monotonic_ms()
            jump = ahead_ms - self._ahead_ms
            if abs(jump) > limits.JUMP_MS:
                self.tell(jump)
                await self._shift(jump)
                if self.due is not None:
                    self.due = self.due._replace(by=Millis(self.due.by + jump))
            self._ahead_ms = ahead_ms  # only now: a shift that was refused is tried again

    def tell(self, jump_ms: int) -> None:
        """Logs that the wall clock was set by so much, if it was."""
        if jump_ms:
            log.warning("clock.jumped", by_s=round(jump_ms / 1000, 1))

    def in_its_time(self, done: Done, ahead_ms: int) -> Done:
        """What was done when the clock was so far ahead, with its instants as the clock shows them now."""
        by_ms = self._ahead_ms - ahead_ms
        if abs(by_ms) <= limits.JUMP_MS:
            return done
        said = {each.name: getattr(done, each.name) for each in fields(done) if each.name in _INSTANTS}
        changed: dict[str, Any] = {name: at + by_ms for name, at in said.items() if at is not None}
        return replace(done, **changed)
