"""When a feed is polled again."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import Millis
from worker.schedule.cron import next_fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the operator asks for a feed. `cron` goes before `every_s`."""

    every_s: float
    cron: str | None = None
    """Five fields as in crontab(5), weekdays by name."""
    timezone: str = "UTC"
    """Of the cron line (IANA)."""
    max_s: float = 86_400
    """To which failures may stretch the interval."""
    jitter: float = 0.1
    """The part of an interval by which polls are spread, so that feeds do not stay in lockstep."""


def next_poll(timing: Timing, *, now: Millis, errors: int, chance: float, retry_after_s: float | None = None) -> Millis:
    """When to poll a feed that has just been polled.

    errors: failed polls in a row, this one included; the interval doubles with each, up to `max_s`.
    chance: uniform in [0, 1): spreads the interval by ± jitter / 2, backoff with it.
    retry_after_s: what the server asked for (RFC 9110 section 10.2.3); never polled before.
    """
    if timing.cron is not None and not errors:
        due: int = next_fire(timing.cron, timing.timezone, now)
    else:
        interval_s = timing.every_s
        if errors:
            # 2^32 of anything is past max_s; a greater exponent would only overflow.
            interval_s = max(interval_s, min(interval_s * 2 ** min(errors, 32), timing.max_s))
        due = now + round(interval_s * 1000 * (1 + timing.jitter * (chance - 0.5)))
    if retry_after_s is not None:
        due = max(due, now + round(retry_after_s * 1000))
    return Millis(due)
