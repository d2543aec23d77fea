"""When a feed is polled again, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b

from worker.model import HOUR_MS, NO_HINTS, Hints, Millis
from worker.schedule.cron import next_fire
from worker.schedule.durations import span
from worker.schedule.failures import NO_SETBACKS, Setbacks
from worker.schedule.hints import longest, unskipped
from worker.schedule.history import History
from worker.schedule.rhythm import is_known, patience_ms, words

_KNOWN_PART = 0.5
"""The share of a document that should already be known, so that no entries go unseen. Media Cloud keeps it between 33
and 67 % (rss-fetcher, AUTO_ADJUST_MIN_DUPLICATE_PERCENT and …_MAX_…)."""


_PUSHED_S = 6 * 3600.0
"""Time between polls of a feed whose hub announces new entries: the longest that an entry stays unseen if the hub fails
to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When the operator wants a feed to be polled: by a `cron` line, else at an interval, else adaptively."""

    every_s: float | None = None
    cron: str | None = None
    """Five fields as in crontab(5), weekdays by name."""
    timezone: str = "UTC"
    """For the cron line (IANA)."""
    min_s: float = 300.0
    max_s: float = 86_400.0
    """min_s and max_s bound an adaptive interval; failures and hints stretch no interval beyond `max_s`."""
    first_s: float = 3600.0
    """The interval until enough is known of the feed."""
    jitter: float = 0.1
    """The random share of an interval, so that feeds don't stay in lockstep."""
    price_s: float = 1800.0
    """More than 0. The time that one entry may wait before a request is worth it; twice the wait counts four times. An
    eighth of it makes intervals a quarter as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a document had that the one before did not."""

    new: int
    """Entries that were not known."""
    total: int
    """All entries of the document."""
    elapsed_s: float
    """Since the last successful poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What is known of a feed that has just been polled."""

    now: Millis
    phase: float
    """`phase_of` the feed, which never changes: spreads feeds over their interval."""
    chance: float
    """Uniform in [0, 1), drawn for this poll."""
    due_at: Millis | None = None
    """When this poll was due; None if it was the feed's first."""
    history: History | None = None
    """With this poll's new entries; None if no document has come yet."""
    seen: Seen | None = None
    """If a document came and there was one before; None if nothing had changed."""
    hints: Hints = NO_HINTS
    """Lower bounds, up to `Pace.max_s`. They don't change an interval or cron line that the operator has configured."""
    setbacks: Setbacks = NO_SETBACKS
    """The failures in a row up to this poll; none if it was only told to wait."""
    pushed: bool = False
    """Its hub announces new entries (WebSub), so polls only make sure of that."""
    retry_after_s: float | None = None
    """The wait that the server asked for (RFC 9110 section 10.2.3); it is not polled sooner."""
    patience_s: float | None = None
    """The wait after a refusal that did not say for how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    due_at: Millis
    reason: str
    """One line for people."""


def plan(pace: Pace, polled: Polled) -> Next:
    """When to poll a feed again."""
    now, phase, chance = polled.now, polled.phase, polled.chance
    if pace.cron is not None:
        due, reason = next_fire(pace.cron, pace.timezone, now), f"cron {pace.cron}, as configured"
    elif pace.every_s is not None:
        due = _aligned(now, pace.every_s * 1000, phase, pace.jitter * (chance - 0.5))
        reason = f"every {span(pace.every_s)}, as configured"
    else:
        due, reason = _adaptive(pace, polled)
        due, reason = _hinted(pace, polled, due, reason)
        if polled.pushed and not polled.setbacks.count:
            relaxed = now + math.ceil(min(pace.max_s, _PUSHED_S) * 1000 * (1 - pace.jitter * chance))
            if relaxed > due:
                due, reason = Millis(relaxed), "its hub tells of what is new"
    if polled.setbacks.weight:
        due, reason = _backed_off(pace, polled, due), polled.setbacks.words
    for wait_s, why in ((polled.retry_after_s, "Retry-After"), (polled.patience_s, "refused, without Retry-After")):
        if wait_s is not None and (until := now + math.ceil(wait_s * 1000)) > due:
            due, reason = Millis(until), f"{why}: {span(math.ceil(wait_s))}"
    return Next(due_at=due, reason=reason)


def phase_of(feed_id: str) -> float:
    """A feed's fixed position within every interval, in [0, 1)."""
    return int.from_bytes(blake2b(feed_id.encode(), digest_size=6).digest(), "big") / 2**48


