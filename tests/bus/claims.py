"""Claims to hand out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from worker.bus import Bus
from worker.errors import BusError
from worker.model import Claim, Lease, Millis


def poll(number: int, *, token: int = 1) -> Claim:
    lease = Lease(work_id=number, host_id=1, slot=0, token=token, expires_at=Millis(2))
    return Claim(lease=lease, kind="poll")


def ingest(number: int) -> Claim:
    lease = Lease(work_id=number, host_id=1, slot=0, token=1, expires_at=Millis(2))
    return Claim(lease=lease, kind="ingest")


async def publish(bus: Bus, claims: Sequence[Claim]) -> None:
    """Until all is taken in: a bus opens before its broker is reached."""
    left, until = list(claims), time.monotonic() + 20
    while left:
        left = list(await bus.publish(left))
        assert time.monotonic() < until
        await asyncio.sleep(0.02 if left else 0)


async def take(bus: Bus, count: int, *, done: bool = True) -> list[Claim]:
    """So many, as they come."""
    taken: list[Claim] = []
    async with asyncio.timeout(20):
        while len(taken) < count:
            got = await bus.take(count - len(taken))
            taken += got
            if done:
                await bus.done(got)
    return taken


async def backlog(bus: Bus, expected: int) -> None:
    """What is done with is told to a broker in passing: it is so soon, if not at once."""
    found, until = -1, time.monotonic() + 10
    while found != expected:
        try:
            found = await bus.backlog()
        except BusError:
            found = -1
        assert time.monotonic() < until, found
        await asyncio.sleep(0.02 if found != expected else 0)
