"""Records into sealed segments; what commands ask; upkeep. One of these at a time: the output's manifest is a chain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog

from worker.engine import limits
from worker.engine.trouble import tell
from worker.errors import FeedmillError
from worker.model import Feed, FeedId, Millis
from worker.pipeline import Shards, carry_out
from worker.store import Store
from worker.vitals import Vitals

log = structlog.stdlib.get_logger("feedmill.engine")


class Publishing:
    """Goes on beside the work, since a backlog may take longer than leases and watchdogs wait."""

    def __init__(
        self,
        *,
        store: Store,
        shards: Shards,
        feeds: Mapping[FeedId, Feed],
        now: Callable[[], Millis],
        vitals: Vitals,
        wake: Callable[[], None],
    ) -> None:
        """feeds: those that are listed. wake: called when a command has changed what is due."""
        self._store, self._shards, self._feeds, self._now = store, shards, feeds, now
        self._vitals, self._wake = vitals, wake
        self._one = asyncio.Lock()
        self._stopping = False
        self._again: asyncio.TimerHandle | None = None
        self._begun: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._one.locked()

    async def publish(self) -> None:
        """What is full or old enough; then what commands ask. To be called each second; what is old enough in between
        is published then."""
        if self._one.locked() or self._stopping:
            return
        async with self._one:
            try:
                await self._shards.publish(now=self._now(), enough=lambda: self._stopping)
                if self._vitals.unsealed is not None:
                    self._vitals.unsealed = None
                    log.info("publish.works")
                self._look_again()
                await self._carry_out_requests()
            except FeedmillError as error:
                # The records stay in the outbox, and are published with the next ones.
                self._vitals.unsealed = str(error)
                tell(self._vitals, "publish.failed", error)

    def _look_again(self) -> None:
        """What comes of age before the next call does not wait for that. What is late already does: publishing takes
        longer then than records are to wait, and all of its time would go into a file for each few."""
        if self._again is not None:
            self._again.cancel()
        due_at = self._shards.due_at
        if due_at is not None and 0 < (in_ms := due_at - self._now()) < 1_000:
            self._again = asyncio.get_running_loop().call_later(in_ms / 1_000, self._begin)

    def _begin(self) -> None:
        self._begun = asyncio.create_task(self.publish())

    async def upkeep(self) -> None:
        """Tidies closed days. After each step records are sealed and requests carried out, and a stop is heard."""
        try:
            async with self._one:
                steps = await self._shards.untidy(now=self._now())
            for step in steps:
                async with self._one:
                    if self._stopping:
                        return
                    await self._shards.tidy(step, now=self._now())
                await self.publish()
        except FeedmillError as error:
            log.error("upkeep.failed", error=str(error))

    async def stop(self) -> None:
        """Begins nothing more, and returns when what is under way has ended."""
        self._stopping = True
        if self._again is not None:
            self._again.cancel()
        async with self._one:
            pass

    async def seal_the_rest(self, stop: asyncio.Event) -> None:
        """All that there is; once `stop` is set, what can be done in `SEAL_S`. Raises StateError, OutputError."""
        until = time.monotonic() + limits.SEAL_S
        await self._shards.publish(
            now=self._now(), everything=True, enough=lambda: stop.is_set() and time.monotonic() > until
        )

    async def _carry_out_requests(self) -> None:
        """What commands left for the engine to do. One that fails is done again: it stays unanswered."""
        for request in await self._store.requests():
            said = await carry_out(
                request.verb,
                request.subject,
                store=self._store,
                shards=self._shards,
                feeds=self._feeds,
                now=self._now(),
            )
            await self._store.answer(request.id, said)
            log.info("request.done", verb=request.verb, said=said)
            self._wake()
