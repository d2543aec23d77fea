"""The parts, their ticks, and the order in which they start and stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from typing import TYPE_CHECKING

import structlog

from worker.bus import Bus
from worker.engine import limits
from worker.engine.cancel import cancelled, unless
from worker.engine.clock import Clock
from worker.engine.dispatch import Dispatcher
from worker.engine.finisher import Finisher
from worker.engine.heartbeat import Heartbeat
from worker.engine.intake import Intake, Shared
from worker.engine.jobs import Jobs
from worker.engine.leases import Leases
from worker.engine.publishing import Publishing
from worker.engine.room import Room
from worker.engine.ticks import Ticks
from worker.engine.trouble import tell
from worker.errors import OutputError, StateError, StateLost
from worker.model import ALL_ROLES, Done, Due, Feed, FeedId, Member, Millis, Role, Work
from worker.pipeline import Shards
from worker.store import Store
from worker.telemetry.meters import Meters
from worker.telemetry.vitals import Vitals

if TYPE_CHECKING:  # an extra
    from worker.telemetry.traces import Traces

log = structlog.stdlib.get_logger("feedmill.engine")


class Engine:
    """Runs work until it is stopped, or until nothing is due. An instance runs once."""

    def __init__(
        self,
        *,
        store: Store,
        bus: Bus | None,
        do: Callable[[Work], Awaitable[Done]],
        shards: Shards,
        feeds: Mapping[FeedId, Feed],
        concurrency: int,
        clock: Clock,
        alive: Callable[[], None] = lambda: None,
        shortage: Callable[[], str | None] = lambda: None,
        meters: Meters | None = None,
        traces: Traces | None = None,
        roles: Set[Role] = ALL_ROLES,
        member: Member | None = None,
    ) -> None:
        """bus: for work that any process leases; None: this one claims all that it does. do: does a piece of work.
        feeds: those that are listed. concurrency: how much work may be under way at once. clock: the clock to go by.
        alive: called on every tick. shortage: called every second in a thread; why there is no room for more work, or
        None. meters: counts what was done. traces: gets a span for each piece of work; None: no tracing. roles: what
        this process does; without a bus it schedules what it fetches. member: what it reports about itself to the
        others on the same state; None: there are no others."""
        self.meters = meters or Meters()
        self.vitals = Vitals(most=concurrency)
        self._alive, self._roles, self._store, self._clock = alive, roles, store, clock
        self._leases = Leases(store, clock, vitals=self.vitals)
        self._intake: Intake = (
            Dispatcher(store=store, clock=clock, leases=self._leases, vitals=self.vitals)
            if bus is None
            else Shared(store, bus, roles=roles, clock=clock, leases=self._leases, vitals=self.vitals)
        )
        self._finisher = Finisher(
            store=store, clock=clock, leases=self._leases, vitals=self.vitals, committed=self.wake
        )
        self._jobs = Jobs(
            do=do,
            finish=self._finisher.finish,
            clock=clock,
            vitals=self.vitals,
            meters=self.meters,
            traces=traces,
        )
        self._publishing = Publishing(
            store=store, shards=shards, feeds=feeds, now=clock.now, vitals=self.vitals, wake=self.wake
        )
        self._room = Room(shortage, vitals=self.vitals, wake=self.wake)
        self._noted: tuple[str, ...] = ()
        """The troubles that commands were last told of."""
        self._is_shared = bus is not None
        self._heartbeat = None if member is None else Heartbeat(store, member, now=clock.now, vitals=self.vitals)

    def wake(self) -> None:
        """Call this in the engine's loop when something has become due."""
        self._intake.wake()

    async def run(self, stop: asyncio.Event, *, until_idle: bool = False, due_by: Millis | None = None) -> None:
        """Works until `stop` is set; with `until_idle`, at the latest until everything that was due at the start has
        been ingested. Or, with `due_by`, only what was due by then and what that brings; nothing else is done.

        Drains at the end: finished work is committed and published, unfinished work handed back. Raises StateError or
        OutputError if the state or the output can't be used at the end, or there was no room for work that was due;
        StateLost as soon as damage shows or another process may have the state.
        """
        until = self._clock.now() if due_by is None else due_by
        self._clock.due = Due(until, alone=due_by is not None) if until_idle else None
        ticks = self._ticks()
        await self._room.look()
        if self._heartbeat is not None:
            await self._heartbeat.beat()
        finisher = asyncio.create_task(self._finisher.run())
        jobs = asyncio.create_task(self._jobs.run(self._intake.take))
        ticks.start()
        try:
            left = await unless(self._store.lost(), self._intake.run(stop, until_idle=until_idle))
        except StateLost:
            self._jobs.give_up()  # none of them can be committed
            raise
        finally:
            self.vitals.stopping = True
            ticks.pause()
            await cancelled(jobs)
            await self._jobs.drain(await self._intake.left())
            await cancelled(finisher)
            # Cancelling would not stop a publication's thread, and the next one would run beside it: wait for it.
            await self._publishing.stop()
            await ticks.stop()
            if self._heartbeat is not None:
                await self._heartbeat.leave()
        if "publish" in self._roles:
            await self._publishing.seal_the_rest(stop)
        if left is not None:
            raise OutputError(f"not everything that is due was done: {left}")

    def _ticks(self) -> Ticks:
        ticks = Ticks()
        ticks.add(self._tick, every_s=1)
        if "publish" in self._roles:
            ticks.add(self._publishing.publish, every_s=1)
        ticks.add(self._room.look, every_s=1)
        ticks.add(self._upkeep, every_s=limits.UPKEEP_S)
        if self._heartbeat is not None:
            ticks.add(self._heartbeat.beat, every_s=limits.BEAT_S)
        return ticks

    async def _upkeep(self) -> None:
        if "schedule" in self._roles:
            try:
                await self._store.upkeep(now=self._clock.now())
            except StateError as error:
                log.error("upkeep.failed", error=str(error))
        if "publish" in self._roles:
            await self._publishing.upkeep()

    async def _tick(self) -> None:
        self._alive()
        if self._is_shared and self._leases.lapsed:
            self._jobs.give_up()
        self.vitals.ticked_at, self.vitals.under_way = self._clock.now(), len(self._leases)
        self.wake()
        try:
            await self._clock.follow()
            await self._leases.renew()
        except StateError as error:
            tell(self.vitals, "tick.failed", error)
        await self._note()

    async def _note(self) -> None:
        """Lets commands know what currently fails; whatever that is, also the state."""
        troubles = tuple(self.vitals.troubles)
        if self._heartbeat is not None or troubles == self._noted:
            return
        try:
            await self._store.note_trouble(self.vitals.said)
            self._noted = troubles
        except StateError as error:
            tell(self.vitals, "trouble.untold", error)
