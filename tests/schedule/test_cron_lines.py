"""When a cron line comes next."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import Millis
from worker.schedule.cron import next_fire

CRONS = [
    "* * * * *",
    "*/20 6-22 * * mon-fri",
    "30 2 * * *",
    "0 0 29 2 *",
    "15,45 1-3 * * sun",
    "0 12 1 jan,jul *",
    "59 23 31 12 *",
    "0 0 * * mon-fri",
]
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]


def millis(text: str) -> Millis:
    return Millis(round(datetime.fromisoformat(text).timestamp() * 1000))


def fires(cron: str, timezone: str, start: str, times: int) -> list[str]:
    """The next polls of a cron line, each asked for at the time of the one before, in the line's own time zone."""
    now, found = millis(start), []
    for _ in range(times):
        now = next_fire(cron, timezone, now)
        found.append(datetime.fromtimestamp(now / 1000, ZoneInfo(timezone)).strftime("%a %d %H:%M %z"))
    return found


def test_a_poll_on_the_dot_waits_for_the_next_time() -> None:
    """And one just before it does not."""
    dot = millis("2026-11-23T05:00:00Z")
    assert next_fire("0 * * * *", "UTC", dot) == dot + 3_600_000
    assert next_fire("0 * * * *", "UTC", Millis(dot - 1)) == dot


def test_a_line_that_never_comes_is_asked_again_each_day() -> None:
    """Settings refuse such a line."""
    now = millis("2026-11-23T05:00:00Z")
    assert next_fire("0 0 30 2 *", "UTC", now) == now + 86_400_000


WEEKDAYS = {
    "every day": ("*", ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]),
    "one": ("sun", ["Sun"]),
    "in upper case": ("MON", ["Mon"]),
    "the working week": ("mon-fri", ["Mon", "Tue", "Wed", "Thu", "Fri"]),
    "up to Sunday, which ends APScheduler's week": ("sat-sun", ["Sun", "Sat"]),
    "a list": ("sun,wed", ["Sun", "Wed"]),
    "a list with a range": ("mon-wed,fri", ["Mon", "Tue", "Wed", "Fri"]),
}


@pytest.mark.parametrize(("field", "days"), WEEKDAYS.values(), ids=WEEKDAYS.keys())
def test_weekdays_go_by_their_names(field: str, days: list[str]) -> None:
    """Names mean the same to crontab(5) and to APScheduler; settings refuse the numbers, which do not."""
    found = fires(f"0 0 * * {field}", "UTC", "2026-11-21T12:00:00Z", len(days))  # a Saturday
    assert [day[:3] for day in found] == days


DST = {
    "an hour that is skipped: the poll comes an hour later by the clock": (
        "30 2 * * *",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        ["Sun 28 03:30 +0200", "Mon 29 02:30 +0200"],
    ),
    "an hour that comes twice: both are polled": (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        ["Sun 25 02:30 +0200", "Sun 25 02:30 +0100", "Mon 26 02:30 +0100"],
    ),
    "thrice an hour, into winter": (
        "*/20 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:20:00Z",
        ["Sun 25 02:40 +0200", "Sun 25 02:00 +0100", "Sun 25 02:20 +0100", "Sun 25 02:40 +0100", "Sun 25 03:00 +0100"],
    ),
    "thrice an hour, into summer": (
        "*/20 * * * *",
        "Europe/Berlin",
        "2027-03-28T00:30:00Z",
        ["Sun 28 01:40 +0100", "Sun 28 03:00 +0200", "Sun 28 03:20 +0200"],
    ),
    "half an hour that comes twice": (
        "*/20 * * * *",
        "Australia/Lord_Howe",
        "2027-04-03T14:10:00Z",
        ["Sun 04 01:20 +1100", "Sun 04 01:40 +1100", "Sun 04 01:40 +1030", "Sun 04 02:00 +1030"],
    ),
    "a midnight before an hour that is skipped": (
        "0 0 * * *",
        "Europe/Berlin",
        "2027-03-27T12:00:00Z",
        ["Sun 28 00:00 +0100", "Mon 29 00:00 +0200", "Tue 30 00:00 +0200"],
    ),
    "within an hour that is skipped, and right after it": (
        "0,30 2-3 * * *",
        "Europe/Berlin",
        "2027-03-28T00:59:00Z",
        ["Sun 28 03:00 +0200", "Sun 28 03:30 +0200", "Mon 29 02:00 +0200"],
    ),
    "half a year ahead": ("0 12 1 jul *", "Europe/Berlin", "2026-11-30T12:00:00Z", ["Thu 01 12:00 +0200"]),
    "mornings stay mornings": (
        "0 6 * * *",
        "America/New_York",
        "2026-10-31T12:00:00Z",
        ["Sun 01 06:00 -0500", "Mon 02 06:00 -0500"],
    ),
}


@pytest.mark.parametrize(("cron", "zone", "start", "expected"), DST.values(), ids=DST.keys())
def test_cron_lines_follow_the_clock_of_their_zone(cron: str, zone: str, start: str, expected: list[str]) -> None:
    """Through changes to and from daylight saving time no poll is lost, and none repeats an instant."""
    assert fires(cron, zone, start, len(expected)) == expected


@given(st.sampled_from(CRONS), st.sampled_from(ZONES), st.integers(0, 60 * 24 * 365 * 3))
def test_a_cron_line_always_moves_on(cron: str, zone: str, minutes: int) -> None:
    """From any minute on, a line's next time lies after it, and is one of its minutes."""
    now = Millis(millis("2026-01-01T00:00:00Z") + minutes * 60_000)
    due = next_fire(cron, zone, now)
    assert due > now
    assert due % 60_000 == 0
    assert datetime.fromtimestamp(due / 1000, UTC).year < 2033


@given(st.sampled_from(CRONS), st.sampled_from(ZONES), st.integers(0, 60 * 60 * 24 * 365))
def test_no_time_that_a_clock_shows_is_passed_by(cron: str, zone: str, seconds: int) -> None:
    """The next time is the same whether it is asked for from here on or from just before it: nothing lies between."""
    now = Millis(millis("2026-01-01T00:00:00Z") + seconds * 1_000)
    due = next_fire(cron, zone, now)
    for earlier in (1, 60_000, 3_600_000, 86_400_000):
        assert next_fire(cron, zone, Millis(max(due - earlier, now))) == due


def test_a_date_and_a_weekday_are_either() -> None:
    """As crontab(5) has it: on the 1st and the 15th, and on every Friday."""
    assert fires("0 0 1,15 * fri", "UTC", "2026-11-23T00:00:00Z", 4) == [
        "Fri 27 00:00 +0000",
        "Tue 01 00:00 +0000",
        "Fri 04 00:00 +0000",
        "Fri 11 00:00 +0000",
    ]
