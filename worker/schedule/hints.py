"""What a site says of when to come again, as a bound from below."""

from __future__ import annotations

from worker.model import Hints, Millis
from worker.schedule.durations import span
from worker.schedule.freshness import LONGEST_S
from worker.schedule.history import DAY_MS, HOUR_MS, weekday


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
