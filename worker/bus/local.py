"""The bus within one process: a queue in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from worker.model import Work


class LocalBus:
    """For one event loop. Work is handed out once, in the order in which it came."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Work] = asyncio.Queue()

    def backlog(self) -> int:
        """Work that has been published and not taken."""
        return self._queue.qsize()

    async def publish(self, works: Sequence[Work]) -> None:
        for work in works:
            self._queue.put_nowait(work)

    async def take(self) -> Work:
        """The next work; waits until there is some."""
        return await self._queue.get()

    def drain(self) -> list[Work]:
        """All that nobody has taken, for a worker that stops."""
        left: list[Work] = []
        while not self._queue.empty():
            left.append(self._queue.get_nowait())
        return left
