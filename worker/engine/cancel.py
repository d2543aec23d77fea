"""Tasks that go on beside, ended."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TypeVar

T = TypeVar("T")


async def cancelled(task: asyncio.Task[T]) -> None:
    """Cancels it and waits until it has ended. Raises what it has failed with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
