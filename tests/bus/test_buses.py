"""What a bus does for engines."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.bus.claims import backlog, ingest, poll, publish, take
from worker.bus import Bus


async def test_work_is_handed_out_once(bus: Bus) -> None:
    """Of both kinds, over several publications, whole as it was handed in."""
    await publish(bus, [poll(1), ingest(2)])
    await publish(bus, [])
    await publish(bus, [poll(3)])
    taken = await take(bus, 3)
    assert {claim.lease.work_id: claim for claim in taken} == {1: poll(1), 2: ingest(2), 3: poll(3)}
    await backlog(bus, 0)


async def test_a_kind_of_work_comes_in_its_order(bus: Bus) -> None:
    """First come, first served."""
    await publish(bus, [poll(number) for number in (5, 3, 9)])
    assert [claim.lease.work_id for claim in await take(bus, 3)] == [5, 3, 9]


async def test_no_more_is_taken_than_asked_for(bus: Bus) -> None:
    """The rest waits for whoever asks next."""
    await publish(bus, [poll(number) for number in range(10)])
    async with asyncio.timeout(20):
        first = await bus.take(4)
    assert 1 <= len(first) <= 4
    rest = await take(bus, 10 - len(first))
    assert {claim.lease.work_id for claim in [*first, *rest]} == set(range(10))


async def test_the_backlog_is_what_is_not_done(bus: Bus) -> None:
    """It grows with what is handed in, and shrinks as that is done with."""
    await publish(bus, [])
    await backlog(bus, 0)
    await publish(bus, [poll(1), ingest(2)])
    await backlog(bus, 2)
    await take(bus, 1)
    await backlog(bus, 1)


async def test_takers_wait_and_each_gets_another(bus: Bus) -> None:
    """What is handed in later goes to those who wait."""
    takers = [asyncio.create_task(take(bus, 1)) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert not any(taker.done() for taker in takers)
    await publish(bus, [poll(1), ingest(2), poll(3)])
    taken = await asyncio.gather(*takers)
    assert {claims[0].lease.work_id for claims in taken} == {1, 2, 3}


async def test_a_taker_that_is_cancelled_loses_nothing(bus: Bus) -> None:
    """Cancelled while it waits: the work is there for the next."""
    waiting = asyncio.create_task(bus.take(1))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    await publish(bus, [poll(1)])
    assert await take(bus, 1) == [poll(1)]
