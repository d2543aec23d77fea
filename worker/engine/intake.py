"""Where a process gets its work: from its own claims, or from a bus that many processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from typing import Protocol

from worker.bus import Bus
from worker.engine.clock import Clock
from worker.engine.leases import Leases
from worker.engine.scheduling import Scheduler
from worker.engine.taking import Taker
from worker.model import Role, Work
from worker.store import Store
from worker.telemetry.vitals import Vitals


class Intake(Protocol):
    """For one event loop. `take` is called by one task, which may be cancelled; `left` is called after that."""

    def wake(self) -> None:
        """Call this when something may have become due, or there is room again."""

    async def run(self, stop: asyncio.Event, *, until_idle: bool) -> str | None:
        """Runs until `stop` is set or, with `until_idle`, until nothing is due. Returns why due work was left undone,
        or None. Raises StateError."""

    async def take(self) -> Sequence[Work]:
        """Waits for the next work, leased for this process."""

    async def left(self) -> Sequence[Work]:
        """Work that is leased for this process and was not taken."""


class Shared:
    """Work that goes through a bus, from processes that schedule to processes that fetch; `roles` says which this one
    is."""

    def __init__(
        self, store: Store, bus: Bus, *, roles: Set[Role], clock: Clock, leases: Leases, vitals: Vitals
    ) -> None:
        self._scheduler = Scheduler(store=store, bus=bus, clock=clock, vitals=vitals)
        self._taker = Taker(store=store, bus=bus, clock=clock, leases=leases, vitals=vitals)
        self._roles = roles
        self.left = self._taker.left

    def wake(self) -> None:
        self._scheduler.wake()
        self._taker.wake()

    async def run(self, stop: asyncio.Event, *, until_idle: bool) -> str | None:
        if until_idle:
            raise ValueError("a run that has an end claims for itself")
        if "schedule" in self._roles:
            await self._scheduler.run(stop)
        else:
            await stop.wait()
        return None

    async def take(self) -> Sequence[Work]:
        if "fetch" not in self._roles:
            await asyncio.Event().wait()
        return await self._taker.take()
