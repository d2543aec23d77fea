"""What engines ask of a bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
"""What travels: the work itself within a process, no more than its lease between machines."""


class Bus(Protocol[T]):
    """For one event loop. Work is handed out at least once while the bus keeps its memory, and may be lost with that;
    whoever takes it asks the store whether its lease stands. Instants are the store's: a bus knows of none."""

    async def publish(self, works: Sequence[T]) -> Sequence[T]:
        """Hands in work; returns what was not taken in, or may not have been. Never raises for want of a broker."""

    async def take(self, most: int) -> Sequence[T]:
        """Waits until there is some, and returns at most so much. Cancelled, it loses nothing."""

    async def done(self, works: Sequence[T]) -> None:
        """What was taken is not to be handed out again. Said of nothing, it comes again after a while."""

    async def backlog(self) -> int:
        """Work that has been handed in, and of which nobody has said that it is done. Raises BusError."""
