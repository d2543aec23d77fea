"""The engine: ticks, dispatches, consumes, finishes in groups, drains.

    dispatcher   store.claim → bus, for as many as may be under way
    consumer     bus → poll | walk | ingest → finisher
    finisher     groups of finished work → one transaction
    ticks        APScheduler's: once a second the clock is compared, leases are renewed; beside it segments are sealed
                 and the disks are looked at; upkeep each hour

It takes what decides from others, and keeps nothing that the store does not know: it may be killed at any instant.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC
from typing import Any, NamedTuple

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from worker.bus import LocalBus
from worker.errors import FeedmillError, OutputError, StateError
from worker.meters import Meters
from worker.model import (
    Broken,
    Done,
    Finished,
    HandedBack,
    Ingest,
    Lease,
    Millis,
    Poll,
    PollDone,
    Walk,
    Work,
)
from worker.pipeline import Ingester, Poller, Publisher, Walker, carry_out
from worker.store import Store
from worker.tally import Tally, tell
from worker.vitals import Vitals

LEASE_MS = 120_000
"""Longer than a fetch and an extraction take together; renewed while the work goes on."""
RENEW_MS = 30_000
MAX_REFUSALS = 30
"""Commits, a second apart, that the state may refuse before a run that has an end gives up; `run` goes on for ever."""
GRACE_S = 8.0
"""What is in flight may take so long to end after a stop; then it is handed back."""
SEAL_S = 1.0
"""What a stop gives to a backlog of records; the rest is sealed after the next start."""
GROUP = 50
GROUP_ENTRIES = 500
"""Of polls: the leases, the ticks and a stop wait for the transaction."""
LINGER_S, LOOK_S = 0.1, 0.01
"""How long the first of a group waits for others. 50 in one transaction cost little more than one."""
JUMP_MS = 5_000
"""A wall clock that is off by more than this from one tick to the next has been set."""

_INSTANTS = frozenset({"at", "due_at", "look_at", "not_before"})
"""Of what is done."""

Committed = tuple[Done, Finished]
"""What was committed in the end, and what became of it."""

log = structlog.stdlib.get_logger("feedmill.engine")


class _Ended(NamedTuple):
    """What is to be committed, and who waits for that."""

    done: Done
    committed: asyncio.Future[Committed]
    ahead_ms: int
    """Of the wall clock, when it was done."""


class Engine:
    """Runs work until it is stopped, or until nothing is due. One run an instance."""

    def __init__(
        self,
        *,
        store: Store,
        bus: LocalBus,
        poller: Poller,
        walker: Walker,
        ingester: Ingester,
        publisher: Publisher,
        concurrency: int,
        clock: Callable[[], Millis],
        alive: Callable[[], None] = lambda: None,
        shortage: Callable[[], str | None] = lambda: None,
        meters: Meters | None = None,
    ) -> None:
        """concurrency: how much work may be under way at once. clock: the wall clock. alive: called on every tick.
        shortage: why there is no room for more, asked each second, in a thread; None: there is. meters: to count in."""
        self._store, self._bus, self._publisher = store, bus, publisher
        self._poller, self._walker, self._ingester = poller, walker, ingester
        self._concurrency, self._clock, self._alive = concurrency, clock, alive
        self._shortage = shortage
        self._under_way: dict[int, Lease] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Queue[_Ended] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._polls_due_by: Millis | None = None
        self._wall_ahead = self._ahead()
        self._renewed_at = _monotonic_ms()
        self._publishing = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._clock_lock = asyncio.Lock()
        self._refusals = 0
        self._stopping = False
        self.tally = Tally()
        self.vitals, self.meters = Vitals(most=concurrency), meters or Meters()

    def wake(self) -> None:
        """Something has become due; to be called in its loop."""
        self._wake.set()

    async def run(self, stop: asyncio.Event, *, until_idle: bool = False, polls_due_by: Millis | None = None) -> None:
        """Works until `stop` is set; with `until_idle`, or until all that was due at the start, or by `polls_due_by`,
        has been ingested.

        Ends drained: what is finished is committed and published, what is not is handed back. Raises StateError or
        OutputError where the state or the output could not be used at the end, or had no room for what was due.
        """
        self._polls_due_by = (polls_due_by or self._clock()) if until_idle else None
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        scheduler.add_job(self._tick, "interval", seconds=1)
        # Two instances: one that finds another at work leaves without APScheduler's warning. So below.
        scheduler.add_job(self._publish, "interval", seconds=1, max_instances=2)
        scheduler.add_job(self._look_for_room, "interval", seconds=1, max_instances=2)
        scheduler.add_job(self._upkeep, "interval", hours=1)
        await self._look_for_room()
        finisher = asyncio.create_task(self._finisher())
        consumer = asyncio.create_task(self._consumer())
        scheduler.start()
        try:
            left = await self._dispatch(stop, until_idle)
        finally:
            self.vitals.stopping = True
            scheduler.pause()
            await _cancelled(consumer)
            await self._drain()
            await _cancelled(finisher)
            # Shutting down cancels what runs, but not the thread of a publication: the next one would run beside it.
            self._stopping = True
            async with self._publishing:
                scheduler.shutdown(wait=False)
        until = time.monotonic() + SEAL_S
        self.tally.published += await self._publisher.publish(
            now=self._clock(), everything=True, enough=lambda: stop.is_set() and time.monotonic() > until
        )
        if left is not None:
            raise OutputError(f"not all was done that is due: {left}")

    async def _dispatch(self, stop: asyncio.Event, until_idle: bool) -> str | None:
        """Why work that is due was left, by a run that has an end; None where none was."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._wake.clear()
                room = self._concurrency - len(self._under_way)
                works = await self._claim(room) if room > 0 and self.vitals.shortage is None else []
                self._under_way.update((work.lease.work_id, work.lease) for work in works)
                await self._bus.publish(works)
                if works:
                    continue
                if until_idle and self._refusals > MAX_REFUSALS:
                    raise StateError("the state took nothing any more, see the log; nothing of it is lost")
                if until_idle and not self._under_way:
                    is_due = await self._is_due()
                    if not is_due or self.vitals.shortage is not None:
                        return self.vitals.shortage if is_due else None
                await self._sleep(stopped)
            return None
        finally:
            await _cancelled(stopped)

    async def _claim(self, room: int) -> list[Work]:
        try:
            await self._follow_clock()  # before what a clock that was set makes due
            works = await self._store.claim(room, now=self._clock(), lease_ms=LEASE_MS, polls_due_by=self._polls_due_by)
        except StateError as error:
            self.vitals.refused = str(error)
            log.error("store.unusable", error=str(error))
            return []
        self.vitals.refused = None
        return works

    async def _is_due(self) -> bool:
        now = self._clock()
        try:
            return await self._store.has_due(now=now, polls_due_by=self._polls_due_by or now)
        except StateError:
            self._refusals += 1
            return True

    async def _sleep(self, stopped: asyncio.Task[bool]) -> None:
        """Until something ends, a tick comes, a host is ready or the engine is stopped."""
        timeout_s = 1.0
        if len(self._under_way) < self._concurrency and self.vitals.shortage is None:
            with contextlib.suppress(StateError):
                timeout_s = min(1.0, max(0.002, (await self._store.next_claim_at() - self._clock()) / 1000))
        wake = asyncio.create_task(self._wake.wait())
        await asyncio.wait({wake, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        await _cancelled(wake)

    async def _consumer(self) -> None:
        while True:
            job = asyncio.create_task(self._job(await self._bus.take()))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)

    async def _job(self, work: Work) -> None:
        """One piece of work, from claim to commit. Every line that is logged on the way names its feed and entry."""
        entry = {"entry": work.record_id, "url": work.url} if isinstance(work, Ingest) else {}
        name = {"feed": work.feed_id, **entry}
        with structlog.contextvars.bound_contextvars(**name):
            done: Done
            try:
                match work:
                    case Poll():
                        done = await self._poller.poll(work)
                    case Walk():
                        done = await self._walker.walk(work)
                    case Ingest():
                        done = await self._ingester.ingest(work)
            except asyncio.CancelledError:
                done = HandedBack(lease=work.lease)
            except Exception as error:  # a defect of ours must cost one job
                log.exception("job.broken")
                done = Broken(lease=work.lease, at=self._clock(), error=f"{type(error).__name__}: {error}"[:500])
            done, finished = await self._finish(done)
            self.tally.add(done, finished)
            self.meters.add(done, finished)
            tell(done, finished)

    async def _finish(self, done: Done) -> Committed:
        committed: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._finished.put_nowait(_Ended(done, committed, self._ahead()))
        return await committed

    async def _finisher(self) -> None:
        """Commits what is finished, in groups. What the store refuses is tried again until it is taken."""
        while True:
            group = await self._group()
            results = await self._commit([self._by_clock(ended) for ended in group])
            for ended, result in zip(group, results, strict=True):
                self._under_way.pop(ended.done.lease.work_id, None)
                if not ended.committed.done():
                    ended.committed.set_result(result)
            self._wake.set()

    async def _group(self) -> list[_Ended]:
        """What is finished, once something is: with what else ends soon, as long as there is something under way."""
        group = [await self._finished.get()]
        until = time.monotonic() + LINGER_S
        while True:
            await asyncio.sleep(LOOK_S)
            while len(group) < GROUP and _entries(group) < GROUP_ENTRIES and not self._finished.empty():
                group.append(self._finished.get_nowait())
            is_full = len(group) >= min(GROUP, len(self._under_way)) or _entries(group) >= GROUP_ENTRIES
            if is_full or time.monotonic() >= until:
                return group

    def _by_clock(self, ended: _Ended) -> Done:
        """What was done before the clock was set, in its time."""
        by_ms = self._ahead() - ended.ahead_ms
        return ended.done if abs(by_ms) <= JUMP_MS else _moved(ended.done, by_ms)

    async def _commit(self, batch: list[Done]) -> list[Committed]:
        while True:
            try:
                # First: what is planned now by a clock that was set would be moved with the rest.
                await self._follow_clock()
                finished = await self._store.finish(batch, now=self._clock(), polls_due_by=self._polls_due_by)
                self._refusals, self.vitals.refused = 0, None
                return list(zip(batch, finished, strict=True))
            except StateError as error:
                log.error("store.unusable", error=str(error), waiting=len(batch))
                self._refusals, self.vitals.refused = self._refusals + 1, str(error)
                await asyncio.sleep(1)
            except Exception as error:  # a defect of ours must cost one job, not those that are committed with it
                log.exception("commit.broken", jobs=len(batch))
                return await self._commit_singly(batch, f"{type(error).__name__}: {error}"[:500])

    async def _commit_singly(self, batch: list[Done], error: str) -> list[Committed]:
        if len(batch) > 1:
            return [committed for done in batch for committed in await self._commit([done])]
        (done,) = batch
        if isinstance(done, Broken):
            return [(done, Finished(accepted=False))]  # it comes up again when its lease has ended
        return await self._commit([Broken(lease=done.lease, at=self._clock(), error=error)])

    async def _drain(self) -> None:
        """What nobody has begun is handed back; what is under way may end, and is handed back when it takes long."""
        for work in self._bus.drain():
            job = asyncio.create_task(self._hand_back(work))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=GRACE_S)
        for job in list(self._jobs):
            job.cancel()
        if self._jobs:
            _, stuck = await asyncio.wait(self._jobs, timeout=1)
            if stuck:
                log.warning("drain.unfinished", jobs=len(stuck))

    async def _hand_back(self, work: Work) -> None:
        await self._finish(HandedBack(lease=work.lease))

    async def _tick(self) -> None:
        self._alive()
        self.vitals.ticked_at, self.vitals.under_way = self._clock(), len(self._under_way)
        self._wake.set()
        try:
            await self._follow_clock()
            await self._renew()
        except StateError as error:
            log.error("tick.failed", error=str(error))

    async def _look_for_room(self) -> None:
        """What is under way still ends, and records are published as long as they fit; nothing more is begun."""
        if self._looking.locked():
            return  # a disk that hangs, of a network say
        async with self._looking:
            short = await asyncio.to_thread(self._shortage)
        if (short is None) != (self.vitals.shortage is None):
            if short is not None:
                log.warning("room.short", reason=short)
            else:
                log.info("room.enough")
                self._wake.set()
        self.vitals.shortage = short

    async def _publish(self) -> None:
        """By itself, since a backlog may take longer than leases and watchdogs wait."""
        if self._publishing.locked():
            return
        async with self._publishing:
            try:
                now = self._clock()
                self.tally.published += await self._publisher.publish(now=now, enough=lambda: self._stopping)
                self.vitals.unsealed = None
                await self._carry_out_requests()
            except FeedmillError as error:
                # The records stay in the outbox, and are published with the next ones.
                self.vitals.unsealed = str(error)
                log.error("publish.failed", error=str(error))

    async def _carry_out_requests(self) -> None:
        """What commands left for the engine to do. One that fails is done again: it stays unanswered."""
        for request in await self._store.requests():
            said = await carry_out(
                request.verb, request.subject, store=self._store, publisher=self._publisher, now=self._clock()
            )
            await self._store.answer(request.id, said)
            log.info("request.done", verb=request.verb, said=said)
            self._wake.set()

    async def _follow_clock(self) -> None:
        async with self._clock_lock:
            ahead = self._ahead()
            jump = ahead - self._wall_ahead
            if abs(jump) > JUMP_MS:
                log.warning("clock.jumped", by_s=round(jump / 1000, 1))
                await self._store.shift(jump)
                if self._polls_due_by is not None:
                    self._polls_due_by = Millis(self._polls_due_by + jump)
            self._wall_ahead = ahead  # only now: a shift that was refused is tried again

    def _ahead(self) -> int:
        """Of the wall clock over the monotonic one, in ms: it changes when the clock is set."""
        return self._clock() - _monotonic_ms()

    async def _renew(self) -> None:
        if self._under_way and _monotonic_ms() - self._renewed_at > RENEW_MS:
            self._renewed_at = _monotonic_ms()
            await self._store.renew(list(self._under_way.values()), until=Millis(self._clock() + LEASE_MS))

    async def _upkeep(self) -> None:
        try:
            await self._store.upkeep(now=self._clock())
            async with self._publishing:
                await self._publisher.take_down(now=self._clock())
                steps = await self._publisher.untidy(now=self._clock())
            for step in steps:
                async with self._publishing:  # between two of them records are sealed, and a stop is heard
                    if self._stopping:
                        return
                    await self._publisher.tidy(step, now=self._clock())
        except FeedmillError as error:
            log.error("upkeep.failed", error=str(error))


def _moved(done: Done, by_ms: int) -> Done:
    said = {each.name: getattr(done, each.name) for each in fields(done) if each.name in _INSTANTS}
    changed: dict[str, Any] = {name: at + by_ms for name, at in said.items() if at is not None}
    return replace(done, **changed)


def _entries(group: Sequence[_Ended]) -> int:
    return sum(len(ended.done.entries) for ended in group if isinstance(ended.done, PollDone))


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def _cancelled(task: asyncio.Task[object] | asyncio.Task[None] | asyncio.Task[bool]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
