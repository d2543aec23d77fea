"""Sealed segments → a stream, one message per record.

It reads what the manifest names, like any reader, and stores its position beside those of the other consumers in the
output directory. So everything sealed is streamed even after a crash or while the broker was away, though some of it
twice then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import structlog

from worker.errors import BusError, OutputError
from worker.model import Message, Millis
from worker.output import CONSUMERS, Line, commit, committed, cursor, is_output, read_lines
from worker.record import instant

AT_ONCE = 200
"""Records on their way to the broker at once; a crash may repeat that many."""
AGAIN_S = 2.0
"""Time between two tries while the broker or the directory fails."""
END_S = 5.0
"""How long a run that ends waits for unsent records; the next run goes on from there."""

log = structlog.stdlib.get_logger("feedmill.stream")


@dataclass(slots=True)
class Streamed:
    """The state of the stream."""

    records: int = 0
    """Records sent since the process started."""
    too_large: int = 0
    """Records left out since then because they are too large."""
    refused: str | None = None
    """Why the last attempt failed; None: it did not."""
    waiting: dict[Path, Millis] = field(default_factory=dict)
    """For directories that are behind: when the first unsent record was made."""

    @property
    def waiting_since(self) -> Millis | None:
        """When the first unsent record of any directory was made; None: all are sent."""
        return min(self.waiting.values(), default=None)


class Streaming:
    """Streams all directories that this process writes to. `leave` may be called from any thread."""

    def __init__(self, send: Callable[[Sequence[Message]], Awaitable[int]], *, output: Path) -> None:
        """send: sends messages, and returns how many were left out. output: the directory whose consumers' folder
        stores the positions."""
        self.streamed = Streamed()
        self._send, self._places = send, output / CONSUMERS
        self._roots: dict[Path, str] = {}
        self._more = asyncio.Event()
        self._one = asyncio.Lock()

    def follow(self, root: Path, shard: str) -> None:
        """Streams what is in `root`, which is the output directory, or its shard of that name."""
        self._roots[root] = place_of(shard)
        self._more.set()

    def leave(self, root: Path) -> None:
        self._roots.pop(root, None)
        self.streamed.waiting.pop(root, None)

    def wake(self) -> None:
        """Call this when a segment was sealed."""
        self._more.set()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            self._more.clear()
            is_done = await self.catch_up()
            try:
                async with asyncio.timeout(None if is_done and self._roots else AGAIN_S):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def end(self) -> None:
        """Sends what is left, for at most `END_S`."""
        try:
            async with asyncio.timeout(END_S):
                while not await self.catch_up():  # noqa: ASYNC110  # what it waits for is a broker
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log.warning("stream.behind", directories=len(self._roots))

    async def catch_up(self) -> bool:
        """Sends what is sealed. Returns whether all of it is sent now."""
        async with self._one:
            for left in self.streamed.waiting.keys() - self._roots.keys():
                self.streamed.waiting.pop(left, None)
            try:
                for root, name in list(self._roots.items()):
                    await self._catch_up(root, name)
            except BusError as error:
                self.streamed.refused = str(error)
                return False  # the connection has logged it
            except (OutputError, ValueError) as error:  # ValueError: the stored position is invalid
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
    """The records of a directory that are sealed and not sent. Raises OutputError, ValueError."""
    return read_lines(root, committed(places, name))


def place_of(shard: str) -> str:
    """The name under which a shard's position is stored; "" for an output without shards."""
    return f"stream.{shard.replace('=', '-')}" if shard else "stream"


def unsent_since(output: Path, shards: Sequence[str]) -> Millis | None:
    """When the oldest record that is sealed and not sent was made; None: all are sent. Raises OutputError,
    ValueError."""
    places = output / CONSUMERS
    sealed = [shard for shard in shards if is_output(output / shard)]  # the others have nothing yet
    firsts = [next(unsent(output / shard, places, place_of(shard)), None) for shard in sealed]
    return min((_made_at(line) for line in firsts if line is not None), default=None)


def _made_at(line: Line) -> Millis:
    return instant(line.record["_ingest"]["ingested_at"])


def _message(line: Line) -> Message:
    record, ingest = line.record, line.record["_ingest"]
    return Message(subject=ingest["op"], id=f"{record['id']}:{ingest['revision']}", data=line.raw.rstrip(b"\n"))
