"""The shards of the output that this process publishes to; for the engine they look like one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import structlog

from worker.errors import FeedmillError, OutputError, OutputLocked, StateError
from worker.model import KeptOut, Millis
from worker.output import Archive, Step, ids_at, kept_out, record_of
from worker.pipeline.publish import Publisher
from worker.record import Record

LOOK_S = 3.0
"""Time between two looks for shards that nobody holds. After one was found, the next look follows at once."""
TAKE_DOWN_S = 600.0
"""How long to wait after a takedown that failed, because the next try reads every file again."""

Open = Callable[[int, ExitStack], Awaitable[Publisher]]
"""Opens a shard's directory, and locks it until the stack is closed. Raises OutputLocked if another process holds it,
StateError, OutputError."""

log = structlog.stdlib.get_logger("feedmill.publish")


class Shards:
    """Holds shards, each until `close` or until its directory fails. One call at a time.

    shared: other processes publish, too. Then free shards are taken one per look, so that processes that start together
    each get some; the shard of a process that died is taken by whoever looks next. Otherwise all are taken at once.
    """

    def __init__(self, root: Path, count: int, open: Open, *, shared: bool = False) -> None:
        self._root, self._count, self._open, self._shared = root, count, open, shared
        self._held: dict[int, tuple[Publisher, ExitStack]] = {}
        self._look_at = 0.0
        self._take_down_at: dict[int, float] = {}
        """When to try again, for shards where it failed (time.monotonic())."""

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for shard in list(self._held):
            self._let_go(shard)

    @property
    def archive(self) -> Archive | None:
        """The output's archive, if it is not in shards and has one."""
        return self._held[0][0].archive if self._count == 1 and self._held else None

    @property
    def holds_all(self) -> bool:
        return len(self._held) == self._count

    @property
    def due_at(self) -> Millis | None:
        """When the first waiting record is old enough to be sealed, as of the last `publish`; None: nothing waits."""
        return min((one.due_at for _, one in self._publishers() if one.due_at is not None), default=None)

    async def take(self, *, everything: bool = False) -> None:
        """Takes free shards: all of them or, if shared, one; with `everything`, all that are free even then.

        Raises OutputLocked if another process holds one and the output is not shared; StateError, OutputError.
        """
        for shard in range(self._count):
            if shard in self._held:
                continue
            with ExitStack() as held:
                try:
                    publisher = await self._open(shard, held)
                except OutputLocked:
                    if not self._shared:
                        raise
                    continue
                self._held[shard] = publisher, held.pop_all()
            if self._shared:
                log.info("shard.taken", shard=shard)
                if not everything:
                    return
        self._look_at = time.monotonic() + LOOK_S

    async def publish(
        self, *, now: Millis, everything: bool = False, enough: Callable[[], bool] = lambda: False
    ) -> int:
        """`Publisher.publish` for each shard. A failure in one does not hold up the others, and is raised at the
        end."""
        records = 0
        failure: FeedmillError | None = None
        try:
            if not self.holds_all and (everything or time.monotonic() >= self._look_at):
                await self.take(everything=everything)
        except (OutputError, StateError) as error:
            failure = error
            self._look_at = time.monotonic() + LOOK_S
        for shard, publisher in self._publishers():
            try:
                records += await publisher.publish(now=now, everything=everything, enough=enough)
                if not enough():
                    await self._end_takedowns(shard, publisher, now=now)
            except OutputError as error:
                failure = failure or error
                if self._shared:  # so that it is opened again, here or by a process that can write to it
                    await asyncio.to_thread(self._let_go, shard)
        if failure is not None:
            raise failure
        return records

    async def _end_takedowns(self, shard: int, publisher: Publisher, *, now: Millis) -> None:
        """Completes takedowns begun by another process, or by one that was killed."""
        if time.monotonic() < self._take_down_at.get(shard, 0.0):
            return
        try:
            await publisher.take_down(now=now)
        except OutputError as error:
            log.error("article.not_forgotten", error=str(error))
            self._take_down_at[shard] = time.monotonic() + TAKE_DOWN_S

    async def take_down(self, *, now: Millis) -> int:
        """Removes what the state has forgotten from the shards held here. Returns how many records. Raises OutputError
        if some could not be removed; `publish` tries again."""
        return sum([await publisher.take_down(now=now) for _, publisher in self._publishers()])

    async def ids_at(self, url: str) -> set[bytes]:
        """The record ids at a canonical URL, in all shards, whoever holds them. Raises OutputError."""
        return await asyncio.to_thread(ids_at, self._root, url)

    async def kept_out(self, key: bytes) -> KeptOut | None:
        """Why nothing with this key comes in any more, according to any shard, whoever holds it; None: it may. Raises
        OutputError."""
        return await asyncio.to_thread(kept_out, self._root, key)

    async def record_of(self, record_id: str, *, revision: int, at: Millis | None, now: Millis) -> Record | None:
        """An article's record, made at `at` if that is known; None if it was removed. Raises OutputError."""
        return await asyncio.to_thread(record_of, self._root, record_id, revision=revision, at=at, now=now)

    async def untidy(self, *, now: Millis) -> list[tuple[int, Step]]:
        """What has to be done with the files of closed days, and in which shards. Raises OutputError."""
        return [(shard, step) for shard, one in self._publishers() for step in await one.untidy(now=now)]

    async def tidy(self, due: tuple[int, Step], *, now: Millis) -> None:
        """Takes one of these steps, unless its shard was released meanwhile."""
        shard, step = due
        if shard in self._held:
            await self._held[shard][0].tidy(step, now=now)

    def _publishers(self) -> list[tuple[int, Publisher]]:
        return [(shard, publisher) for shard, (publisher, _) in sorted(self._held.items())]

    def _let_go(self, shard: int) -> None:
        _, held = self._held.pop(shard)
        held.close()
        if self._shared:
            log.info("shard.let_go", shard=shard)
