"""How much was done in the last hours, and figures that are not read too often."""

from __future__ import annotations

import time

import pytest

from tests.store.samples import DAY, HOUR, MINUTE, START
from tests.web.conftest import NOW, Desk
from worker.model import Millis
from worker.telemetry.meters import Histogram, Meters
from worker.web.activity import BUCKETS, Activity, Bucket, series


def test_work_goes_into_the_five_minutes_in_which_it_was_done() -> None:
    """Empty ones stand between."""
    meters = Meters()
    activity = Activity(meters)
    activity.sample(START)
    meters.polls["read"] += 2
    meters.polls["dns"] += 1
    activity.sample(Millis(START + 10 * MINUTE))
    meters.records += 7
    activity.sample(Millis(START + 11 * MINUTE))
    assert [(one.polls, one.failed, one.records) for one in activity.buckets()] == [(0, 0, 0), (0, 0, 0), (3, 1, 7)]
    assert activity.last_hour().polls == 3


@pytest.mark.parametrize("jump_ms", [30 * DAY, -30 * DAY])
def test_a_clock_that_jumps_does_not_make_a_month_of_buckets(jump_ms: int) -> None:
    """A day is kept, and time goes on from there."""
    meters = Meters()
    activity = Activity(meters)
    activity.sample(START)
    meters.records += 1
    activity.sample(Millis(START + jump_ms))
    assert len(activity.buckets()) <= BUCKETS
    assert sum(one.records for one in activity.buckets()) == 1


def test_what_is_done_after_a_clock_was_set_back_stands_at_its_end() -> None:
    """Not in the bucket of the hour that the clock came from, for as long as it takes to get there again."""
    meters = Meters()
    activity = Activity(meters)
    activity.sample(Millis(START + 30 * DAY))
    for minutes in (0, 60, 120):
        meters.polls["read"] += 1
        activity.sample(Millis(START + minutes * MINUTE))
    assert activity.buckets()[-1].at // HOUR == (START + 2 * HOUR) // HOUR
    assert activity.last_hour().polls == 1


def test_bars_are_as_high_as_what_they_tell() -> None:
    """The last at the right end; what failed stands in the bar of the whole."""
    now = Millis(START - START % (5 * MINUTE))
    drawn = series(
        [Bucket(at=Millis(now - DAY)), Bucket(at=Millis(now - HOUR), polls=2), Bucket(at=now, polls=4, failed=1)],
        now,
        lambda one: (one.polls, one.failed),
    )
    assert drawn.top == 4
    assert [(bar.x, bar.height, bar.bad) for bar in drawn.bars] == [
        (1100, 31.0, False),
        (1148, 46.5, False),
        (1148, 15.5, True),
    ]


async def test_figures_are_not_read_again_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a second to read is read once in twenty."""
    figures = desk.sources.figures
    first = await figures.overview(NOW)
    assert await figures.overview(NOW) is first
    later = time.monotonic() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert await figures.overview(NOW) is not first


def test_a_histogram_knows_its_quantiles() -> None:
    """By the bounds of its classes."""
    histogram = Histogram((1, 10, 100))
    assert histogram.quantile(0.5) is None
    for value in (0.5, 5, 5, 1000):
        histogram.add(value)
    assert (histogram.quantile(0.25), histogram.quantile(0.5), histogram.quantile(1)) == (1, 10, None)
    assert (histogram.counts, histogram.count, histogram.sum) == ([1, 2, 0, 1], 4, 1010.5)
