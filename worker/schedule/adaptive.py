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
"""The part of a document that should have been known already, lest entries go by unseen. Media Cloud keeps it between
33 and 67 % (rss-fetcher, AUTO_ADJUST_MIN_DUPLICATE_PERCENT and …_MAX_…)."""


_PUSHED_S = 6 * 3600.0
"""Between polls of a feed whose hub tells of what is new: the longest that something stays unseen when it fails to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What the operator asks for a feed: a `cron` line, else an interval, else that it be found out."""

    every_s: float | None = None
    cron: str | None = None
    """Five fields as in crontab(5), weekdays by name."""
    timezone: str = "UTC"
    """Of the cron line (IANA)."""
    min_s: float = 300.0
    max_s: float = 86_400.0
    """Bounds of an interval that is found out; failures and hints stretch none beyond `max_s`."""
    first_s: float = 3600.0
    """The interval until enough is known of the feed."""
    jitter: float = 0.1
    """The part of an interval that is left to chance, so that feeds do not stay in lockstep."""
    price_s: float = 1800.0
    """More than 0: the wait of one entry that is worth a request; twice the wait counts four times. With an eighth of
    it intervals are a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a document had that the one before did not."""

    new: int
    """Entries that were not known."""
    total: int
    """Entries of the document."""
    elapsed_s: float
    """Since the poll before that went well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What is known of a feed that has just been polled."""

    now: Millis
    phase: float
    """`phase_of` the feed, always the same: spreads feeds over their interval."""
    chance: float
    """Uniform in [0, 1), for this poll."""
    due_at: Millis | None = None
    """When this poll was due; None if it was the feed's first."""
    history: History | None = None
    """With this poll's new entries; None where no document has come yet."""
    seen: Seen | None = None
    """Where a document came and there was one before; None where nothing had changed."""
    hints: Hints = NO_HINTS
    """Bounds from below, up to `Pace.max_s`; an interval or cron line of the operator's own is not moved by them."""
    setbacks: Setbacks = NO_SETBACKS
    """The failures in a row, of which this poll is the last; none where it was only told to wait."""
    pushed: bool = False
    """Its hub tells of new entries (WebSub): polls only make sure of that."""
    retry_after_s: float | None = None
    """What the server asked for (RFC 9110 section 10.2.3); nothing is polled before."""
    patience_s: float | None = None
    """What one is left alone for that refused without saying for how long."""


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
    """A feed's own place in every interval, in [0, 1)."""
    return int.from_bytes(blake2b(feed_id.encode(), digest_size=6).digest(), "big") / 2**48


def _aligned(now: Millis, interval_ms: float, phase: float, shift: float) -> Millis:
    """The next of the feed's own instants, `interval_ms` apart, that is half an interval away or more.

    They are the same after a restart or a standstill: feeds of one interval stay spread over it. `shift` is in
    intervals.
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
        # So long that, at the pace since the last poll, the known part will be what it should.
        covered = seen.elapsed_s * 1000 * (1 - _KNOWN_PART) * seen.total / seen.new
        if covered < wait:
            wait, reason = covered, f"{seen.new} of {seen.total} entries were new"
            reason += ": some may have been missed" if seen.new == seen.total else ""
    wait = min(max(wait, least), most)
    # After a standstill, or when many feeds are added, all are polled together: the next wait draws them apart.
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
            # Those that skip the same hours are not to come at the stroke of the next.
            spread = round(polled.phase * min(later - now, HOUR_MS))
            due, reason = Millis(max(min(later + spread, now + most), due)), skipped
    return due, reason


def _backed_off(pace: Pace, polled: Polled, due: Millis) -> Millis:
    """Twice the interval for each whole weight, up to `max_s` or the interval itself; never sooner than with none.

    But a cron line may name one day a year: after a failure it counts as an interval of `first_s` at most.
    """
    wait = float(due - polled.now)
    if pace.cron is not None:
        wait = min(wait, pace.first_s * 1000)
    # 2^64 of anything is past max_s; a greater exponent would only overflow.
    longer = min(wait * 2.0 ** min(polled.setbacks.weight, 64), pace.max_s * 1000 * (1 - pace.jitter * polled.chance))
    return Millis(polled.now + math.ceil(max(wait, longer)))
