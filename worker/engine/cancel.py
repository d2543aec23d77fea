"""Tasks that go on beside, waited for and ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import NoReturn, TypeVar

T = TypeVar("T")


async def cancelled(task: asyncio.Task[T]) -> None:
    """Cancels it and waits until it has ended. Raises what it has failed with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def unless(end: Coroutine[object, object, NoReturn], work: Coroutine[object, object, T]) -> T:
    """What `work` gives, unless `end` raises before: then that is raised, and `work` is cancelled."""
    ending, working = asyncio.create_task(end), asyncio.create_task(work)
    try:
        await asyncio.wait({ending, working}, return_when=asyncio.FIRST_COMPLETED)
        return await (ending if ending.done() else working)
    finally:
        for task in (ending, working):
            if not task.done():
                await cancelled(task)


async def either(event: asyncio.Event, task: asyncio.Task[object], within_s: float) -> None:
    """Returns when the event is set, the task has ended, or the time is over."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, task}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    await cancelled(waiting)
