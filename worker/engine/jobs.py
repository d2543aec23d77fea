"""Work → done → finisher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

import structlog

from worker.engine import limits
from worker.engine.clock import Clock
from worker.engine.events import tell
from worker.engine.finisher import Committed
from worker.engine.trouble import tell as tell_trouble
from worker.errors import MachineError, shortage
from worker.model import Broken, Done, HandedBack, Ingest, Millis, Work
from worker.telemetry.meters import Meters
from worker.telemetry.vitals import Vitals

if TYPE_CHECKING:  # an extra
    from worker.telemetry.traces import Traces

log = structlog.stdlib.get_logger("feedmill.engine")


class Jobs:
    """Runs each piece of work in a task of its own."""

    def __init__(
        self,
        *,
        do: Callable[[Work], Awaitable[Done]],
        finish: Callable[[Done], Awaitable[Committed]],
        clock: Clock,
        vitals: Vitals,
        meters: Meters,
        traces: Traces | None,
    ) -> None:
        """do: does a piece of work. finish: commits a result, and returns when that is done. meters: counts the
        results. traces: gets a span for each; None: no tracing."""
        self._do, self._finish, self._clock, self._vitals = do, finish, clock, vitals
        self._meters, self._traces = meters, traces
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, take: Callable[[], Awaitable[Sequence[Work]]]) -> None:
        """Starts whatever work comes, until it is cancelled."""
        while True:
            for work in await take():
                self._begin(self._job(work))

    def give_up(self) -> None:
        """Hands back everything under way at once."""
        for job in list(self._running):
            job.cancel()

    async def drain(self, left: Sequence[Work]) -> None:
        """Hands back what was not begun. What is under way may end, and is handed back if that takes too long."""
        for work in left:
            self._begin(self._hand_back(work))
        if self._running:
            await asyncio.wait(self._running, timeout=limits.GRACE_S)
        self.give_up()
        if self._running:
            _, stuck = await asyncio.wait(self._running, timeout=1)
            if stuck:
                log.warning("drain.unfinished", jobs=len(stuck))

    def _begin(self, job: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(job)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _job(self, work: Work) -> None:
        """One piece of work, from claim to commit. Every line logged meanwhile has its feed and entry."""
        self._clock.keep()
        entry = {"entry": work.record_id, "url": work.url} if isinstance(work, Ingest) else {}
        name = {"feed": work.feed_id, **entry}
        with structlog.contextvars.bound_contextvars(**name):
            trace = None if self._traces is None else self._traces.begin(work)
            done = await self._done(work)
            if trace is not None:
                trace.done()
            done, finished = await self._finish(done)
            self._meters.add(done, finished)
            tell(done, finished)
            if trace is not None:
                trace.end(done, finished)

    async def _done(self, work: Work) -> Done:
        try:
            done = await self._do(work)
        except asyncio.CancelledError:
            return HandedBack(lease=work.lease)
        except Exception as error:  # a defect of ours must cost one job only
            if (lack := shortage(error)) is not None:
                return self._unable(work, lack)
            log.exception("job.broken")
            return Broken(lease=work.lease, at=self._clock.now(), error=f"{type(error).__name__}: {error}"[:500])
        if self._vitals.unable is not None:
            self._vitals.unable = None
            log.info("work.possible")
        return done

    def _unable(self, work: Work, error: MachineError) -> HandedBack:
        """It was this machine's fault, which is held against nobody."""
        self._vitals.unable = str(error)
        tell_trouble(self._vitals, "work.impossible", error)
        return HandedBack(lease=work.lease, due_at=Millis(self._clock.now() + limits.UNABLE_MS))

    async def _hand_back(self, work: Work) -> None:
        await self._finish(HandedBack(lease=work.lease))
