"""The comparison of polling policies, small: `python -m tests.benchmarks.polling` is the whole."""

from __future__ import annotations

from math import exp

import pytest

from tests.benchmarks.policies import Fixed, MediaCloud, Miniflux
from tests.benchmarks.polling import CORPUS, RIVALS, ours, ours_with, simulate
from tests.benchmarks.publishing import DAY, HOUR, MINUTE, START, Site, generated, real

SITES = generated(56, days=7)


@pytest.mark.parametrize("rival", RIVALS)
def test_ours_is_no_worse_than_a_rival_with_as_many_requests(rival: str) -> None:
    """On mean and p95 delay from publication to poll, and on entries missed."""
    theirs = simulate(SITES, RIVALS[rival], days=7)
    _, matched = ours_with(theirs.requests, SITES, days=7)
    assert abs(matched.requests / theirs.requests - 1) < 0.02
    assert matched.mean_min <= theirs.mean_min
    assert matched.p95_min <= theirs.p95_min
    assert matched.missed <= theirs.missed


@pytest.fixture(scope="module")
def corpus() -> list[Site]:
    if not CORPUS.is_dir():
        pytest.skip("needs the corpus in ../shared/corpus/feeds")
    return real(CORPUS, days=7)


@pytest.mark.slow
@pytest.mark.parametrize("rival", ["every 60 min", "Miniflux, entry frequency", "Media Cloud, overlap"])
def test_ours_is_no_worse_on_the_histories_of_the_corpus(rival: str, corpus: list[Site]) -> None:
    """For a week of them."""
    theirs = simulate(corpus, RIVALS[rival], days=7)
    _, matched = ours_with(theirs.requests, corpus, days=7)
    assert matched.mean_min <= theirs.mean_min
    assert matched.p95_min <= theirs.p95_min
    assert matched.missed <= theirs.missed


def test_the_default_price_is_between_the_extremes() -> None:
    """As it is, ours takes less than half the requests of hourly polling, for no longer delays."""
    result, hourly = ours(SITES, days=7, price_s=1800), simulate(SITES, lambda _: Fixed(60), days=7)
    assert result.requests < hourly.requests / 2
    assert result.mean_min < hourly.mean_min * 1.1


def test_a_fixed_interval_is_late_by_half_of_it() -> None:
    """What the simulator says of the simplest case is known beforehand."""
    entries = tuple(range(START - DAY, START + 2 * DAY, 7 * MINUTE))
    result = simulate([Site(kind="", entries=entries, window=50, phase=0.5)], lambda _: Fixed(60), days=2)
    assert result.requests == 48
    assert result.mean_min == pytest.approx(30, abs=1)
    assert result.p95_min == pytest.approx(57, abs=2)
    assert result.missed == 0


def test_entries_that_left_the_window_are_missed() -> None:
    """Ten an hour, of which a feed shows the newest four."""
    entries = tuple(range(START, START + DAY, 6 * MINUTE))
    result = simulate([Site(kind="", entries=entries, window=4, phase=0.0)], lambda _: Fixed(60), days=1)
    assert result.missed == pytest.approx(6 * 23, abs=6)


MINIFLUX = {
    "an entry a day": ([DAY * day for day in range(7)], 24 * 60),
    "four a day": ([DAY * part // 4 for part in range(28)], 6 * 60),
    "one": ([0], 24 * 60),
    "none": ([], 24 * 60),
    "two at once": ([0, 0], 24 * 60),
    "each minute": ([MINUTE * minute for minute in range(500)], 5),
}


@pytest.mark.parametrize(("ages", "wait_min"), MINIFLUX.values(), ids=MINIFLUX.keys())
def test_miniflux_goes_by_the_gaps_of_the_last_week(ages: list[int], wait_min: float) -> None:
    """Between 5 minutes and a day."""
    assert Miniflux().first(START, [START - age for age in reversed(ages)]) == wait_min * MINUTE


def test_media_cloud_goes_by_the_overlap() -> None:
    """Ten minutes longer where most was known, an hour shorter where little was, as it was in between."""
    policy = MediaCloud()
    assert policy.first(START, []) == 6 * HOUR
    assert policy.poll(START, (), 0) == 6 * HOUR + 10 * MINUTE
    assert policy.poll(START, (1, 2), 10) == 6 * HOUR + 20 * MINUTE
    assert policy.poll(START, (1,) * 5, 10) == 6 * HOUR + 20 * MINUTE
    assert policy.poll(START, (1,) * 9, 10) == 6 * HOUR
    assert policy.poll(START, (1,) * 9, 10) == 5 * HOUR


def test_generated_sites_are_as_described() -> None:
    """As many of each kind, always the same, half with one entry in two days or more."""
    sites = generated(700, days=30)
    assert sites[:20] == generated(20, days=30)
    counts = {kind: sum(site.kind == kind for site in sites) for kind in ("steady", "bursty", "daily", "reviving")}
    assert set(counts.values()) == {100}
    steady = sorted(len(site.entries) / 120 for site in sites if site.kind == "steady")
    assert steady[50] == pytest.approx(0.5, rel=0.5)
    assert steady[-1] > exp(1.9) * 0.5
    assert all(list(site.entries) == sorted(site.entries) for site in sites)
