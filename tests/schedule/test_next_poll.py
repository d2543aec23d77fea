"""When a feed is polled again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import Millis
from worker.schedule import Timing, next_poll

NOW = Millis(1_800_000_000_000)
HOURLY = Timing(every_s=3600, max_s=86_400, jitter=0.1)
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
    timing, now, found = Timing(every_s=60, cron=cron, timezone=timezone), millis(start), []
    for _ in range(times):
        now = next_poll(timing, now=now, errors=0, chance=0.99)
        found.append(datetime.fromtimestamp(now / 1000, ZoneInfo(timezone)).strftime("%a %d %H:%M %z"))
    return found


TIMINGS = st.builds(
    Timing,
    every_s=st.floats(0.01, 1e7),
    cron=st.none() | st.sampled_from(CRONS),
    timezone=st.sampled_from(ZONES),
    max_s=st.floats(0.01, 1e7),
    jitter=st.floats(0, 1),
)
INSTANTS = st.integers(0, 4_000_000_000_000).map(Millis)
CHANCES = st.floats(0, 1, exclude_max=True)


@given(TIMINGS, INSTANTS, st.integers(0, 10_000), CHANCES, st.none() | st.floats(0, 604_800))
def test_a_poll_never_lies_in_the_past_nor_before_retry_after(
    timing: Timing, now: Millis, errors: int, chance: float, retry_after_s: float | None
) -> None:
    """Whatever the timing, the errors and the chance: later than now, and not before the server asked for."""
    due = next_poll(timing, now=now, errors=errors, chance=chance, retry_after_s=retry_after_s)
    assert isinstance(due, int)
    assert due > now
    assert due >= now + round((retry_after_s or 0) * 1000)


@given(TIMINGS, INSTANTS, CHANCES, st.integers(1, 10_000))
def test_failures_wait_no_longer_than_the_longest_interval(
    timing: Timing, now: Millis, chance: float, errors: int
) -> None:
    """Backoff stops at `max_s`, or at the feed's own interval where that is longer."""
    due = next_poll(timing, now=now, errors=errors, chance=chance)
    assert due - now <= max(timing.every_s, timing.max_s) * 1000 * (1 + timing.jitter / 2) + 1


@given(TIMINGS, INSTANTS, CHANCES)
def test_each_failure_waits_at_least_as_long_as_the_one_before(timing: Timing, now: Millis, chance: float) -> None:
    """With the same chance, backoff never gets shorter."""
    dues = [next_poll(timing, now=now, errors=errors, chance=chance) for errors in range(1, 40)]
    assert dues == sorted(dues)


BACKOFF = {
    "no error: the interval": (0, 3600),
    "one error: twice the interval": (1, 7200),
    "two": (2, 14_400),
    "four": (4, 57_600),
    "five: the cap": (5, 86_400),
    "very many": (100_000, 86_400),
}


@pytest.mark.parametrize(("errors", "wait_s"), BACKOFF.values(), ids=BACKOFF.keys())
def test_the_interval_doubles_with_each_failure(errors: int, wait_s: int) -> None:
    """Up to `max_s`; a chance of one half moves nothing."""
    assert next_poll(HOURLY, now=NOW, errors=errors, chance=0.5) == NOW + wait_s * 1000


def test_an_interval_longer_than_the_cap_is_not_shortened_by_failures() -> None:
    """A feed that is polled each week is not polled each day because it fails."""
    weekly = replace(HOURLY, every_s=604_800)
    assert next_poll(weekly, now=NOW, errors=3, chance=0.5) == NOW + 604_800_000


JITTER = {
    "the least chance": (0.1, 0.0, 3420),
    "the middle": (0.1, 0.5, 3600),
    "almost one": (0.1, 0.999999999, 3780),
    "no jitter": (0.0, 0.0, 3600),
    "all of it": (1.0, 0.0, 1800),
}


@pytest.mark.parametrize(("jitter", "chance", "wait_s"), JITTER.values(), ids=JITTER.keys())
def test_chance_spreads_polls_by_half_the_jitter_each_way(jitter: float, chance: float, wait_s: int) -> None:
    """Feeds that were polled together drift apart."""
    assert next_poll(replace(HOURLY, jitter=jitter), now=NOW, errors=0, chance=chance) == NOW + wait_s * 1000


RETRY_AFTER = {
    "longer than the interval": (7200.0, 7200.0),
    "shorter than the interval": (60.0, 3600.0),
    "none at all": (0.0, 3600.0),
    "parts of a second": (3600.0004, 3600.0),
}


@pytest.mark.parametrize(("asked_s", "wait_s"), RETRY_AFTER.values(), ids=RETRY_AFTER.keys())
def test_retry_after_is_a_floor(asked_s: float, wait_s: float) -> None:
    """The server's wish makes a poll later, and never earlier."""
    assert next_poll(HOURLY, now=NOW, errors=0, chance=0.5, retry_after_s=asked_s) == NOW + wait_s * 1000


def test_retry_after_holds_for_cron_lines() -> None:
    """A line that comes due before is not obeyed."""
    minutely = replace(HOURLY, cron="* * * * *")
    assert next_poll(minutely, now=NOW, errors=0, chance=0.5, retry_after_s=3600) == NOW + 3_600_000


def test_a_cron_line_goes_before_the_interval_until_polls_fail() -> None:
    """After failures the interval's backoff decides, as a line may come due but once a year."""
    yearly = replace(HOURLY, cron="0 0 1 1 *")
    assert next_poll(yearly, now=millis("2026-11-23T00:00:00Z"), errors=0, chance=0.5) == millis("2027-01-01T00:00:00Z")
    assert next_poll(yearly, now=NOW, errors=1, chance=0.5) == NOW + 7_200_000


def test_a_line_is_not_due_again_at_the_instant_it_is_due() -> None:
    """Polled on the dot, a feed waits for the next time; a millisecond before, it does not."""
    timing, dot = Timing(every_s=60, cron="0 * * * *"), millis("2026-11-23T05:00:00Z")
    assert next_poll(timing, now=dot, errors=0, chance=0.5) == dot + 3_600_000
    assert next_poll(timing, now=Millis(dot - 1), errors=0, chance=0.5) == dot


def test_a_line_that_never_comes_is_asked_again_in_a_day() -> None:
    """Settings refuse such a line; should one come through, the feed is not lost."""
    never = Timing(every_s=60, cron="0 0 30 2 *")
    assert next_poll(never, now=NOW, errors=0, chance=0.5) == NOW + 86_400_000


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
    due = next_poll(Timing(every_s=60, cron=cron, timezone=zone), now=now, errors=0, chance=0.0)
    assert due > now
    assert due % 60_000 == 0
    assert datetime.fromtimestamp(due / 1000, UTC).year < 2033
