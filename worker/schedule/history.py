"""What is remembered of a feed's publishing: how much, at which hours, on which days. About 150 bytes per feed.

Counts fade: an entry weighs e^(-age / 30 days). So a feed with an entry a year and one with 500 a day take the same
space, a feed that dies or revives is noticed, and no limit has to be enforced.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.model import DAY_MS, HOUR_MS, Millis

MONTH_MS = 30 * DAY_MS
"""The time constant of what is learned of a feed."""

_EARLIEST = 852_076_800_000
"""1997, before any feed existed: earlier dates are mistakes."""
_VAGUE_MS = 2 * HOUR_MS
"""An entry that came within a longer time than this says nothing about the hour."""
_LAYOUT = struct.Struct("<Bqq2f24f7f")
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Of one feed. `begun` makes it from the first document, `polled` adds the new entries of each poll."""

    since: Millis
    """All entries since then are counted."""
    at: Millis
    """When the newest entry came. The counts are as of then, and fade from there on."""
    month: float = 0.0
    """Entries, fading with `MONTH_MS`."""
    day: float = 0.0
    """Entries, fading with `DAY_MS`."""
    hours: tuple[float, ...] = (0.0,) * 24
    """`month` by hour of the day (UTC). A quarter of each entry goes to each neighbouring hour."""
    weekdays: tuple[float, ...] = (0.0,) * 7
    """`month` by day of the week (UTC), from Monday on."""

    @classmethod
    def begun(cls, now: Millis, published: Iterable[Millis | None]) -> History:
        """From a feed's first document; `published` are its entries' dates.

        The oldest tenth is left out, because pinned or misdated entries would make the feed look slow. The oldest of
        the others only marks the beginning of the known time, because a document shows all entries since that one.
        """
        dates = sorted(date for date in published if date is not None and _EARLIEST < date <= now)
        kept = dates[len(dates) // 10 :]
        since = kept[0] if kept else now
        return cls(since=since, at=since)._with([(date, date % DAY_MS != 0) for date in kept[1:]])

    def polled(self, *, previous: Millis, now: Millis, published: Sequence[Millis | None]) -> History:
        """With the new entries of a document; `published` has a place for each. The document before came at `previous`.

        Known entries that have changed are not included: a site whose markup changes with every request would seem to
        publish all day. A date between the two polls is believed; an entry with another date, or none, came at some
        time between them. One that is a month older comes from an archive and is ignored.
        """
        vague = (Millis((previous + now) // 2), now - previous <= _VAGUE_MS)
        came = [
            (date, date % DAY_MS != 0) if date is not None and previous <= date <= now else vague
            for date in published
            if date is None or date >= previous - MONTH_MS
        ]
        return self._with(came)

    def _with(self, came: Sequence[tuple[Millis, bool]]) -> History:
        """`came`: times, and whether the hour is known (not if it is exactly midnight, which stands for a day)."""
        if not came:
            return self
        at = max(self.at, max(instant for instant, _ in came))
        faded = math.exp((self.at - at) / MONTH_MS)
        month, day = self.month * faded, self.day * math.exp((self.at - at) / DAY_MS)
        hours, weekdays = [count * faded for count in self.hours], [count * faded for count in self.weekdays]
        unknown = 0.0
        for instant, hour_known in came:
            weight = math.exp((instant - at) / MONTH_MS)
            month += weight
            day += math.exp((instant - at) / DAY_MS)
            weekdays[weekday(instant)] += weight
            if hour_known:
                hour = instant // HOUR_MS % 24
                hours[hour - 1] += weight / 4
                hours[hour] += weight / 2
                hours[(hour + 1) % 24] += weight / 4
            else:
                unknown += weight
        return History(
            since=self.since,
            at=at,
            month=month,
            day=day,
            hours=tuple(count + unknown / 24 for count in hours),
            weekdays=tuple(weekdays),
        )

    def encode(self) -> bytes:
        """For the store."""
        return _LAYOUT.pack(_VERSION, self.since, self.at, self.month, self.day, *self.hours, *self.weekdays)

    @classmethod
    def decode(cls, data: bytes, *, now: Millis) -> History | None:
        """The inverse of `encode`. None if another version encoded it, or if the clock has been set back since: a
        history that lies a year ahead would outweigh everything until then, so it starts anew."""
        if len(data) != _LAYOUT.size or data[0] != _VERSION:
            return None
        _, since, at, month, day, *bins = _LAYOUT.unpack(data)
        if at > now + HOUR_MS:
            return None
        hours, weekdays = tuple(bins[:24]), tuple(bins[24:])
        return cls(since=since, at=at, month=month, day=day, hours=hours, weekdays=weekdays)


def weekday(instant: int) -> int:
    """Of a time, in UTC: Monday is 0. (The first of January 1970 was a Thursday.)"""
    return (instant // DAY_MS + 3) % 7
