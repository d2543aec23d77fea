"""store.lease → shared bus, as much as may be under way in all processes that fetch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from worker.bus import Bus
from worker.engine import limits
from worker.engine.cancel import cancelled, either
from worker.engine.clock import Clock
from worker.engine.trouble import refused
from worker.errors import BusError, StateError
from worker.model import Claim, HandedBack
from worker.store import Store
from worker.telemetry.vitals import Vitals

MOST = 500
"""Leases in one transaction."""
LOOK_S, BUSY_S, AWAY_S = 0.02, 0.1, 0.5
"""Time between two looks: LOOK_S at least, when something is due soon; BUSY_S while enough waits on the bus; AWAY_S
while the bus is away, or accepts nothing."""


class Scheduler:
    """Leases due work for whoever takes it off the bus. Any number of them may run, because what one has leased the
    others can't.

    No more waits on the bus than can be under way at once. That much is worked off in about the time of one fetch,
    which is a small part of a lease.
    """

    def __init__(self, *, store: Store, bus: Bus, clock: Clock, vitals: Vitals) -> None:
        self._store, self._bus, self._clock, self._vitals = store, bus, clock, vitals
        self._wake = asyncio.Event()
        self._pause_s = BUSY_S

    def wake(self) -> None:
        """Call this when something may have become due."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until `stop` is set."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._wake.clear()
                claims = await self._leased()
                left = await self._bus.publish(claims)
                await self._hand_back(left)
                if len(claims) == len(left):
                    await either(self._wake, stopped, AWAY_S if left else self._pause_s)
        finally:
            await cancelled(stopped)

    async def _leased(self) -> Sequence[Claim]:
        self._pause_s = AWAY_S
        try:
            backlog = self._vitals.backlog = await self._bus.backlog()
            room = await self._store.capacity(now=self._clock.now()) - backlog
            claims: Sequence[Claim] = ()
            self._pause_s = BUSY_S
            if room > 0 and self._vitals.shortage is None:
                claims = await self._store.lease(min(room, MOST), now=self._clock.now(), lease_ms=limits.LEASE_MS)
                due_in_s = (await self._store.next_claim_at() - self._clock.now()) / 1000
                self._pause_s = min(1.0, max(LOOK_S, due_in_s))
        except BusError as error:  # the bus logs it
            self._vitals.backlog, self._vitals.unhanded = None, str(error)
            return ()
        except StateError as error:
            refused(self._vitals, error)
            return ()
        self._vitals.refused = self._vitals.unhanded = None
        return claims

    async def _hand_back(self, claims: Sequence[Claim]) -> None:
        """Hands back what the bus did not accept. If that fails, too, the work comes up when its lease ends."""
        if claims:
            with contextlib.suppress(StateError):
                await self._store.finish([HandedBack(lease=claim.lease) for claim in claims], now=self._clock.now())
