"""Ways to decide when a feed is polled next. A policy is made for each site, and told of each poll."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil
from typing import Protocol

from tests.benchmarks.publishing import DAY, MINUTE
from worker.model import Millis
from worker.schedule.adaptive import Pace, Polled, Seen, plan
from worker.schedule.history import History


class Policy(Protocol):
    """For one site. Both return the milliseconds to the next poll; instants are milliseconds since 1970."""

    def first(self, now: int, shown: Sequence[int]) -> float:
        """After the first poll, whose document showed entries with these dates."""

    def poll(self, now: int, new: Sequence[int], total: int) -> float:
        """After any other, with the dates of what was new among `total` entries; 0 where the document was the same."""


class Fixed:
    """The same interval for each feed."""

    def __init__(self, minutes: float) -> None:
        self._wait = minutes * MINUTE

    def first(self, now: int, shown: Sequence[int]) -> float:
        return self._wait

    def poll(self, now: int, new: Sequence[int], total: int) -> float:
        return self._wait


class Miniflux:
    """`POLLING_SCHEDULER=entry_frequency`, with its defaults: 5 minutes to 24 hours, factor 1.

    As in internal/model/feed.go (ScheduleNextCheck) and internal/storage/feed.go (WeeklyFeedEntryCount): a week's
    minutes over a virtual weekly count, ⌈week / mean gap between the entries of the last seven days⌉; where they are
    fewer than two, the longest interval. Its polling in batches, by default each hour, is left out in its favour.
    """

    def __init__(self) -> None:
        self._dates: list[int] = []

    def first(self, now: int, shown: Sequence[int]) -> float:
        return self.poll(now, shown, len(shown))

    def poll(self, now: int, new: Sequence[int], total: int) -> float:
        self._dates = [date for date in (*self._dates, *new) if date >= now - 7 * DAY]
        span = self._dates[-1] - self._dates[0] if self._dates else 0
        if not span:
            return DAY
        weekly = ceil(7 * DAY / (span / (len(self._dates) - 1)))
        return min(max(round(7 * 24 * 60 / weekly), 5), 24 * 60) * MINUTE


class MediaCloud:
    """The overlap rule of Media Cloud's rss-fetcher, with its defaults, from fetcher/tasks.py (_check_auto_adjust).

    Of a document, 33 to 67 % should have been known. More, or no change at all: 10 minutes longer, up to 24 hours.
    Less: an hour shorter, but at once 6 hours where it was longer; 10 minutes at least. It begins with 6 hours.
    """

    def __init__(self) -> None:
        self._minutes = 360

    def first(self, now: int, shown: Sequence[int]) -> float:
        return self._minutes * MINUTE

    def poll(self, now: int, new: Sequence[int], total: int) -> float:
        known = 100 * (1 - len(new) / total) if total else 101
        if known >= 67:
            self._minutes = min(self._minutes + 10, 1440)
        elif known < 33:
            self._minutes = 360 if self._minutes > 360 else max(self._minutes - 60, 10)
        return self._minutes * MINUTE


class Feedmill:
    """Ours, as `plan` decides, jitter and all; `price_s` is what makes it more or less eager."""

    def __init__(self, pace: Pace, *, phase: float, chance: random.Random) -> None:
        self._pace, self._phase, self._chance = pace, phase, chance
        self._history = History(since=Millis(0), at=Millis(0))
        self._before = 0
        self.reason = ""

    def first(self, now: int, shown: Sequence[int]) -> float:
        self._history = History.begun(Millis(now), [Millis(date) for date in shown])
        return self._wait(now, None, None)

    def poll(self, now: int, new: Sequence[int], total: int) -> float:
        seen = None
        if new:
            seen = Seen(new=len(new), total=total, elapsed_s=(now - self._before) / 1000)
            self._history = self._history.polled(
                previous=Millis(self._before), now=Millis(now), published=[Millis(date) for date in new]
            )
        return self._wait(now, now, seen)

    def _wait(self, now: int, due_at: int | None, seen: Seen | None) -> float:
        self._before = now
        polled = Polled(
            now=Millis(now),
            phase=self._phase,
            chance=self._chance.random(),
            due_at=None if due_at is None else Millis(due_at),
            history=self._history,
            seen=seen,
        )
        due = plan(self._pace, polled)
        self.reason = due.reason
        return due.due_at - now
