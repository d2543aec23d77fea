"""The shards of the output that this process publishes to, which the engine sees as one."""

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
"""From one look for shards that nobody holds to the next. One that was found is followed by another look at once."""
TAKE_DOWN_S = 600.0
"""From a takedown that failed to the next try, which reads every file again."""

Open = Callable[[int, ExitStack], Awaitable[Publisher]]
"""Opens a shard's directory, which is locked until the stack is closed. Raises OutputLocked where another process holds
it, StateError, OutputError."""

log = structlog.stdlib.get_logger("feedmill.publish")


class Shards:
    """Holds shards, each until `close`, or until its directory fails. One call at a time.

    shared: other processes publish, too. Then it takes what nobody holds, one at each look, so that processes that
    start together get some each; a shard whose holder has died is taken by who looks next. Else it takes all at once.
    """

    def __init__(self, root: Path, count: int, open: Open, *, shared: bool = False) -> None:
        self._root, self._count, self._open, self._shared = root, count, open, shared
        self._held: dict[int, tuple[Publisher, ExitStack]] = {}
        self._look_at = 0.0
        self._take_down_at: dict[int, float] = {}
        """Of shards where it failed."""

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for shard in list(self._held):
            self._let_go(shard)

    @property
    def archive(self) -> Archive | None:
        """Of the output, where it is not in shards and has one."""
        return self._held[0][0].archive if self._count == 1 and self._held else None

    @property
    def holds_all(self) -> bool:
        return len(self._held) == self._count

    @property
    def due_at(self) -> Millis | None:
        """When the first of what waits is old enough to be sealed, as `publish` found it last; None: nothing waits."""
        return min((one.due_at for _, one in self._publishers() if one.due_at is not None), default=None)

    async def take(self, *, everything: bool = False) -> None:
        """Takes what is free: all, or where others share it, one; `everything` that is free even there.

        Raises OutputLocked where it is not shared and another process holds one; StateError, OutputError.
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
        """As `Publisher.publish`, to each. What fails in one keeps no other back, and is raised at the end."""
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
                if self._shared:  # it is opened anew, here or where it can be written to
                    await asyncio.to_thread(self._let_go, shard)
        if failure is not None:
            raise failure
        return records

    async def _end_takedowns(self, shard: int, publisher: Publisher, *, now: Millis) -> None:
        """Those that another process has begun, or one that was killed over them."""
        if time.monotonic() < self._take_down_at.get(shard, 0.0):
            return
        try:
            await publisher.take_down(now=now)
        except OutputError as error:
            log.error("article.not_forgotten", error=str(error))
            self._take_down_at[shard] = time.monotonic() + TAKE_DOWN_S

    async def take_down(self, *, now: Millis) -> int:
        """Takes out of the shards that are held what the state has forgotten; how many records. Raises OutputError
        where some of that could not be; it is tried again by `publish`."""
        return sum([await publisher.take_down(now=now) for _, publisher in self._publishers()])

    async def ids_at(self, url: str) -> set[bytes]:
        """The records at a canonical URL, in all shards, whoever holds them. Raises OutputError."""
        return await asyncio.to_thread(ids_at, self._root, url)

    async def kept_out(self, key: bytes) -> KeptOut | None:
        """By what nothing comes any more that has this key, as any of the shards says, whoever holds them. Raises
        OutputError."""
        return await asyncio.to_thread(kept_out, self._root, key)

    async def record_of(self, record_id: str, *, revision: int, at: Millis | None) -> Record | None:
        """An article's record, made `at`, where that is known; None where it was removed. Raises OutputError."""
        return await asyncio.to_thread(record_of, self._root, record_id, revision=revision, at=at)

    async def untidy(self, *, now: Millis) -> list[tuple[int, Step]]:
        """What is to be done with the files of closed days, and in which shards. Raises OutputError."""
        return [(shard, step) for shard, one in self._publishers() for step in await one.untidy(now=now)]

    async def tidy(self, due: tuple[int, Step], *, now: Millis) -> None:
        """Takes one step of those, unless its shard was let go meanwhile."""
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
