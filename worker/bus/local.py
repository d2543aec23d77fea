"""A bus within one process: a queue in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class LocalBus(Generic[T]):
    """For one event loop. Work is handed out once, in the order in which it came, and needs no acknowledgement."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue()

    async def publish(self, works: Sequence[T]) -> Sequence[T]:
        for work in works:
            self._queue.put_nowait(work)
        return ()

    async def take(self, most: int) -> Sequence[T]:
        taken = [await self._queue.get()]
        while len(taken) < most and not self._queue.empty():
            taken.append(self._queue.get_nowait())
        return taken

    async def done(self, works: Sequence[T]) -> None:
        pass

    async def backlog(self) -> int:
        return self._queue.qsize()

    def drain(self) -> list[T]:
        """Everything that nobody has taken, for a worker that stops."""
        left: list[T] = []
        while not self._queue.empty():
            left.append(self._queue.get_nowait())
        return left
