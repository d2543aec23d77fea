"""Figures of the state, cached for a while; and what was done in the last hours."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.errors import StateError
from worker.model import Millis, Server, State
from worker.store import Overview, Reader, database_bytes, read_overview
from worker.telemetry.meters import Meters

FRESH_S = 2.0
"""Figures are reused for this long …"""
SHARE = 20
"""… or, if they take long to read, for so many times that long."""
BUCKET_MS = 300_000
BUCKETS = 288
"""One day."""
SAMPLE_S = 10.0


async def bytes_of_state(state: State, reader: Reader) -> int:
    """The size of the state: a SQLite database with its log, or what PostgreSQL reports for its database; 0 if it does
    not answer."""
    if isinstance(state, Server):
        try:
            return await reader(database_bytes)
        except StateError:
            return 0
    return await asyncio.to_thread(_file_bytes, state)


def _file_bytes(path: Path) -> int:
    files = (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm"))
    return sum(file.stat().st_size for file in files if file.exists())


class Figures:
    """The overview of the state, read at most once at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = asyncio.Lock()
        self._read: Overview | None = None
        self._until = 0.0

    async def overview(self, now: Millis) -> Overview:
        """Raises StateError."""
        async with self._lock:
            if self._read is None or time.monotonic() > self._until:
                begun = time.monotonic()
                self._read = await self._reader(read_overview, now=now)
                cost_s = time.monotonic() - begun
                self._until = time.monotonic() + max(FRESH_S, SHARE * cost_s)
            return self._read


@dataclass(slots=True)
class Bucket:
    """What was done in five minutes."""

    at: Millis
    """When it begins."""
    polls: int = 0
    failed: int = 0
    records: int = 0


class Activity:
    """The last day in buckets, including empty ones, but not before the process started."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._before = self._sums()
        self._buckets: deque[Bucket] = deque(maxlen=BUCKETS)

    async def run(self, clock: Callable[[], Millis]) -> None:
        """Samples until it is cancelled."""
        while True:
            self.sample(clock())
            await asyncio.sleep(SAMPLE_S)

    def sample(self, now: Millis) -> None:
        """Adds what was done since the last sample to the bucket of `now`."""
        start = Millis(now // BUCKET_MS * BUCKET_MS)
        ahead = self._buckets[-1].at - start if self._buckets else 0
        if ahead > 0:  # the clock was set back
            for bucket in self._buckets:
                bucket.at = Millis(bucket.at - ahead)
        while not self._buckets or self._buckets[-1].at < start:
            follows = self._buckets[-1].at + BUCKET_MS if self._buckets else start
            # If the clock was set forward by days, the buckets in between are skipped.
            self._buckets.append(Bucket(at=Millis(max(follows, start - BUCKETS * BUCKET_MS))))
        sums = self._sums()
        last = self._buckets[-1]
        polls, failed, records = (after - before for after, before in zip(sums, self._before, strict=True))
        last.polls, last.failed, last.records = last.polls + polls, last.failed + failed, last.records + records
        self._before = sums

    def buckets(self) -> Sequence[Bucket]:
        """The oldest first."""
        return tuple(self._buckets)

    def last_hour(self) -> Bucket:
        """The sums of the last twelve buckets."""
        hour = list(self._buckets)[-12:]
        return Bucket(
            at=hour[0].at if hour else Millis(0),
            polls=sum(one.polls for one in hour),
            failed=sum(one.failed for one in hour),
            records=sum(one.records for one in hour),
        )

    def _sums(self) -> tuple[int, int, int]:
        polls = self._meters.polls
        good = polls["read"] + polls["unchanged"] + polls["throttled"]
        return polls.total(), polls.total() - good, self._meters.records
