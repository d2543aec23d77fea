"""How many entries a feed has probably published that were not seen yet, and how long they may wait."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate
from operator import sub

from worker.model import DAY_MS, HOUR_MS, Millis
from worker.schedule.history import MONTH_MS, History, weekday

# What is assumed of a feed that has shown nothing: a twentieth of an entry in an hour. One real entry outweighs it.
_PRIOR_ENTRIES, _PRIOR_MS = 0.05, HOUR_MS
# Entries added to each hour and weekday, so that few real ones don't make a rhythm …
_PRIOR_HOUR, _PRIOR_WEEKDAY = 0.2, 2.0
# … and days of watching after which half of the rhythm is believed, so that one busy day does not make one either.
_HALF_HOURS, _HALF_WEEKDAYS = 2.0, 14.0
_LAST_DAY = 0.25
"""The weight of the last day's pace in the forecast; the rest is that of the last month, with its rhythm. It changes
the simulated delays by 1 %, but a feed that wakes up is polled twice as often within a day. None of these figures is
sensitive: if they are halved or doubled, delays at the same number of requests stay within 2 %."""
_HOUR_LATER = math.exp(-HOUR_MS / DAY_MS)

_KNOWN_ENTRIES, _KNOWN_MS = 3.0, 2 * DAY_MS
# The least entries and days of watching for a rhythm to be described in words.
_WORDS_ENTRIES, _WORDS_HOURS, _WORDS_WEEKDAYS = 8.0, 3.0, 14.0


def is_known(history: History, now: Millis) -> bool:
    """Whether enough is known: three entries, or two days of silence."""
    return history.month >= _KNOWN_ENTRIES or now - history.since >= _KNOWN_MS


def pace_per_ms(history: History, now: Millis) -> float:
    """Entries per millisecond, over the last month or so: the mean of a Gamma posterior whose evidence fades."""
    return (history.month / _faded(history, now) + _PRIOR_ENTRIES) / _watched_ms(history, now, MONTH_MS)


def forecast(history: History, now: Millis) -> Iterator[tuple[int, float]]:
    """From `now` on, endlessly: milliseconds to the next full hour, and the rate of entries (per ms) expected until
    then."""
    hours, weekdays, counted, days = history.hours, history.weekdays, history.month, _days_watched(history, now)
    # The counts are as of history.at. Instead of fading all of them, the priors are scaled to that time.
    faded = _faded(history, now)
    hour_prior, weekday_prior = _PRIOR_HOUR * faded, _PRIOR_WEEKDAY * faded
    # The believed part of each hour's and weekday's share (times 24 and 7); the rest is spread evenly.
    by_hour = days / (days + _HALF_HOURS)
    by_weekday = days / (days + _HALF_WEEKDAYS)
    hour_scale = by_hour / (counted / 24 + hour_prior)
    weekday_scale = by_weekday / (counted / 7 + weekday_prior)
    hour_floor = 1 - by_hour + hour_prior * hour_scale
    weekday_floor = 1 - by_weekday + weekday_prior * weekday_scale
    pace = (1 - _LAST_DAY) * pace_per_ms(history, now)
    recent = _LAST_DAY * history.day * math.exp(-max(now - history.at, 0) / DAY_MS) / _watched_ms(history, now, DAY_MS)
    instant = int(now)
    while True:
        of_day = weekday_floor + weekday_scale * weekdays[weekday(instant)]
        for hour in range(instant // HOUR_MS % 24, 24):
            step = HOUR_MS - instant % HOUR_MS
            yield step, pace * ((hour_floor + hour_scale * hours[hour]) * of_day) + recent
            recent *= _HOUR_LATER
            instant += step


def _faded(history: History, now: Millis) -> float:
    """What the counts of `history` have to be divided by at `now`; bounded, so that a century of silence does not
    overflow."""
    return math.exp(min(max(now - history.at, 0) / MONTH_MS, 99.0))


def _watched_ms(history: History, now: Millis, constant_ms: int) -> float:
    """The time watched, fading like the counts; never zero."""
    return constant_ms * (1 - math.exp(-max(now - history.since, 0) / constant_ms)) + _PRIOR_MS


def _days_watched(history: History, now: Millis) -> float:
    return max(now - history.since, 0) / DAY_MS


def expected(history: History, now: Millis, ahead_ms: float) -> float:
    """How many entries come in the `ahead_ms` after `now`."""
    entries = 0.0
    for step, rate in forecast(history, now):
        if step >= ahead_ms:
            return entries + rate * ahead_ms
        entries += rate * step
        ahead_ms -= step
    raise AssertionError("a forecast has no end")


def patience_ms(history: History, now: Millis, *, price_ms: float, limit_ms: float) -> float:
    """How long after a poll at `now` the next one is worth its price; at most `limit_ms`.

    That is when the squared waits of all entries expected to have come since then add up to the square of `price_ms`.
    With a steady pace r this is ∛(3 · price² / r): a feed with eight times the entries is polled twice as often. With a
    rhythm, it is soon after the busy hours, and late during the quiet ones.

    If the waits themselves were added up, intervals would follow the square root of the pace, which minimises the mean
    delay over all feeds for a given number of requests. Squares let a long wait count more: with a mean a tenth longer,
    p95 is lower by a tenth to a third, and half as many entries are missed (tests/benchmarks).
    """
    waiting = waited = squares = passed = 0.0
    price = price_ms * price_ms
    for step, rate in forecast(history, now):
        then = squares + step * (2 * waited + step * (waiting + step * rate / 3))
        if then >= price:
            return min(passed + _root(rate, waiting, waited, price - squares, step), limit_ms)
        squares = then
        waited += step * (waiting + step * rate / 2)
        waiting += step * rate
        passed += step
        if passed >= limit_ms:
            break
    return limit_ms


def _root(rate: float, waiting: float, waited: float, rest: float, most: float) -> float:
    """Solves rate/3 · x³ + waiting · x² + 2 · waited · x = rest in (0, most]. Newton's method from above never
    overshoots."""
    x = min(most, math.cbrt(3 * rest / rate))
    for _ in range(6):
        slope = 2 * waited + x * (2 * waiting + x * rate)
        x -= (x * (2 * waited + x * (waiting + x * rate / 3)) - rest) / slope
    return x


def words(history: History, now: Millis) -> str:
    """The pace and the rhythm, in words for people."""
    a_day = pace_per_ms(history, now) * DAY_MS
    if a_day >= 0.95:
        pace = f"about {a_day:.1f} entries a day" if a_day < 10 else f"about {a_day:.0f} entries a day"
    elif a_day >= 1 / 28:
        pace = f"an entry in about {1 / a_day:.2g} days"
    else:
        return "hardly an entry a month"
    return pace + _rhythm(history, _days_watched(history, now))


def _rhythm(history: History, days: float) -> str:
    if history.month < _WORDS_ENTRIES or days < _WORDS_HOURS:
        return ""
    quiet = days >= _WORDS_WEEKDAYS and sum(history.weekdays[5:]) < history.month / 20
    weekends = ", hardly any at weekends" if quiet else ""
    sums = list(accumulate(history.hours * 2, initial=0.0))
    for length in (4, 8):
        shares = list(map(sub, sums[length : length + 24], sums))
        share = max(shares)
        if share > history.month * 0.6:
            first = shares.index(share)
            return f"{weekends}, most of them at {first}-{(first + length) % 24} UTC"
    return weekends
