"""What a site says about when to poll again, used as a lower bound."""

from __future__ import annotations

import orjson

from worker.model import DAY_MS, HOUR_MS, Freshness, Hints, Millis
from worker.schedule.durations import span
from worker.schedule.freshness import LONGEST_S
from worker.schedule.history import weekday


def encode_hints(hints: Hints) -> bytes | None:
    """The hints from the document, for the store; None if there are none."""
    said = {
        "ttl_s": hints.ttl_s,
        "update_s": hints.update_s,
        "skip_hours": sorted(hints.skip_hours),
        "skip_days": sorted(hints.skip_days),
    }
    said = {name: value for name, value in said.items() if value}
    return orjson.dumps(said) if said else None


def decode_hints(data: bytes | None, fresh: Freshness | None) -> Hints:
    """The inverse of `encode_hints`, with the freshness of the latest answer added."""
    said = orjson.loads(data) if data else {}
    return Hints(
        fresh=fresh,
        ttl_s=said.get("ttl_s"),
        update_s=said.get("update_s"),
        skip_hours=frozenset(said.get("skip_hours", ())),
        skip_days=frozenset(said.get("skip_days", ())),
    )


def longest(hints: Hints) -> tuple[float, str]:
    """The longest interval asked for, in seconds, with its reason; 0 if there is none."""
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
    """The first time from `due` on, in steps to full hours, that is in no hour or day to be skipped; with the reason if
    that is later.

    If there is none within `within_ms`, it is the end of that time.
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
