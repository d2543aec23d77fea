"""What is done again and again."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from worker.engine.ticks import Ticks


async def test_a_job_that_fails_is_logged_and_goes_on() -> None:
    """And keeps no other back; nor does one that hangs, which is not begun twice."""
    done = {"fails": 0, "hangs": 0, "works": 0}

    async def fails() -> None:
        done["fails"] += 1
        raise ZeroDivisionError("a defect")

    async def hangs() -> None:
        done["hangs"] += 1
        await asyncio.Event().wait()

    async def works() -> None:
        done["works"] += 1

    ticks = Ticks()
    for job in (fails, hangs, works):
        ticks.add(job, every_s=0.01)
    with capture_logs() as lines:
        ticks.start()
        async with asyncio.timeout(20):
            while min(done["fails"], done["works"]) < 3:
                await asyncio.sleep(0.01)
            ticks.pause()
            await asyncio.sleep(0.03)
            before = dict(done)
            await asyncio.sleep(0.03)
            await ticks.stop()
    assert done == before
    assert done["hangs"] == 1
    assert [line["event"] for line in lines] == ["tick.broken"] * done["fails"]


async def test_what_was_late_is_done_once() -> None:
    """Not as often as it would have been in the meantime."""
    times = []
    late = asyncio.Event()

    async def job() -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            await late.wait()

    ticks = Ticks()
    ticks.add(job, every_s=0.05)
    ticks.start()
    await asyncio.sleep(0.4)
    late.set()
    async with asyncio.timeout(20):
        while len(times) < 3:
            await asyncio.sleep(0.01)
    await ticks.stop()
    assert times[2] - times[1] > 0.04
