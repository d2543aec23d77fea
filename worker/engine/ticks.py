"""What is done every second, or every hour, by the monotonic clock, so that setting the wall clock neither stops nor
hurries it.

APScheduler's jobs go by the wall clock. Set back by a day, they would not run for a day; set forward by a year, it
would count every second of that year before the next run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from worker.engine.cancel import cancelled

Job = Callable[[], Awaitable[None]]

log = structlog.stdlib.get_logger("feedmill.engine")


class Ticks:
    """Jobs that run independently of each other. A job that takes longer than its interval is late next time; it never
    runs twice at once."""

    def __init__(self) -> None:
        self._jobs: list[tuple[Job, float]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._paused = False

    def add(self, job: Job, *, every_s: float) -> None:
        """The job first runs when its interval has passed once."""
        self._jobs.append((job, every_s))

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(job, every_s)) for job, every_s in self._jobs]

    def pause(self) -> None:
        """Begins nothing more; what is under way goes on."""
        self._paused = True

    async def stop(self) -> None:
        """Cancels what is under way."""
        for task in self._tasks:
            await cancelled(task)

    async def _repeat(self, job: Job, every_s: float) -> None:
        clock = asyncio.get_running_loop().time
        due_at = clock() + every_s
        while True:
            await asyncio.sleep(due_at - clock())
            if self._paused:
                return
            try:
                await job()
            except Exception:  # a defect of ours: this job and the others go on
                log.exception("tick.broken")
            due_at = max(due_at + every_s, clock())
