"""Waits for a while if the state's server is away when a worker starts.

Servers and workers may start together, say after a power cut, and a worker that gave up at once would cause a false
alarm. One that waited for ever would hide a wrong address.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from worker.errors import StateUnreachable
from worker.log import Sparing

PATIENCE_S = 60.0
"""Less than the 90 s after which systemd takes a start to have failed (TimeoutStartSec)."""
AGAIN_S = 1.0
SAY_AGAIN_S = 10.0
"""The same problem is logged again after this time."""

T = TypeVar("T")
log = structlog.stdlib.get_logger("feedmill.state")


async def reached(open_state: Callable[[], Awaitable[T]], *, stop: asyncio.Event, patience_s: float) -> T | None:
    """The result of `open_state`, once the server can be reached; None if `stop` was set before that.

    Raises StateUnreachable after `patience_s`, and immediately whatever else `open_state` raises.
    """
    until, complaints = time.monotonic() + patience_s, Sparing(SAY_AGAIN_S)
    while True:
        try:
            return await open_state()
        except StateUnreachable as error:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise
            if complaints.is_news():
                log.warning("state.unreachable", error=str(error), gives_up_in_s=round(left_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(AGAIN_S, left_s)):
                await stop.wait()
        if stop.is_set():
            return None
