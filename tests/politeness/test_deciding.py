"""What decides where a request goes and when, against other readings of the same texts.

Bounds and refusals are in the rooms' own tests (tests/schedule, tests/fetch, tests/test_urls.py).
"""

from __future__ import annotations

import copy
import math
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from worker import urls
from worker.fetch.request import Asking, bare
from worker.fetch.retry_after import LONGEST_S, retry_after_s
from worker.model import Feed, FeedId, Freshness, Hints, Millis, Validators
from worker.pipeline.gets import headers_for
from worker.schedule import History, Next, Pace, Polled, Seen, freshness, plan
from worker.schedule.cron import next_fire
from worker.settings.values import CronLine

# --- where ----------------------------------------------------------------------------------------------------------

HOSTS = st.sampled_from(
    [
        "a.example",
        "A.EXAMPLE.",
        "b.example",
        "ü.example",
        "[::1]",
        "127.0.0.1",
        "0x7f.1",
        "a.example:80",
        "a.example:81",
    ]
)
SCHEMES = st.sampled_from(["http:", "https:", "HTTP:", "", "ftp:", "http:/", "javascript:"])
NOISE = st.text(alphabet="/\\?#@:[]%.\t\n\r \x00ab;&=~^|<>\"'`{}é。\u200b", max_size=6)
LOCATIONS = st.builds(
    lambda scheme, slashes, user, host, tail: f"{scheme}{slashes}{user}{host}{tail}",
    SCHEMES,
    st.sampled_from(["//", "/", "", "\\\\", "///", "/\\"]),
    st.just("") | NOISE | NOISE.map(lambda noise: f"{noise}@"),
    HOSTS,
    NOISE,
) | st.text(max_size=40)
BASES = st.sampled_from(
    ["http://a.example/feeds/all.xml", "https://a.example:8443/?a=b", "http://u:hunter2@b.example/x"]
)
SECRET = {"Authorization": "Bearer hunter2"}


@settings(max_examples=400)
@given(LOCATIONS, BASES)
def test_a_location_goes_where_it_was_checked_to_go(location: str, base: str) -> None:
    """Host and port that the decision is made by are those that httpx reads from what it is given to ask; a secret is
    in the request only if they are those of the origin."""
    found = urls.absolute(location, base)
    if found is None:
        return
    found = bare(found)  # as the client hands it on
    feed = Feed(id=FeedId("f"), url=urls.without_credentials(base), headers=SECRET)
    headers = headers_for(feed, found)
    asking = Asking.of(found, user_agent="feedmill/1", accept="*/*", headers=headers, validators=Validators())
    try:
        request = httpx.Request("GET", asking.url, headers=asking.headers())
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return  # a failure of the fetch, in the client
    asked = request.url
    scheme, host, port = urls.origin_of(found)
    assert asked.scheme == scheme
    assert asked.raw_host.decode().strip("[]").lower() == host
    assert (asked.port or {"http": 80, "https": 443}[scheme]) == port
    assert "@" not in asked.netloc.decode()
    assert (request.headers.get("authorization") is not None) == (urls.origin_of(found) == urls.origin_of(base))


# --- when, as a site says it ----------------------------------------------------------------------------------------

SECONDS = st.integers(0, 4_000_000_000)


def http_dates(moment: datetime) -> list[str]:
    """The three forms of RFC 9110 section 5.6.7. The years of the second have two digits, which are read as 1969 to
    2068."""
    forms = [moment.strftime("%a, %d %b %Y %H:%M:%S GMT"), moment.strftime("%a %b %e %H:%M:%S %Y")]
    if 1969 <= moment.year <= 2068:
        forms.append(moment.strftime("%A, %d-%b-%y %H:%M:%S GMT"))
    return forms


