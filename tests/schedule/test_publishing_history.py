"""What is remembered of a feed's publishing."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import DAY_MS, HOUR_MS, Millis
from worker.schedule.history import MONTH_MS, History, weekday

NOW = Millis(20_000 * DAY_MS + 9 * HOUR_MS)

INSTANTS = st.integers(0, 4_000_000_000_000).map(Millis)
DATES = st.lists(st.none() | st.integers(-(10**14), 10**14).map(Millis), max_size=40)


def days_before(*days: float) -> list[Millis]:
    return [Millis(round(NOW - day * DAY_MS)) for day in days]


def test_the_oldest_entry_of_the_first_document_only_begins_the_time_that_is_known() -> None:
    """Three entries a day apart are two in two days, and not three in two."""
    history = History.begun(NOW, days_before(0, 1, 2))
    assert history.since == NOW - 2 * DAY_MS
    assert history.at == NOW
    assert 1.9 < history.month < 2


@pytest.mark.parametrize(
    "odd", [1, 400 * DAY_MS, NOW - 3000 * DAY_MS], ids=["year 1970", "year 1971", "pinned for years"]
)
def test_one_entry_that_is_much_older_than_nine_others_does_not_count(odd: int) -> None:
    """Pinned entries and wrong dates would make a busy feed look slow."""
    history = History.begun(NOW, [*days_before(*range(9)), Millis(odd)])
    assert history.since >= NOW - 8 * DAY_MS


def test_dates_in_the_future_and_missing_ones_are_left_out_of_a_first_document() -> None:
    """When those entries came, nobody knows."""
    assert History.begun(NOW, [None, Millis(NOW + 1), None]) == History(since=NOW, at=NOW)


BELIEVED = {
    "between the polls": (NOW - HOUR_MS // 2, NOW - HOUR_MS // 2),
    "at this poll": (NOW, NOW),
    "before the poll before": (NOW - 5 * HOUR_MS, NOW - HOUR_MS // 2),
    "a day early": (NOW - DAY_MS, NOW - HOUR_MS // 2),
    "in the future": (NOW + HOUR_MS, NOW - HOUR_MS // 2),
    "none": (None, NOW - HOUR_MS // 2),
}


@pytest.mark.parametrize(("date", "instant"), BELIEVED.values(), ids=BELIEVED.keys())
def test_a_date_is_believed_where_it_lies_between_two_polls(date: int | None, instant: int) -> None:
    """Else the entry came midway, as far as anyone can tell."""
    started = History.begun(Millis(NOW - 30 * DAY_MS), [])
    published = [None if date is None else Millis(date)]
    assert started.polled(previous=Millis(NOW - HOUR_MS), now=NOW, published=published).at == instant


def test_an_archive_that_is_put_into_the_feed_is_no_news() -> None:
    """Entries dated more than a month back say nothing of how often the feed has something new."""
    history = History.begun(NOW, days_before(1, 2, 3))
    later = Millis(NOW + HOUR_MS)
    assert history.polled(previous=NOW, now=later, published=days_before(31, 40, 5000)) == history


HOURS = {
    "a time of day": (Millis(NOW - HOUR_MS), HOUR_MS, (0.25, 0.5, 0.25)),
    "midnight, which is a day without a time": (Millis(NOW - 9 * HOUR_MS), 10 * HOUR_MS, (1 / 24,) * 3),
    "some time in a whole day": (None, DAY_MS, (1 / 24,) * 3),
    "some time in an hour": (None, HOUR_MS, (0.25, 0.5, 0.25)),
}


@pytest.mark.parametrize(("date", "elapsed", "shares"), HOURS.values(), ids=HOURS.keys())
def test_an_hour_is_counted_where_it_is_known(date: Millis | None, elapsed: int, shares: tuple[float, ...]) -> None:
    """An entry whose hour is not known counts for all hours alike."""
    started = History.begun(Millis(NOW - DAY_MS), [])
    history = started.polled(previous=Millis(NOW - elapsed), now=NOW, published=[date])
    assert history.hours[7:10] == pytest.approx(shares)
    assert sum(history.hours) == pytest.approx(1)


def test_counts_fade_with_a_month() -> None:
    """What came a month before weighs the e-th part."""
    history = History.begun(NOW, days_before(0, 1))
    later = Millis(NOW + MONTH_MS)
    assert history.polled(previous=Millis(later - 1000), now=later, published=[later]).month == pytest.approx(
        1 + 1 / 2.71828, 1e-4
    )


def test_nothing_new_leaves_a_history_as_it_is() -> None:
    """So that nothing has to be written."""
    history = History.begun(NOW, days_before(1, 2))
    assert history.polled(previous=NOW, now=Millis(NOW + 1), published=[]) is history


@given(INSTANTS, DATES, st.lists(st.tuples(st.integers(-(10**9), 10**12), DATES), max_size=4))
def test_whatever_the_dates_the_counts_agree(
    first: Millis, dates: list[Millis | None], polls: list[tuple[int, list[Millis | None]]]
) -> None:
    """Hours and weekdays add up to the month, the newest entry is never in the future, and clocks may jump."""
    history, previous = History.begun(first, dates), first
    latest = first
    for passed, published in polls:
        now = Millis(max(previous + passed, 0))
        latest = Millis(max(latest, now))
        history = history.polled(previous=previous, now=now, published=published)
        previous = now
    assert sum(history.hours) == pytest.approx(history.month)
    assert sum(history.weekdays) == pytest.approx(history.month)
    assert history.at <= latest
    assert 0 <= history.day <= history.month + 1e-9


@given(INSTANTS, DATES)
def test_a_history_comes_back_from_the_store(now: Millis, dates: list[Millis | None]) -> None:
    """In 149 bytes, but for the digits that four bytes do not hold."""
    history = History.begun(now, dates)
    stored = history.encode()
    again = History.decode(stored, now=now)
    assert len(stored) == 149
    assert again is not None
    assert (again.since, again.at, again.encode()) == (history.since, history.at, stored)
    assert again.hours == pytest.approx(history.hours)


def test_a_history_of_a_clock_that_was_ahead_is_not_read() -> None:
    """It is begun anew: entries of today weigh nothing beside those of next year. Some minutes are no matter."""
    stored = History.begun(NOW, days_before(0, 1, 2)).encode()
    assert History.decode(stored, now=Millis(NOW - 1_800_000)) is not None
    assert History.decode(stored, now=Millis(NOW - 365 * DAY_MS)) is None


def test_a_history_of_another_make_is_not_read() -> None:
    """It is begun anew."""
    stored = History.begun(NOW, days_before(1, 2)).encode()
    assert History.decode(b"\x02" + stored[1:], now=NOW) is None
    assert History.decode(stored[:-1], now=NOW) is None
    assert History.decode(b"", now=NOW) is None


def test_weekdays_begin_on_monday() -> None:
    """The 23rd of November 2026 is one."""
    assert weekday(round(datetime.fromisoformat("2026-11-23T00:00:00Z").timestamp() * 1000)) == 0
    assert weekday(round(datetime.fromisoformat("2026-11-22T23:59:59Z").timestamp() * 1000)) == 6
