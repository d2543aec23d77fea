"""shared bus → store.begin: takes leases off the bus, and exchanges each for work that only this process has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from worker.bus import Bus
from worker.engine import limits
from worker.engine.clock import Clock
from worker.engine.leases import Leases
from worker.engine.trouble import refused
from worker.errors import StateError
from worker.model import Claim, Work
from worker.store import Store, monotonic_ms
from worker.telemetry.vitals import Vitals

log = structlog.stdlib.get_logger("feedmill.engine")


class Taker:
    """Takes as much as there is room for."""

    def __init__(self, *, store: Store, bus: Bus, clock: Clock, leases: Leases, vitals: Vitals) -> None:
        self._store, self._bus, self._clock = store, bus, clock
        self._leases, self._vitals = leases, vitals
        self._wake = asyncio.Event()
        self._beginning: asyncio.Task[list[Work]] | None = None

    def wake(self) -> None:
        """Call this when there may be room again."""
        self._wake.set()

    async def take(self) -> Sequence[Work]:
        """Waits for room and for work, and returns the work."""
        while True:
            while self._leases.room <= 0 or self._vitals.shortage is not None:
                self._wake.clear()
                await self._wake.wait()
            claims = await self._bus.take(self._leases.room)
            self._beginning = asyncio.create_task(self._begin(claims))
            works = await asyncio.shield(self._beginning)
            self._beginning = None
            if works:
                return works

    async def left(self) -> Sequence[Work]:
        """What was being begun when `take` was cancelled, for a worker that stops."""
        if self._beginning is None:
            return ()
        done, _ = await asyncio.wait({self._beginning}, timeout=limits.GRACE_S)
        if not done:
            self._beginning.cancel()
        return self._beginning.result() if done else ()

    async def _begin(self, claims: Sequence[Claim]) -> list[Work]:
        """Exchanges the valid leases for work of this process, and acknowledges all of them to the bus."""
        while True:
            asked_ms = monotonic_ms()
            try:
                works = await self._store.begin(
                    [claim.lease for claim in claims], now=self._clock.now(), lease_ms=limits.LEASE_MS
                )
            except StateError as error:
                refused(self._vitals, error)
                await asyncio.sleep(1)
                continue
            self._vitals.refused = None
            await self._bus.done(claims)
            if monotonic_ms() - asked_ms > limits.LEASE_MS / 2:
                log.warning("work.late", works=len(works))  # this process stood still: others may have the work by now
                return []
            self._leases.take(works)
            return works
