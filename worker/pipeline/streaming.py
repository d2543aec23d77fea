"""Sealed segments → a stream, a record a message.

It reads what the manifest names, as any reader does, and keeps its place beside the other consumers' in the output
directory: what was sealed is streamed, after a crash or an absence of the broker, too; some of it twice then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import structlog

from worker.errors import BusError, OutputError
from worker.model import Message, Millis
from worker.output import CONSUMERS, Line, commit, committed, cursor, is_output, read_lines

AT_ONCE = 200
"""Records on their way to the broker; what a crash may repeat."""
AGAIN_S = 2.0
"""From one try to the next, where broker or directory fail."""
END_S = 5.0
"""What a run that ends gives to those that are not streamed yet; the next one goes on from there."""

log = structlog.stdlib.get_logger("feedmill.stream")


@dataclass(slots=True)
class Streamed:
    """How it goes, for those who ask."""

    records: int = 0
    """That the broker has, since the start of the process."""
    too_large: int = 0
    """Left out, since then."""
    refused: str | None = None
    """Why they could not be sent the last time; None: they were."""
    waiting: dict[Path, Millis] = field(default_factory=dict)
    """Of directories that are behind, when the first record was made that is sealed and not sent."""

    @property
    def waiting_since(self) -> Millis | None:
        """… of all of them; None: all are sent."""
        return min(self.waiting.values(), default=None)


class Streaming:
    """For all directories that this process writes to. `leave` may be called from any thread."""

    def __init__(self, send: Callable[[Sequence[Message]], Awaitable[int]], *, output: Path) -> None:
        """send: returns how many are left out. output: the directory, whose consumers' folder the places are kept
        in."""
        self.streamed = Streamed()
        self._send, self._places = send, output / CONSUMERS
        self._roots: dict[Path, str] = {}
        self._more = asyncio.Event()
        self._one = asyncio.Lock()

    def follow(self, root: Path, shard: str) -> None:
        """Streams what is in `root`, which is the output directory or its shard of that name."""
        self._roots[root] = place_of(shard)
        self._more.set()

    def leave(self, root: Path) -> None:
        self._roots.pop(root, None)
        self.streamed.waiting.pop(root, None)

    def wake(self) -> None:
        """A segment was sealed."""
        self._more.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._more.clear()
            is_done = await self.catch_up()
            try:
                async with asyncio.timeout(None if is_done and self._roots else AGAIN_S):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def end(self) -> None:
        """What is left, if that takes no longer than `END_S`."""
        try:
            async with asyncio.timeout(END_S):
                while not await self.catch_up():  # noqa: ASYNC110  # what it waits for is a broker
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log.warning("stream.behind", directories=len(self._roots))

    async def catch_up(self) -> bool:
        """Whether all that is sealed is streamed now."""
        async with self._one:
            for left in self.streamed.waiting.keys() - self._roots.keys():
                self.streamed.waiting.pop(left, None)
            try:
                for root, name in list(self._roots.items()):
                    await self._catch_up(root, name)
            except BusError as error:
                self.streamed.refused = str(error)
                return False  # its connection has said it
            except (OutputError, ValueError) as error:  # its place is none
                self.streamed.refused = str(error)
                log.error("stream.failed", error=str(error))
                return False
            self.streamed.refused = None
            return True

    async def _catch_up(self, root: Path, name: str) -> None:
        lines = await asyncio.to_thread(unsent, root, self._places, name)
        while root in self._roots:
            some = await asyncio.to_thread(lambda: list(islice(lines, AT_ONCE)))
            if not some:
                self.streamed.waiting.pop(root, None)
                return
            self.streamed.waiting[root] = _made_at(some[0])
            left_out = await self._send([_message(line) for line in some])
            self.streamed.records += len(some) - left_out
            self.streamed.too_large += left_out
            await asyncio.to_thread(commit, self._places, name, cursor(some[-1].record))


def unsent(root: Path, places: Path, name: str) -> Iterator[Line]:
    """What is sealed in a directory and was not sent. Raises OutputError, ValueError."""
    return read_lines(root, committed(places, name))


def place_of(shard: str) -> str:
    """The name under which it is kept how far a shard was sent; "": the directory is none."""
    return f"stream.{shard.replace('=', '-')}" if shard else "stream"


def unsent_since(output: Path, shards: Sequence[str]) -> Millis | None:
    """When the oldest record was made that is sealed and not sent; None: all are. Raises OutputError, ValueError."""
    places = output / CONSUMERS
    sealed = [shard for shard in shards if is_output(output / shard)]  # the others have nothing yet
    firsts = [next(unsent(output / shard, places, place_of(shard)), None) for shard in sealed]
    return min((_made_at(line) for line in firsts if line is not None), default=None)


def _made_at(line: Line) -> Millis:
    at = datetime.fromisoformat(line.record["_ingest"]["ingested_at"])
    return Millis(round(at.timestamp() * 1000))


def _message(line: Line) -> Message:
    record, ingest = line.record, line.record["_ingest"]
    return Message(subject=ingest["op"], id=f"{record['id']}:{ingest['revision']}", data=line.raw.rstrip(b"\n"))
