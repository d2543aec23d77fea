"""Groups of finished work → one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from worker.engine import limits
from worker.engine.clock import Clock
from worker.engine.leases import Leases
from worker.engine.trouble import refused
from worker.errors import StateError, StateLost
from worker.model import Broken, Done, Finished, PollDone
from worker.store import Store
from worker.telemetry.vitals import Vitals

Committed = tuple[Done, Finished]
"""What was finally committed, and what became of it."""

log = structlog.stdlib.get_logger("feedmill.engine")


class _Ended(NamedTuple):
    """A result to be committed, and who waits for that."""

    done: Done
    committed: asyncio.Future[Committed]
    ahead_ms: int
    """How far the job's clock was ahead of the monotonic one."""


class Finisher:
    """Commits finished work. What the store refuses is tried again until it is accepted."""

    def __init__(
        self, *, store: Store, clock: Clock, leases: Leases, vitals: Vitals, committed: Callable[[], None]
    ) -> None:
        """leases: from which the leases of committed work are dropped. committed: called after each group."""
        self._store, self._clock, self._leases, self._vitals = store, clock, leases, vitals
        self._committed = committed
        self._linger_s = limits.LINGER_S / 5
        self._ended: asyncio.Queue[_Ended] = asyncio.Queue()

    async def finish(self, done: Done) -> Committed:
        """Returns when the result is committed. `run` must be running."""
        committed: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._ended.put_nowait(_Ended(done, committed, self._clock.ahead_ms()))
        return await committed

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            group = await self._group()
            begun = time.monotonic()
            try:
                results = await self._commit(group)
            except StateLost:  # the engine ends because of it
                for ended in group:
                    ended.committed.cancel()
                continue
            self._linger_s = min(limits.LINGER_S, limits.LINGER * (time.monotonic() - begun))
            for ended, result in zip(group, results, strict=True):
                self._leases.drop(ended.done.lease)
                if not ended.committed.done():
                    ended.committed.set_result(result)
            self._committed()

    async def _group(self) -> list[_Ended]:
        """Waits for finished work, and then a little longer for more, until the group is half of what is under way; the
        other half keeps the cores and the network busy during the commit."""
        group = [await self._ended.get()]
        entries = _entries(group[0])
        until = time.monotonic() + self._linger_s
        while True:
            await asyncio.sleep(limits.LOOK_S)
            while len(group) < limits.GROUP and entries < limits.GROUP_ENTRIES and not self._ended.empty():
                group.append(self._ended.get_nowait())
                entries += _entries(group[-1])
            enough = min(limits.GROUP, len(self._leases), max(limits.A_FEW, len(self._leases) // 2))
            if len(group) >= enough or entries >= limits.GROUP_ENTRIES or time.monotonic() >= until:
                return group

    async def _commit(self, group: Sequence[_Ended]) -> list[Committed]:
        while True:
            try:
                # First, so that nothing is planned by a new clock and then moved with the rest.
                await self._clock.follow()
                batch = [self._clock.in_its_time(ended.done, ended.ahead_ms) for ended in group]
                finished = await self._store.finish(batch, now=self._clock.now(), due=self._clock.due)
                self._vitals.refusals, self._vitals.refused, self._vitals.uncommitted = 0, None, None
                return list(zip(batch, finished, strict=True))
            except StateLost:
                raise
            except StateError as error:
                refused(self._vitals, error, waiting=len(group))
                self._vitals.uncommitted = str(error)
                self._vitals.refusals += 1
                await asyncio.sleep(1)
            except Exception as error:  # a defect of ours must cost one job only, not those committed with it
                log.exception("commit.broken", jobs=len(group))
                return await self._commit_singly(group, f"{type(error).__name__}: {error}"[:500])

    async def _commit_singly(self, group: Sequence[_Ended], error: str) -> list[Committed]:
        if len(group) > 1:
            return [committed for ended in group for committed in await self._commit([ended])]
        (ended,) = group
        done = ended.done
        if isinstance(done, PollDone) and any(entry.draft is not None for entry in done.entries):
            # One of its drafts may be the cause. Without drafts, each entry gets work of its own and fails by itself.
            left = tuple(replace(entry, draft=None) for entry in done.entries)
            return await self._commit([ended._replace(done=replace(done, entries=left))])
        if isinstance(done, Broken):
            return [(done, Finished(accepted=False))]  # its work comes up again when the lease has run out
        broken = Broken(lease=done.lease, at=self._clock.now(), error=error)
        return await self._commit([_Ended(broken, ended.committed, self._clock.ahead_ms())])


def _entries(ended: _Ended) -> int:
    return len(ended.done.entries) if isinstance(ended.done, PollDone) else 0