@given(SECONDS, st.integers(-100_000, 1_000_000))
def test_every_form_of_a_date_is_the_same_instant(at_s: int, ahead_s: int) -> None:
    """To Retry-After and to Expires."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at_s)
    for text in http_dates(moment):
        assert retry_after_s(text, now_s=at_s - ahead_s) == min(max(ahead_s, 0), LONGEST_S)
        fresh = freshness(cache_control=(), age=None, expires=text, date=None, now_s=at_s - ahead_s)
        assert (fresh.seconds if fresh else 0) == max(ahead_s, 0)


# --- when, as the operator says it ----------------------------------------------------------------------------------

CRON: TypeAdapter[str] = TypeAdapter(CronLine)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def cron_fields(low: int, high: int) -> st.SearchStrategy[str]:
    """Without steps that are wider than their range, which are refused (APScheduler's rule)."""

    def span(first: int, last: int, step: int) -> str:
        return f"{first}-{last}" + (f"/{1 + step % (last - first)}" if step and last > first else "")

    ends = st.integers(low, high)
    spans = st.builds(lambda one, other, step: span(min(one, other), max(one, other), step), ends, ends, ends)
    return st.lists(ends.map(str) | spans, min_size=1, max_size=3).map(",".join)


def cron_lines(*restricted: bool) -> st.SearchStrategy[str]:
    """Lines whose other fields are stars; the minute is always restricted."""
    stars = (st.just("*"), st.just("*"), st.just("*"), st.just("*"))
    fields = [
        cron_fields(*bounds) | star if wanted else star
        for bounds, star, wanted in zip(RANGES[1:], stars, restricted, strict=True)
    ]
    return st.tuples(cron_fields(0, 59) | st.integers(1, 59).map("*/{}".format), *fields).map(" ".join)


LINES = cron_lines(True, True, True, False) | cron_lines(True, False, True, True)


def numbers(field: str, low: int, high: int) -> set[int]:
    """What a field of crontab(5) names."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = f"{low}-{high}".partition("-") if span == "*" else span.partition("-")
        found |= set(range(int(first), int(last or (high if step else first)) + 1, int(step or 1)))
    return found


def fires(line: str, after: datetime, days: int) -> datetime | None:
    """The next minute after `after` that crontab(5) names, by going through the days."""
    fields = line.split()
    minutes, hours, dates, months = (numbers(fields[n], *RANGES[n]) for n in range(4))
    weekdays = {number % 7 for number in numbers(fields[4], 0, 6 if fields[4].startswith("*") else 7)}
    either = not any(field.startswith("*") for field in (fields[2], fields[4]))
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight + timedelta(days=n) for n in range(days)):
        named = day.day in dates, day.isoweekday() % 7 in weekdays
        if day.month in months and (any(named) if either else all(named)):
            times = (day.replace(hour=hour, minute=minute) for hour in sorted(hours) for minute in sorted(minutes))
            found = next((moment for moment in times if moment > after), None)
            if found is not None:
                return found
    return None


def assert_as_crontab_says(line: str, after: datetime) -> None:
    expected = fires(line, after, days=366 * 8 + 2)
    try:
        read = CRON.validate_python(line)
    except ValidationError:
        assert expected is None
        return
    now = Millis(round(after.timestamp() * 1000))
    assert datetime.fromtimestamp(next_fire(read, "UTC", now) / 1000, UTC) == expected


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@settings(deadline=None)
@given(LINES, MOMENTS)
def test_a_cron_line_comes_when_crontab_says(line: str, after: datetime) -> None:
    """Every way to write minutes, hours, dates, months and weekdays, from any instant on."""
    assert_as_crontab_says(line, after)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("0 0 * * 7", id="Sunday by 7"),
        pytest.param("0 0 * * 5-7", id="to Sunday by 7"),
        pytest.param("0 0 29 2 *", id="the 29th of February"),
        pytest.param("0 0 * * */2", id="each second weekday, from Sunday on"),
        pytest.param("30 4 1,15 * 5", id="dates or a weekday: crontab(5) takes either"),
    ],
)
def test_what_cron_is_known_for_is_so_here(line: str) -> None:
    """Over some weeks in which all days come up."""
    for day in range(40):
        assert_as_crontab_says(line, datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=day))


# --- the two together -----------------------------------------------------------------------------------------------

INSTANTS = st.integers(10**12, 4 * 10**12).map(Millis)
UNIT = st.floats(0, 1, exclude_max=True)
OWN_PACES = st.builds(Pace, every_s=st.floats(0.1, 1e6), jitter=st.floats(0, 1)) | st.builds(
    Pace, cron=st.sampled_from(["* * * * *", "*/20 6-22 * * mon-fri"]), timezone=st.sampled_from(["UTC", "Asia/Tokyo"])
)
PACES = OWN_PACES | st.builds(Pace, min_s=st.floats(1, 1e3), max_s=st.floats(1e3, 1e6), first_s=st.floats(1, 1e5))
HINTS = st.builds(
    Hints,
    fresh=st.builds(Freshness, seconds=st.floats(1, 1e7), reason=st.just("max-age")),
    ttl_s=st.floats(1, 1e7),
    skip_hours=st.frozensets(st.integers(0, 23)),
)
HISTORIES = st.builds(History.begun, INSTANTS, st.lists(INSTANTS, max_size=10))
SEEN = st.none() | st.builds(Seen, new=st.integers(0, 30), total=st.integers(0, 30), elapsed_s=st.floats(0, 1e6))
WAITS = st.none() | st.floats(0, LONGEST_S)


@given(PACES, INSTANTS, UNIT, UNIT, HISTORIES, SEEN, HINTS, WAITS)
def test_a_plan_follows_from_what_is_known_alone(
    pace: Pace,
    now: Millis,
    phase: float,
    chance: float,
    history: History,
    seen: Seen | None,
    hints: Hints,
    asked_s: float | None,
) -> None:
    """The same again from copies of the same, as after a restart; and with a Retry-After the later of the two."""

    def planned(pace: Pace, history: History, retry_after_s: float | None = None) -> Next:
        polled = Polled(
            now=now,
            phase=phase,
            chance=chance,
            due_at=now,
            seen=seen,
            hints=hints,
            history=history,
            retry_after_s=retry_after_s,
        )
        return plan(pace, polled)

    found = planned(pace, history=history, retry_after_s=asked_s)
    assert planned(copy.deepcopy(pace), history=copy.deepcopy(history), retry_after_s=asked_s) == found
    without = planned(pace, history=history).due_at
    assert found.due_at == max(without, now + math.ceil((asked_s or 0) * 1000))


@given(OWN_PACES, INSTANTS, UNIT, UNIT, HISTORIES, SEEN, HINTS)
def test_the_operators_own_pace_is_moved_by_nothing_that_a_site_says(
    pace: Pace, now: Millis, phase: float, chance: float, history: History, seen: Seen | None, hints: Hints
) -> None:
    """Neither by what it publishes nor by what it hints at."""
    plain = plan(pace, Polled(now=now, phase=phase, chance=chance, due_at=now))
    told = Polled(now=now, phase=phase, chance=chance, due_at=now, history=history, seen=seen, hints=hints)
    assert plan(pace, told) == plain
