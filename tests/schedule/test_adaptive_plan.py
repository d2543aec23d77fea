"""When a feed is polled again, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import DAY_MS, HOUR_MS, NO_HINTS, FailureClass, Freshness, Hints, Millis
from worker.schedule import History, Next, Pace, Polled, Seen, Setbacks, phase_of, plan
from worker.schedule.failures import NO_SETBACKS

NOW = Millis(20_005 * DAY_MS + 9 * HOUR_MS)
"""A Wednesday of 2024, 09:00 UTC."""
EXACT = Pace(jitter=0.0)
HOURLY = History.begun(NOW, [Millis(round(NOW - number * 0.98 * HOUR_MS)) for number in range(1500)])
"""With an entry an hour, all days and nights."""
SILENT = History.begun(Millis(NOW - 400 * DAY_MS), [])
MINUTE_MS = 60_000


def planned(
    pace: Pace = EXACT,
    *,
    now: Millis = NOW,
    phase: float = 0.0,
    chance: float = 0.5,
    due_at: Millis | None = NOW,
    history: History | None = HOURLY,
    seen: Seen | None = None,
    hints: Hints = NO_HINTS,
    setbacks: Setbacks = NO_SETBACKS,
    retry_after_s: float | None = None,
    patience_s: float | None = None,
) -> Next:
    polled = Polled(
        now=now,
        phase=phase,
        chance=chance,
        due_at=due_at,
        history=history,
        seen=seen,
        hints=hints,
        setbacks=setbacks,
        retry_after_s=retry_after_s,
        patience_s=patience_s,
    )
    return plan(pace, polled)


def minutes(due: Next) -> float:
    return (due.due_at - NOW) / MINUTE_MS


def failed(*failures: FailureClass) -> Setbacks:
    setbacks = Setbacks()
    for failure in failures:
        setbacks = setbacks.then(failure)
    return setbacks


def clock(due: Next) -> str:
    return datetime.fromtimestamp(due.due_at / 1000, UTC).strftime("%a %H:%M")


# --- what the operator asks for -------------------------------------------------------------------------------------

EVERYTHING = Hints(
    fresh=Freshness(seconds=80_000, reason="max-age=80000"), ttl_s=80_000, skip_hours=frozenset(range(24))
)


def test_an_interval_of_the_operators_is_kept() -> None:
    """Neither what the feed does nor what its site hints at moves it."""
    seen = Seen(new=10, total=10, elapsed_s=60)
    due = planned(replace(EXACT, every_s=900), hints=EVERYTHING, seen=seen, history=SILENT)
    assert minutes(due) == 15
    assert due.reason == "every 15m, as configured"


def test_a_cron_line_of_the_operators_is_kept() -> None:
    """In its own time zone, whatever the hints."""
    pace = replace(EXACT, cron="30 6-20 * * mon-fri", timezone="America/New_York")
    due = planned(pace, hints=EVERYTHING, chance=0.99, phase=0.99)
    assert clock(due) == "Wed 10:30"
    assert due.reason == "cron 30 6-20 * * mon-fri, as configured"


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.999])
def test_an_interval_keeps_its_phase_whenever_the_feed_was_polled(phase: float) -> None:
    """After a standstill each feed is back at its own instants with the next poll, half an interval later at least."""
    pace = replace(EXACT, every_s=3600)
    for late_ms in range(0, 3 * HOUR_MS, 7 * MINUTE_MS):
        now = Millis(NOW + late_ms)
        due = plan(pace, Polled(now=now, phase=phase, chance=0.5, due_at=NOW)).due_at
        assert (due - phase * HOUR_MS) % HOUR_MS < 2
        assert HOUR_MS / 2 - 1 <= due - now <= HOUR_MS * 1.5 + 1


def test_an_interval_is_no_longer_than_it_says_when_polls_are_on_time() -> None:
    """Some seconds of delay at each poll do not add up."""
    pace, now = replace(EXACT, every_s=900), NOW
    for _ in range(96):
        now = Millis(plan(pace, Polled(now=Millis(now + 5000), phase=0.0, chance=0.5, due_at=now)).due_at)
    assert now == NOW + DAY_MS


# --- found out ------------------------------------------------------------------------------------------------------


def test_a_feed_that_nothing_is_known_of_is_polled_at_the_first_interval() -> None:
    """Until there are three entries, or two days have passed."""
    for history in (None, History.begun(NOW, []), History.begun(NOW, [NOW, Millis(NOW - 1)])):
        due = planned(history=history)
        assert minutes(due) == 60
        assert due.reason == "every 1h until more is known of it"


def test_a_feed_with_an_entry_an_hour_is_polled_each_hour_or_so() -> None:
    """At the default price: half an hour of one entry."""
    due = planned()
    assert minutes(due) == pytest.approx(54.5, rel=0.1)
    assert due.reason == "about 24 entries a day"


def test_a_feed_that_has_died_is_polled_at_the_longest_interval() -> None:
    """And not given up."""
    due = planned(history=SILENT)
    assert minutes(due) == 24 * 60
    assert due.reason == "hardly an entry a month"


def test_a_higher_price_makes_fewer_requests() -> None:
    """Eight times the price, four times the interval, within the bounds."""
    assert minutes(planned(replace(EXACT, price_s=14_400))) == pytest.approx(218, rel=0.1)
    assert minutes(planned(replace(EXACT, price_s=1))) == 5
    assert minutes(planned(replace(EXACT, price_s=4, min_s=60))) == pytest.approx(0.93 + 0.07, rel=0.1)
    assert minutes(planned(replace(EXACT, price_s=1e9))) == 24 * 60


OVERLAP = {
    "all new": (Seen(new=30, total=30, elapsed_s=3600), 30, "30 of 30 entries were new: some may have been missed"),
    "most new": (Seen(new=24, total=30, elapsed_s=3600), 37.5, "24 of 30 entries were new"),
    "half new": (Seen(new=15, total=30, elapsed_s=3600), 60, "about 24 entries a day"),
    "all new in a long time": (Seen(new=30, total=30, elapsed_s=36_000), 60, "about 24 entries a day"),
    "all new in no time": (
        Seen(new=30, total=30, elapsed_s=0),
        5,
        "30 of 30 entries were new: some may have been missed",
    ),
    "an empty document": (Seen(new=0, total=0, elapsed_s=3600), 60, "about 24 entries a day"),
}


@pytest.mark.parametrize(("seen", "wait_min", "reason"), OVERLAP.values(), ids=OVERLAP.keys())
def test_half_of_a_document_should_have_been_known(seen: Seen, wait_min: float, reason: str) -> None:
    """Where it was less, the next poll comes so soon that it will be, at the pace since the last."""
    due = planned(seen=seen)
    assert minutes(due) == pytest.approx(wait_min, rel=0.1)
    assert due.reason == reason


# --- hints ----------------------------------------------------------------------------------------------------------

HINTS = {
    "fresh for longer": (Hints(fresh=Freshness(seconds=7200, reason="max-age=7200")), 120, "max-age=7200"),
    "fresh for less": (Hints(fresh=Freshness(seconds=60, reason="max-age=60")), 60, "about 24 entries a day"),
    "ttl": (Hints(ttl_s=10_800), 180, "the feed's ttl is 3h"),
    "for a year": (Hints(fresh=Freshness(seconds=3e7, reason="max-age=30000000")), 1440, "max-age=30000000"),
    "skipHours": (Hints(skip_hours=frozenset({9, 10, 11, 12})), 240, "skipHours"),
    "skipHours after a ttl": (Hints(ttl_s=10_800, skip_hours=frozenset({12, 13})), 300, "skipHours"),
    "skipDays, up to the longest interval": (Hints(skip_days=frozenset({2, 3, 4})), 1440, "skipDays"),
    "not at these hours": (Hints(skip_hours=frozenset({1, 2, 3})), 60, "about 24 entries a day"),
}


@pytest.mark.parametrize(("hints", "wait_min", "reason"), HINTS.values(), ids=HINTS.keys())
def test_hints_bound_the_next_poll_from_below(hints: Hints, wait_min: float, reason: str) -> None:
    """Up to the longest interval, and the one that decides is the reason."""
    due = planned(hints=hints)
    assert minutes(due) == pytest.approx(wait_min, rel=0.1)
    assert due.reason == reason


def test_feeds_that_skip_the_same_hours_do_not_come_at_the_stroke_of_the_next() -> None:
    """They come in its course, each at its own time."""
    hints = Hints(skip_hours=frozenset(range(9, 13)))
    assert [clock(planned(hints=hints, phase=phase)) for phase in (0, 0.25, 0.5)] == [
        "Wed 13:00",
        "Wed 13:15",
        "Wed 13:30",
    ]


def test_a_feed_that_need_not_wait_long_for_the_end_of_skipped_hours_comes_soon_after_it() -> None:
    """No later than twice the time until then."""
    soon, at = Seen(new=30, total=30, elapsed_s=0), Millis(NOW + 50 * MINUTE_MS)
    due = planned(now=at, due_at=at, phase=0.5, seen=soon, hints=Hints(skip_hours=frozenset({9})))
    assert clock(due) == "Wed 10:05"


# --- failures -------------------------------------------------------------------------------------------------------

BACKOFF: dict[str, tuple[tuple[FailureClass, ...], float]] = {
    "the server, once": (("server",), 120),
    "three times": (("server",) * 3, 480),
    "gone": (("permanent",), 240),
    "DNS twice": (("dns", "dns"), 120),
    "no feed": (("parse",), 120),
    "no connection": (("network",), 120),
    "very often": (("server",) * 2000, 1440),
}


@pytest.mark.parametrize(("failures", "wait_min"), BACKOFF.values(), ids=BACKOFF.keys())
def test_failures_back_off_by_their_weight(failures: tuple[FailureClass, ...], wait_min: float) -> None:
    """From the interval that the feed would have, to a day."""
    assert minutes(planned(replace(EXACT, every_s=3600), setbacks=failed(*failures))) == wait_min
    assert minutes(planned(setbacks=failed(*failures))) == pytest.approx(wait_min, rel=0.1)


def test_failures_are_the_reason() -> None:
    """With their number and their class."""
    reason = planned(setbacks=failed("dns", "server", "server")).reason
    assert reason == "third failure in a row (server), tried again less often"


def test_an_interval_longer_than_the_longest_is_not_shortened_by_failures() -> None:
    """A feed that is polled each week is not polled each day because it fails."""
    weekly = replace(EXACT, every_s=604_800)
    assert planned(weekly, setbacks=failed("server")).due_at == planned(weekly).due_at


def test_after_a_failure_a_cron_line_counts_as_the_first_interval_at_most() -> None:
    """A line may come but once a year; one that comes each minute backs off from a minute."""
    assert minutes(planned(replace(EXACT, cron="0 0 1 1 *"), setbacks=failed("server"))) == 120
    assert minutes(planned(replace(EXACT, cron="* * * * *"), setbacks=failed("server"))) == 2


def test_throttling_is_no_failure() -> None:
    """It waits for what the server asked for, and that is all; one that did not say how long is not said to have."""
    every_five = replace(EXACT, every_s=300)
    due = planned(setbacks=failed("throttled"), retry_after_s=7200)
    assert minutes(due) == 120
    assert due.reason == "Retry-After: 2h"
    due = planned(every_five, setbacks=failed("throttled"), patience_s=600)
    assert (minutes(due), due.reason) == (10, "refused, without Retry-After: 10m")
    assert planned(every_five, retry_after_s=689.6692).reason == "Retry-After: 11.5m"


PACES = {
    "found out": EXACT,
    "an interval": replace(EXACT, every_s=60),
    "a cron line": replace(EXACT, cron="* * * * *"),
}


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES.keys())
@pytest.mark.parametrize("setbacks", [Setbacks(), failed("server")], ids=["working", "failing"])
def test_retry_after_holds_for_all(pace: Pace, setbacks: Setbacks) -> None:
    """Longer than the longest interval, too."""
    due = planned(pace, retry_after_s=200_000, setbacks=setbacks)
    assert due.due_at == NOW + 200_000_000
    assert planned(pace, retry_after_s=1, setbacks=setbacks) == planned(pace, setbacks=setbacks)


# --- spreading ------------------------------------------------------------------------------------------------------


def crowd(dues: list[Millis]) -> int:
    """The most that come within a minute."""
    return max(Counter(due // MINUTE_MS for due in dues).values())


PHASES = [phase_of(f"feed-{number}") for number in range(10_000)]

CROWDS = {
    # 10,000 feeds over an hour are 167 a minute; over half an hour, to which a first wait is shortened, 333.
    "every hour": (replace(EXACT, every_s=3600), SILENT, None, 250),
    "new ones": (EXACT, None, None, 450),
    "of one pace": (EXACT, HOURLY, None, 450),
    "dead ones": (EXACT, SILENT, None, 40),
    "after a standstill of a week": (EXACT, HOURLY, Millis(NOW - 7 * DAY_MS), 450),
    "after one of half an hour": (EXACT, HOURLY, Millis(NOW - 30 * MINUTE_MS), 900),
}


@pytest.mark.parametrize(("pace", "history", "due_at", "most"), CROWDS.values(), ids=CROWDS.keys())
def test_feeds_that_were_polled_together_part(
    pace: Pace, history: History | None, due_at: Millis | None, most: int
) -> None:
    """10,000 at the same instant are spread over their interval by the next poll, without any chance."""
    dues = [planned(pace, phase=phase, history=history, due_at=due_at).due_at for phase in PHASES]
    assert crowd(dues) < most


def test_a_poll_that_is_on_time_is_not_moved_by_its_phase() -> None:
    """Spreading is for those that come together; a second late is nothing."""
    punctual = planned(phase=0.9, due_at=Millis(NOW - 1000))
    assert minutes(punctual) == pytest.approx(minutes(planned(phase=0.0)), rel=0.001)


def test_a_feed_that_is_polled_by_hand_before_it_is_due_waits_its_interval() -> None:
    """Early is not late."""
    assert planned(phase=0.9, due_at=Millis(NOW + HOUR_MS)) == planned(phase=0.0)


def test_a_phase_is_stable_and_even() -> None:
    """It is the same in every process, on every machine."""
    assert phase_of("example") == 0.6798859541670375
    assert all(900 < count < 1100 for count in Counter(int(phase * 10) for phase in PHASES).values())
    assert 0 <= min(PHASES) <= max(PHASES) < 1


# --- whatever happens -----------------------------------------------------------------------------------------------

CRONS = ["* * * * *", "*/20 6-22 * * mon-fri", "30 2 * * *", "0 0 29 2 *"]
PLANNED_PACES = st.builds(
    Pace,
    every_s=st.none() | st.floats(0.01, 1e7),
    cron=st.none() | st.sampled_from(CRONS),
    timezone=st.sampled_from(["UTC", "Europe/Berlin"]),
    min_s=st.floats(0.01, 1e4),
    max_s=st.floats(1e4, 1e7),
    first_s=st.floats(0.01, 1e6),
    jitter=st.floats(0, 1),
    price_s=st.floats(1e-3, 1e6),
)
INSTANTS = st.integers(0, 4_000_000_000_000).map(Millis)
HISTORIES = st.none() | st.builds(
    lambda now, dates: History.begun(now, dates), INSTANTS, st.lists(INSTANTS, max_size=20)
)
SEEN = st.none() | st.builds(Seen, new=st.integers(0, 1000), total=st.integers(0, 1000), elapsed_s=st.floats(-1e6, 1e9))
BOUNDS = st.none() | st.floats(allow_nan=True, allow_infinity=True)
HINTED = st.builds(
    Hints,
    fresh=st.none() | st.builds(Freshness, seconds=st.floats(1e-3, 1e8), reason=st.just("max-age")),
    ttl_s=BOUNDS,
    update_s=BOUNDS,
    skip_hours=st.frozensets(st.integers(0, 23)),
    skip_days=st.frozensets(st.integers(0, 6)),
)
FAILURES = st.lists(st.sampled_from(["permanent", "server", "throttled", "network", "dns", "parse"]), max_size=12)
UNIT = st.floats(0, 1, exclude_max=True)


@given(
    pace=PLANNED_PACES,
    now=INSTANTS,
    phase=UNIT,
    chance=UNIT,
    due_at=st.none() | INSTANTS,
    history=HISTORIES,
    seen=SEEN,
    hints=HINTED,
    failures=FAILURES,
    retry_after_s=st.none() | st.floats(0, 604_800),
)
def test_a_poll_lies_within_its_bounds(
    pace: Pace,
    now: Millis,
    phase: float,
    chance: float,
    due_at: Millis | None,
    history: History | None,
    seen: Seen | None,
    hints: Hints,
    failures: list[FailureClass],
    retry_after_s: float | None,
) -> None:
    """In the future; between the least and the longest interval; after what the site asks for; with a reason."""

    def due(setbacks: Setbacks = NO_SETBACKS, asked_s: float | None = None) -> Millis:
        found = planned(
            pace,
            now=now,
            phase=phase,
            chance=chance,
            due_at=due_at,
            history=history,
            seen=seen,
            hints=hints,
            setbacks=setbacks,
            retry_after_s=asked_s,
        )
        assert isinstance(found.due_at, int)
        assert found.due_at > now
        assert found.reason.isprintable()
        assert 0 < len(found.reason) < 120
        return found.due_at

    ordinary = due()
    if pace.cron is None and pace.every_s is None:
        assert min(pace.min_s, pace.first_s) * 1000 <= ordinary - now <= pace.max_s * 1000 + 1
        if hints.fresh is not None:
            assert ordinary - now >= min(hints.fresh.seconds, pace.max_s) * 1000 - 1
    longest = max(ordinary - now, pace.max_s * 1000)
    setbacks, before = Setbacks(), ordinary if pace.cron is None else now
    for failure in failures:
        setbacks = setbacks.then(failure)
        if setbacks.weight:
            assert before <= due(setbacks) <= now + longest + 1
            before = due(setbacks)
    if retry_after_s is not None:
        assert due(setbacks, retry_after_s) >= now + retry_after_s * 1000
