"""The interface of a bus, as engines use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from worker.model import Claim


class Bus(Protocol):
    """For one event loop. Work is handed out at least once, unless the bus loses its memory, and the work with it.
    Whoever takes work asks the store whether its lease is still valid. A bus knows nothing about times; these are the
    store's."""

    async def publish(self, works: Sequence[Claim]) -> Sequence[Claim]:
        """Puts work on the bus. Returns the work that was not accepted, or may not have been. Does not raise if the
        broker is away."""

    async def take(self, most: int) -> Sequence[Claim]:
        """Waits until there is work, and returns at most `most` pieces. Loses nothing when cancelled."""

    async def done(self, works: Sequence[Claim]) -> None:
        """Acknowledges work that was taken. Without that, it is handed out again after a while."""

    async def backlog(self) -> int:
        """How much work was published and not acknowledged yet. Raises BusError."""
