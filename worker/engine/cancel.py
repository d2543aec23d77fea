"""Background tasks: run, waited for and cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import NoReturn, TypeVar

T = TypeVar("T")


@contextlib.asynccontextmanager
async def running(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Runs `work` in the background until the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def cancelled(task: asyncio.Task[T]) -> None:
    """Cancels the task and waits until it has ended. Raises what it failed with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def unless(end: Coroutine[object, object, NoReturn], work: Coroutine[object, object, T]) -> T:
    """The result of `work`, unless `end` raises first: then `work` is cancelled, and that is raised."""
    ending, working = asyncio.create_task(end), asyncio.create_task(work)
    try:
        await asyncio.wait({ending, working}, return_when=asyncio.FIRST_COMPLETED)
        return await (ending if ending.done() else working)
    finally:
        for task in (ending, working):
            if not task.done():
                await cancelled(task)


async def either(event: asyncio.Event, task: asyncio.Task[object], within_s: float) -> None:
    """Returns when the event is set, the task has ended, or the time has passed."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, task}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    await cancelled(waiting)
