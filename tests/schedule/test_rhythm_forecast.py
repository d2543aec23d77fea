"""How many entries a feed is likely to have, and how long they may wait."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import DAY_MS, HOUR_MS, Millis
from worker.schedule.history import History
from worker.schedule.rhythm import expected, forecast, is_known, pace_per_ms, patience_ms, words

MONDAY = Millis(19_999 * DAY_MS + 4 * DAY_MS)
"""At midnight."""
HALF_HOUR = HOUR_MS / 2


def each_day(*hours: float, days: int = 60, now: int = MONDAY, only: range = range(7)) -> History:
    """A feed with an entry at each of these hours of each of the last days, of those weekdays."""
    dates = [
        Millis(now - day * DAY_MS + round(hour * HOUR_MS))
        for day in range(1, days + 1)
        for hour in hours
        if ((now // DAY_MS) - day + 3) % 7 in only
    ]
    return History.begun(Millis(now), dates)


EVENLY = tuple(range(24))

HISTORIES = st.builds(
    lambda now, dates: History.begun(now, dates),
    st.integers(10**12, 3 * 10**12).map(Millis),
    st.lists(st.integers(9 * 10**11, 3 * 10**12).map(Millis), max_size=30),
)
LATER = st.integers(-(10**11), 10**13)


@pytest.mark.parametrize("a_day", [1 / 7, 1, 24, 240], ids=["weekly", "daily", "hourly", "every 6 minutes"])
def test_the_pace_of_a_steady_feed_is_found(a_day: float) -> None:
    """To a sixth, from 100 entries, of which the last month counts most."""
    dates = [Millis(round(MONDAY - number * DAY_MS / a_day)) for number in range(100)]
    assert pace_per_ms(History.begun(MONDAY, dates), MONDAY) * DAY_MS == pytest.approx(a_day, rel=1 / 6)


def test_the_pace_of_a_feed_that_has_died_goes_down() -> None:
    """Half a year after its last entry, a daily feed is expected to have less than one in 25 days."""
    history = each_day(12)
    assert pace_per_ms(history, Millis(MONDAY + 180 * DAY_MS)) * DAY_MS < 0.04


def test_few_entries_make_no_rhythm() -> None:
    """After three entries, at the same hour of three days, no hour is expected to have five times another's."""
    rates = [rate for _, rate in islice(forecast(each_day(8, days=4), MONDAY), 24)]
    assert max(rates) < 5 * min(rates)