def _aligned(now: Millis, interval_ms: float, phase: float, shift: float) -> Millis:
    """The next of the feed's own fixed times, `interval_ms` apart, that is at least half an interval away.

    These times are the same after a restart or a standstill, so feeds with one interval stay spread over it. `shift` is
    in intervals.
    """
    turns = math.ceil(now / interval_ms + 0.5 - phase)
    return Millis(max(round((turns + phase + shift) * interval_ms), now + 1))


def _adaptive(pace: Pace, polled: Polled) -> tuple[Millis, str]:
    now, history, seen = polled.now, polled.history, polled.seen
    least, most = pace.min_s * 1000, pace.max_s * 1000
    if history is None or not is_known(history, now):
        wait, reason = pace.first_s * 1000, f"every {span(pace.first_s)} until more is known of it"
        least = min(least, wait)
    else:
        wait = patience_ms(history, now, price_ms=pace.price_s * 1000, limit_ms=most)
        reason = words(history, now)
    if seen is not None and seen.new > seen.total * (1 - _KNOWN_PART):
        # Long enough that, at the pace since the last poll, the known share will be as it should.
        covered = seen.elapsed_s * 1000 * (1 - _KNOWN_PART) * seen.total / seen.new
        if covered < wait:
            wait, reason = covered, f"{seen.new} of {seen.total} entries were new"
            reason += ": some may have been missed" if seen.new == seen.total else ""
    wait = min(max(wait, least), most)
    # After a standstill, or when many feeds are added, all are polled together: the next wait spreads them.
    late = 1.0 if polled.due_at is None else min(max(now - polled.due_at, 0) / wait, 1.0)
    wait *= (1 - polled.phase * late / 2) * (1 - pace.jitter * polled.chance)
    return Millis(now + math.ceil(max(wait, least))), reason


def _hinted(pace: Pace, polled: Polled, due: Millis, reason: str) -> tuple[Millis, str]:
    now, hints, most = polled.now, polled.hints, round(pace.max_s * 1000)
    asked_s, asked_reason = longest(hints)
    asked = now + math.ceil(min(asked_s * 1000 * (1 + pace.jitter * polled.chance), most))
    if asked > due:
        due, reason = Millis(asked), asked_reason
    if hints.skip_hours or hints.skip_days:
        later, skipped = unskipped(hints, due, within_ms=max(now + most - due, 0))
        if skipped:
            # Feeds that skip the same hours should not all be polled on the stroke of the next.
            spread = round(polled.phase * min(later - now, HOUR_MS))
            due, reason = Millis(max(min(later + spread, now + most), due)), skipped
    return due, reason


def _backed_off(pace: Pace, polled: Polled, due: Millis) -> Millis:
    """The interval doubled for each whole unit of weight, up to `max_s` or the interval itself; never sooner than
    without failures.

    Because a cron line may name one day a year, after a failure it counts as an interval of at most `first_s`.
    """
    wait = float(due - polled.now)
    if pace.cron is not None:
        wait = min(wait, pace.first_s * 1000)
    # 2^64 times anything exceeds max_s; a larger exponent would only overflow.
    longer = min(wait * 2.0 ** min(polled.setbacks.weight, 64), pace.max_s * 1000 * (1 - pace.jitter * polled.chance))
    return Millis(polled.now + math.ceil(max(wait, longer)))
