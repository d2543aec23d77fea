"""The bus within one process."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from worker.bus import LocalBus
from worker.model import FeedId, Lease, Millis, Poll


def poll(number: int) -> Poll:
    lease = Lease(work_id=number, host_id=1, slot=0, token=1, expires_at=Millis(0))
    return Poll(lease=lease, feed_id=FeedId("feed"), url="https://a.example/")


async def test_work_is_handed_out_once_in_its_order() -> None:
    """First come, first served, over several publications."""
    bus = LocalBus()
    await bus.publish([poll(1), poll(2)])
    await bus.publish([])
    await bus.publish([poll(3)])
    assert [(await bus.take()).lease.work_id for _ in range(3)] == [1, 2, 3]
    assert bus.backlog() == 0


async def test_the_backlog_is_what_nobody_has_taken() -> None:
    """It grows with what is published and shrinks with what is taken."""
    bus = LocalBus()
    assert bus.backlog() == 0
    await bus.publish([poll(1), poll(2)])
    assert bus.backlog() == 2
    await bus.take()
    assert bus.backlog() == 1


async def test_draining_takes_all_that_is_left() -> None:
    """A worker that stops hands back what it has not begun; then there is nothing."""
    bus = LocalBus()
    assert bus.drain() == []
    await bus.publish([poll(1), poll(2), poll(3)])
    await bus.take()
    assert [work.lease.work_id for work in bus.drain()] == [2, 3]
    assert (bus.backlog(), bus.drain()) == (0, [])


async def test_takers_wait_and_each_gets_another() -> None:
    """Work published later goes to those who wait, one each, in the order in which they came."""
    bus = LocalBus()
    takers = [asyncio.create_task(bus.take()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(taker.done() for taker in takers)
    await bus.publish([poll(1), poll(2), poll(3)])
    assert [work.lease.work_id for work in await asyncio.gather(*takers)] == [1, 2, 3]


async def test_a_taker_that_is_cancelled_loses_no_work() -> None:
    """Cancelled while it waits, or just as work arrives: the work is there for the next."""
    bus = LocalBus()
    waiting = asyncio.create_task(bus.take())
    await asyncio.sleep(0)
    await bus.publish([poll(1)])
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert bus.backlog() == 1
    assert (await bus.take()).lease.work_id == 1
