"""Records into sealed segments; requests of commands; upkeep of the output. Only one of these runs at a time, because
the output's manifest is a chain."""

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
from worker.telemetry.vitals import Vitals

log = structlog.stdlib.get_logger("feedmill.engine")


class Publishing:
    """Runs beside the work, because a backlog may take longer than leases and watchdogs wait."""

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
        """Publishes records of which there are enough or that are old enough, then carries out requests of commands.
        Call it every second; records that become old enough in between are published at that moment."""
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
                # The records stay in the outbox and are published with the next ones.
                self._vitals.unsealed = str(error)
                tell(self._vitals, "publish.failed", error)

    def _look_again(self) -> None:
        """Schedules a publication for records that come of age before the next call. Not for those already late: then
        publishing takes longer than records should wait, and would spend all its time on files of a few records
        each."""
        if self._again is not None:
            self._again.cancel()
        due_at = self._shards.due_at
        if due_at is not None and 0 < (in_ms := due_at - self._now()) < 1_000:
            self._again = asyncio.get_running_loop().call_later(in_ms / 1_000, self._begin)

    def _begin(self) -> None:
        self._begun = asyncio.create_task(self.publish())

    async def upkeep(self) -> None:
        """Tidies closed days. After each step records are published, requests carried out, and a stop is noticed."""
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
        """Publishes all records; once `stop` is set, only what can be done in `SEAL_S`. Raises StateError,
        OutputError."""
        until = time.monotonic() + limits.SEAL_S
        await self._shards.publish(
            now=self._now(), everything=True, enough=lambda: stop.is_set() and time.monotonic() > until
        )

    async def _carry_out_requests(self) -> None:
        """Carries out the requests that commands have left. One that fails stays unanswered and is tried again."""
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