def test_one_busy_day_makes_no_rhythm() -> None:
    """Forty entries of one afternoon do not make the nights quiet: one day says little of the next."""
    dates = [Millis(MONDAY - number * HOUR_MS // 10) for number in range(40)]
    rates = [rate for _, rate in islice(forecast(History.begun(MONDAY, dates), MONDAY), 24)]
    assert max(rates) < 2 * min(rates)


def test_hours_and_weekdays_are_learned() -> None:
    """A feed that publishes on weekday mornings is expected to do so again, and not at night or at weekends."""
    history = each_day(6.5, 7.5, 8.5, only=range(5))
    rates = [rate for _, rate in islice(forecast(history, MONDAY), 7 * 24)]
    assert rates[7] > 8 * rates[20]
    assert rates[7] > 3 * rates[5 * 24 + 7]


@given(HISTORIES, LATER)
def test_a_forecast_goes_from_full_hour_to_full_hour(history: History, later: int) -> None:
    """And expects something in each, never less than nothing, however old the history."""
    now = Millis(history.at + later)
    instant = now
    for step, rate in islice(forecast(history, now), 30):
        assert 0 < step <= HOUR_MS
        assert rate >= 0
        assert math.isfinite(rate)
        instant = Millis(instant + step)
        assert instant % HOUR_MS == 0


@given(HISTORIES, LATER, st.floats(0, 10 * DAY_MS), st.floats(0, 10 * DAY_MS))
def test_more_is_expected_of_a_longer_time(history: History, later: int, one: float, other: float) -> None:
    """Nothing in no time."""
    now = Millis(history.at + later)
    assert expected(history, now, 0) == 0
    assert expected(history, now, min(one, other)) <= expected(history, now, max(one, other))


@given(HISTORIES, LATER, st.floats(1000, 1e8), st.floats(1000, 3e8))
def test_entries_have_waited_the_price_when_patience_ends(
    history: History, later: int, price: float, limit: float
) -> None:
    """By the forecast, or the limit came first."""
    now = Millis(history.at + later)
    wait = patience_ms(history, now, price_ms=price, limit_ms=limit)
    assert 0 < wait <= limit
    # The squares of their waits, from the numbers that had come by each part of it.
    parts = 200
    ends = [wait * (part + 0.5) / parts for part in range(parts)]
    squares = sum(expected(history, now, end) * 2 * (wait - end) for end in ends) * wait / parts
    assert squares <= price**2 * 1.01
    if wait < limit:
        assert squares >= price**2 * 0.99


STEADY = {"24 a day": (24, 0.909), "192 a day": (192, 0.454), "3 a day": (3, 1.817), "one in 10 days": (1 / 10, 5.65)}


@pytest.mark.parametrize(("a_day", "hours"), STEADY.values(), ids=STEADY.keys())
def test_eight_times_the_entries_are_polled_twice_as_often(a_day: float, hours: float) -> None:
    """The interval is ∛(3 · price² / pace): 55 minutes for an entry an hour at the default price."""
    # Not quite: no hour of the day is to come back.
    dates = [Millis(round(MONDAY - (number + 0.5) * 0.98 * DAY_MS / a_day)) for number in range(round(60 * a_day))]
    wait = patience_ms(History.begun(MONDAY, dates), MONDAY, price_ms=HALF_HOUR, limit_ms=10 * DAY_MS)
    assert wait / HOUR_MS == pytest.approx(hours, rel=0.15)


def test_a_feed_is_asked_soon_after_its_hour() -> None:
    """One that publishes at half past seven is polled within an hour and a half, and seldom in the quiet hours."""
    history, polls, now = each_day(7.5), [], MONDAY
    while now < MONDAY + DAY_MS:
        now = Millis(now + round(patience_ms(history, now, price_ms=HALF_HOUR, limit_ms=DAY_MS)))
        polls.append((now - MONDAY) / HOUR_MS)
    assert any(7.5 < poll < 9 for poll in polls)
    gaps = [later - poll for poll, later in pairwise(polls)]
    assert max(gaps) > 2.5 * min(gaps)
    assert len(polls) < 9


def test_a_feed_is_known_by_three_entries_or_two_days_of_silence() -> None:
    """Until then there is nothing to go by."""
    silent = History.begun(MONDAY, [])
    assert not is_known(silent, Millis(MONDAY + DAY_MS))
    assert is_known(silent, Millis(MONDAY + 2 * DAY_MS))
    assert is_known(History.begun(MONDAY, [Millis(MONDAY - number * 60_000) for number in range(5)]), MONDAY)


WORDS = {
    "by the hour, evenly": (each_day(*EVENLY), "about 24 entries a day"),
    "in the mornings": (each_day(6.5, 7.5, 8.5), "about 3.0 entries a day, most of them at 6-10 UTC"),
    "through midnight": (each_day(23.2, 0.2, 0.8), "about 3.0 entries a day, most of them at 22-2 UTC"),
    "at work": (
        each_day(*range(9, 17), only=range(5)),
        "about 5.5 entries a day, hardly any at weekends, most of them at 9-17 UTC",
    ),
    "weekdays, all day": (each_day(*EVENLY, only=range(5)), "about 16 entries a day, hardly any at weekends"),
    "once a week": (each_day(12, days=140, only=range(1)), "an entry in about 7.7 days"),
    "once a month": (
        History.begun(MONDAY, [Millis(MONDAY - (1 + number * 30) * DAY_MS) for number in range(20)]),
        "an entry in about 19 days",
    ),
    "one busy afternoon": (each_day(*range(12, 24), days=1), "about 20 entries a day"),
    "nothing": (History.begun(Millis(MONDAY - 90 * DAY_MS), []), "hardly an entry a month"),
}


@pytest.mark.parametrize(("history", "said"), WORDS.values(), ids=WORDS.keys())
def test_pace_and_rhythm_are_put_in_words(history: History, said: str) -> None:
    """As `status` shows them."""
    assert words(history, MONDAY) == said
