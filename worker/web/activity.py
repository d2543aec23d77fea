"""What was done in the last day, in buckets of five minutes, and its bars."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker.model import Millis
from worker.telemetry.meters import Meters

BUCKET_MS = 300_000
BUCKETS = 288
"""One day."""
SAMPLE_S = 10.0
HEIGHT = 62.0
"""Of the highest bar."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    x: int
    y: float
    height: float
    bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    bars: Sequence[Bar]
    top: int


def series(buckets: Sequence[Bucket], now: Millis, of: Callable[[Bucket], tuple[int, int]]) -> Series:
    """One bar for each bucket of the last day, four units apart, with the bad part as a bar of its own at the bottom;
    the highest bar fills the height."""
    first = now // BUCKET_MS * BUCKET_MS - (BUCKETS - 1) * BUCKET_MS
    top = max((of(bucket)[0] for bucket in buckets), default=0)
    bars = []
    for bucket in buckets:
        x, (whole, bad) = (bucket.at - first) // BUCKET_MS * 4, of(bucket)
        if whole and x >= 0:
            height, bad_height = round(whole / top * HEIGHT, 1), round(bad / top * HEIGHT, 1)
            bars.append(Bar(x=x, y=round(63 - height, 1), height=round(height - bad_height, 1), bad=False))
            if bad:
                bars.append(Bar(x=x, y=round(63 - bad_height, 1), height=bad_height, bad=True))
    return Series(bars=bars, top=top)
