"""Sealed segments → a stream, a record a message.

It reads what the manifest names, as any reader does, and keeps its place beside the other consumers' in the output
directory: what was sealed is streamed, after a crash or an absence of the broker, too; some of it twice then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import structlog

from worker.errors import BusError, OutputError
from worker.model import Message
from worker.output import CONSUMERS, Line, commit, committed, cursor, read_lines

AT_ONCE = 200
"""Records on their way to the broker; what a crash may repeat."""
AGAIN_S = 2.0
"""From one try to the next, where broker or directory fail."""
END_S = 5.0
"""What a run that ends gives to those that are not streamed yet; the next one goes on from there."""

log = structlog.stdlib.get_logger("feedmill.stream")


class Streaming:
    """For all directories that this process writes to. `leave` may be called from any thread."""

    def __init__(self, send: Callable[[Sequence[Message]], Awaitable[None]], *, output: Path) -> None:
        """output: the directory, whose consumers' folder the places are kept in."""
        self._send, self._places = send, output / CONSUMERS
        self._roots: dict[Path, str] = {}
        self._more = asyncio.Event()
        self._one = asyncio.Lock()

    def follow(self, root: Path, shard: str) -> None:
        """Streams what is in `root`, which is the output directory or its shard of that name."""
        self._roots[root] = f"stream.{shard.replace('=', '-')}" if shard else "stream"
        self._more.set()

    def leave(self, root: Path) -> None:
        self._roots.pop(root, None)

    def wake(self) -> None:
        """A segment was sealed."""
        self._more.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._more.clear()
            is_done = await self._all()
            try:
                async with asyncio.timeout(None if is_done and self._roots else AGAIN_S):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def end(self) -> None:
        """What is left, if that takes no longer than `END_S`."""
        try:
            async with asyncio.timeout(END_S):
                while not await self._all():  # noqa: ASYNC110  # what it waits for is a broker
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log.warning("stream.behind", directories=len(self._roots))

    async def _all(self) -> bool:
        """Whether all that is sealed is streamed now."""
        async with self._one:
            try:
                for root, name in list(self._roots.items()):
                    await self._catch_up(root, name)
            except BusError:
                return False  # its connection has said it
            except (OutputError, ValueError) as error:  # its place is none
                log.error("stream.failed", error=str(error))
                return False
            return True

    async def _catch_up(self, root: Path, name: str) -> None:
        lines = await asyncio.to_thread(self._unsent, root, name)
        while root in self._roots:
            some = await asyncio.to_thread(lambda: list(islice(lines, AT_ONCE)))
            if not some:
                return
            await self._send([_message(line) for line in some])
            await asyncio.to_thread(commit, self._places, name, cursor(some[-1].record))

    def _unsent(self, root: Path, name: str) -> Iterator[Line]:
        return read_lines(root, committed(self._places, name))


def _message(line: Line) -> Message:
    record, ingest = line.record, line.record["_ingest"]
    return Message(subject=ingest["op"], id=f"{record['id']}:{ingest['revision']}", data=line.raw.rstrip(b"\n"))
