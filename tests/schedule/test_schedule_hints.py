"""What a site says of when to come again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import DAY_MS, HOUR_MS, Freshness, Hints, Millis
from worker.schedule.hints import longest, unskipped
from worker.schedule.history import weekday

HOUR = Freshness(seconds=3600, reason="max-age=3600")

LONGEST = {
    "none": (Hints(), (0.0, "")),
    "freshness": (Hints(fresh=HOUR, ttl_s=60), (3600, "max-age=3600")),
    "ttl": (Hints(fresh=HOUR, ttl_s=7200), (7200, "the feed's ttl is 2h")),
    "update period": (
        Hints(fresh=HOUR, ttl_s=7200, update_s=86_400),
        (86_400, "the feed says that it is updated every 1d"),
    ),
    "for ever": (Hints(ttl_s=float("inf")), (31_536_000, "the feed's ttl is 365d")),
    "what is no time": (Hints(ttl_s=-5, update_s=0), (0.0, "")),
}


@pytest.mark.parametrize(("hints", "bound"), LONGEST.values(), ids=LONGEST.keys())
def test_the_longest_interval_that_is_asked_for_counts(hints: Hints, bound: tuple[float, str]) -> None:
    """With its reason."""
    assert longest(hints) == bound


def at(text: str) -> Millis:
    return Millis(round(datetime.fromisoformat(f"2026-11-{text}Z").timestamp() * 1000))


NIGHT = frozenset(range(7))
SKIPS = {
    "an hour that is not skipped": ("23T07:10", NIGHT, (), "23T07:10", ""),
    "the night": ("23T02:30", NIGHT, (), "23T07:00", "skipHours"),
    "across midnight": ("23T22:30", {22, 23, 0}, (), "24T01:00", "skipHours"),
    "the weekend": ("21T12:30", (), {5, 6}, "23T00:00", "skipDays"),
    "the weekend and the night after it": ("21T12:30", NIGHT, {5, 6}, "23T07:00", "skipHours"),
    "every hour": ("23T02:30", set(range(24)), (), "30T02:30", "skipHours"),
    "every day": ("23T02:30", (), set(range(7)), "30T02:30", "skipDays"),
}


@pytest.mark.parametrize(("due", "hours", "days", "later", "reason"), SKIPS.values(), ids=SKIPS.keys())
def test_hours_and_days_are_skipped(due: str, hours: set[int], days: set[int], later: str, reason: str) -> None:
    """To the first full hour that is in none of them, or to the end of the time given."""
    hints = Hints(skip_hours=frozenset(hours), skip_days=frozenset(days))
    assert unskipped(hints, at(due), within_ms=7 * DAY_MS) == (at(later), reason)


@given(
    st.integers(0, 4_000_000_000_000).map(Millis),
    st.frozensets(st.integers(0, 23)),
    st.frozensets(st.integers(0, 6)),
    st.floats(0, 30 * DAY_MS),
)
def test_what_is_found_is_not_skipped_or_it_is_the_end(
    due: Millis, hours: frozenset[int], days: frozenset[int], within: float
) -> None:
    """Never before it was due."""
    found, reason = unskipped(Hints(skip_hours=hours, skip_days=days), due, within_ms=within)
    assert due <= found <= round(due + within)
    assert bool(reason) or found == due
    if found < round(due + within):
        assert weekday(found) not in days
        assert found // HOUR_MS % 24 not in hours
        assert datetime.fromtimestamp(found / 1000, UTC).weekday() not in days
