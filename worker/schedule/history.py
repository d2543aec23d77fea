"""What is remembered of a feed's publishing: how much, at which hours, on which days. Some 150 bytes a feed.

Counts that fade: an entry weighs e^(-age / 30 days). So a feed with an entry a year and one with 500 a day take the
same room, a feed that dies or revives is noticed, and nothing has to be thrown away at a limit.
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
"""1997, before any feed: dates before it are mistakes."""
_VAGUE_MS = 2 * HOUR_MS
"""An entry that came at some time in more than this says nothing of an hour."""
_LAYOUT = struct.Struct("<Bqq2f24f7f")
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Of one feed. `begun` makes it from the first document, `polled` goes on with the new entries of each poll."""

    since: Millis
    """From when on it knows of all entries."""
    at: Millis
    """The newest entry's instant, at which the counts stand; they fade from there."""
    month: float = 0.0
    """Entries, fading with `MONTH_MS`."""
    day: float = 0.0
    """Entries, fading with `DAY_MS`."""
    hours: tuple[float, ...] = (0.0,) * 24
    """`month` by hour of the day, UTC; an entry spills a quarter into each neighbouring hour."""
    weekdays: tuple[float, ...] = (0.0,) * 7
    """`month` by day of the week, UTC, from Monday on."""

    @classmethod
    def begun(cls, now: Millis, published: Iterable[Millis | None]) -> History:
        """From a feed's first document, `published` being its entries' dates.

        The oldest tenth is left out: entries that are pinned, or dated wrongly, would make the feed look slow. The
        oldest of the others only begins the time that is known of, as a document shows the entries since some entry.
        """
        dates = sorted(date for date in published if date is not None and _EARLIEST < date <= now)
        kept = dates[len(dates) // 10 :]
        since = kept[0] if kept else now
        return cls(since=since, at=since)._with([(date, date % DAY_MS != 0) for date in kept[1:]])

    def polled(self, *, previous: Millis, now: Millis, published: Sequence[Millis | None]) -> History:
        """With the new entries of a document; `published` has a place for each, the document before came at `previous`.

        Entries that are known and have changed are not among them: a site whose markup changes at each request would
        look as if it published all day. A date between the two polls is believed; an entry without one, or with
        another, came at some time between them. One that is a month older comes out of an archive, and tells nothing.
        """
        vague = (Millis((previous + now) // 2), now - previous <= _VAGUE_MS)
        came = [
            (date, date % DAY_MS != 0) if date is not None and previous <= date <= now else vague
            for date in published
            if date is None or date >= previous - MONTH_MS
        ]
        return self._with(came)

    def _with(self, came: Sequence[tuple[Millis, bool]]) -> History:
        """`came`: instants, and whether their hour is known (it is not at midnight sharp, which stands for a day)."""
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
        """What `encode` gave; None where another version did, or a clock that has been set back since, which starts the
        history anew: until then it would be all that there was a year ahead, in no time."""
        if len(data) != _LAYOUT.size or data[0] != _VERSION:
            return None
        _, since, at, month, day, *bins = _LAYOUT.unpack(data)
        if at > now + HOUR_MS:
            return None
        hours, weekdays = tuple(bins[:24]), tuple(bins[24:])
        return cls(since=since, at=at, month=month, day=day, hours=hours, weekdays=weekdays)


def weekday(instant: int) -> int:
    """Of an instant, in UTC: Monday is 0. The first of January 1970 was a Thursday."""
    return (instant // DAY_MS + 3) % 7
