"""What a site says of when to come again, as a bound from below."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import Millis
from worker.schedule.durations import span
from worker.schedule.freshness import LONGEST_S, Freshness
from worker.schedule.history import DAY_MS, HOUR_MS, weekday


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Already parsed; what is absent or makes no sense is None or empty.

    `fresh` is of the answer to this poll, be it a 200 or a 304. The others stand in the document, and hold until
    the next document comes.
    """

    fresh: Freshness | None = None
    ttl_s: float | None = None
    """RSS 2.0 `ttl`, which is in minutes there."""
    update_s: float | None = None
    """`sy:updatePeriod` / `sy:updateFrequency` (RSS 1.0 module Syndication)."""
    skip_hours: frozenset[int] = frozenset()
    """RSS 2.0 `skipHours`: 0 to 23, in UTC."""
    skip_days: frozenset[int] = frozenset()
    """RSS 2.0 `skipDays`, in UTC: Monday is 0."""


NO_HINTS = Hints()


def longest(hints: Hints) -> tuple[float, str]:
    """The longest interval that is asked for, in seconds, with its reason; 0 where there is none."""
    wait_s, reason = 0.0, ""
    if hints.fresh is not None:
        wait_s, reason = hints.fresh.seconds, hints.fresh.reason
    if hints.ttl_s is not None and hints.ttl_s > wait_s:
        wait_s = min(hints.ttl_s, LONGEST_S)
        reason = f"the feed's ttl is {span(wait_s)}"
    if hints.update_s is not None and hints.update_s > wait_s:
        wait_s = min(hints.update_s, LONGEST_S)
        reason = f"the feed says that it is updated every {span(wait_s)}"
    return wait_s, reason


def unskipped(hints: Hints, due: Millis, *, within_ms: float) -> tuple[Millis, str]:
    """The first instant from `due` on, full hours apart, in no hour or day to be skipped; the reason if it is later.

    Where there is none within `within_ms`, that is where it ends.
    """
    instant, reason = int(due), ""
    end = due + within_ms
    while instant < end:
        if weekday(instant) in hints.skip_days:
            instant, reason = (instant // DAY_MS + 1) * DAY_MS, "skipDays"
        elif instant // HOUR_MS % 24 in hints.skip_hours:
            instant, reason = (instant // HOUR_MS + 1) * HOUR_MS, "skipHours"
        else:
            break
    return Millis(min(instant, round(end))), reason
