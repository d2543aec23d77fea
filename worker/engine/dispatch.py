"""store.claim → work for this process, as much as may be under way in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from worker.engine import limits
from worker.engine.cancel import cancelled, either
from worker.engine.clock import Clock
from worker.engine.leases import Leases
from worker.engine.trouble import refused
from worker.errors import StateError
from worker.model import Work
from worker.store import Store
from worker.telemetry.vitals import Vitals


class Dispatcher:
    """Claims due work for this process; an `Intake`."""

    def __init__(self, *, store: Store, clock: Clock, leases: Leases, vitals: Vitals) -> None:
        self._store, self._clock, self._leases, self._vitals = store, clock, leases, vitals
        self._wake = asyncio.Event()
        self._claimed: asyncio.Queue[Work] = asyncio.Queue()

    def wake(self) -> None:
        self._wake.set()

    async def take(self) -> Sequence[Work]:
        return [await self._claimed.get()]

    async def left(self) -> Sequence[Work]:
        return [self._claimed.get_nowait() for _ in range(self._claimed.qsize())]

    async def run(self, stop: asyncio.Event, *, until_idle: bool) -> str | None:
        stopped = asyncio.create_task(stop.wait())
        able_s = time.monotonic()
        try:
            while not stop.is_set():
                self._wake.clear()
                room = self._leases.room
                works = await self._claim(room) if room > 0 and self._vitals.shortage is None else []
                self._leases.take(works)
                for work in works:
                    self._claimed.put_nowait(work)
                if until_idle and not works and self._vitals.refusals > limits.MAX_REFUSALS:
                    raise StateError("the state accepts nothing any more, see the log; what was committed is not lost")
                hindrance = self._vitals.shortage or self._vitals.unable
                if hindrance is None:
                    able_s = time.monotonic()
                gives_up = time.monotonic() - able_s > limits.MAX_REFUSALS
                if until_idle and (not self._leases or gives_up):  # nothing else is under way, or was claimed
                    if not self._leases and not await self._is_due():
                        return self._vitals.unable  # which has put off what was due
                    if self._vitals.shortage is not None or gives_up:
                        return hindrance
                await self._sleep(stopped)
            return None
        finally:
            await cancelled(stopped)

    async def _claim(self, room: int) -> list[Work]:
        try:
            await self._clock.follow()  # first, so that a clock that was set does not make things due
            await self._leases.renew()  # after a standstill they have run out, and their work would be claimed again
            works = await self._store.claim(room, now=self._clock.now(), lease_ms=limits.LEASE_MS, due=self._clock.due)
        except StateError as error:
            refused(self._vitals, error)
            if not self._leases:  # otherwise the finisher counts them
                self._vitals.refusals += 1
            return []
        self._vitals.refused = None
        return works

    async def _is_due(self) -> bool:
        try:
            return await self._store.has_due(now=self._clock.now(), due=self._clock.due)
        except StateError:
            return True

    async def _sleep(self, stopped: asyncio.Task[bool]) -> None:
        """Waits until something ends, a tick comes, a host is ready, or the engine is stopped. A state that refuses
        writes can often still be read, and what is due there stays due: then only the ticks are waited for."""
        timeout_s = 1.0
        if self._leases.room > 0 and self._vitals.shortage is None and self._vitals.refused is None:
            with contextlib.suppress(StateError):
                next_at = await self._store.next_claim_at(due=self._clock.due)
                due_in_s = (next_at - self._clock.now()) / 1000
                timeout_s = min(1.0, max(limits.TOGETHER_S, due_in_s)) if due_in_s > 0 else 0.002
        await either(self._wake, stopped, timeout_s)
