"""How many entries came and went between two polls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import Millis
from worker.schedule import History, coverage, missed

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = Millis(1_795_406_706_000)  # 2026-11-23T04:05:06Z


def ago(*minutes: float) -> list[Millis | None]:
    return [Millis(round(NOW - each * MINUTE)) for each in minutes]


HOURLY = History.begun(NOW, [Millis(NOW - hours * HOUR) for hours in range(3, 200)])
DAILY = History.begun(NOW, [Millis(NOW - days * DAY) for days in range(1, 40)])

GAPS = {
    "ten entries of the last ten hours, after a day": (ago(*range(30, 630, 60)), 10, 24 * 60, HOURLY, 13.5, 2),
    "ten of five hours: it has become faster, and the hours before were likely as fast": (
        ago(*range(30, 330, 30)),
        10,
        10 * 60,
        HOURLY,
        10.0,
        1.5,
    ),
    "none is dated: as many as at its pace, less those that are shown": ([None] * 10, 10, 24 * 60, HOURLY, 14.0, 2),
    "one entry of an hourly feed that shows one, after a day": (ago(10), 1, 24 * 60, HOURLY, 23.8, 3),
}
NONE = {
    "one is known": (ago(*range(30, 570, 60)), 10, 24 * 60, HOURLY),
    "nothing is new": ([], 10, 24 * 60, HOURLY),
    "an empty document": ([], 0, 24 * 60, HOURLY),
    "one entry of a daily feed that shows one, after an hour": (ago(10), 1, 60, DAILY),
    "older than the poll before: other names for what was seen": (ago(*range(30, 3030, 300)), 10, 60, HOURLY),
    "one of them is older: published late, it was not hidden": (ago(10, 20, 90), 3, 60, HOURLY),
    "none is dated, and it publishes less than it shows": ([None] * 10, 10, 5 * 60, HOURLY),
    "nothing is known of it, and none is dated": ([None] * 10, 10, 24 * 60, None),
}


@pytest.mark.parametrize(("published", "total", "elapsed_min", "history", "about", "give"), GAPS.values(), ids=GAPS)
def test_a_gap_is_as_wide_as_the_pace_makes_it(
    published: list[Millis | None], total: int, elapsed_min: float, history: History, about: float, give: float
) -> None:
    """From the poll before to the oldest entry that is shown, at the pace of the feed or of what is shown."""
    found = missed(
        previous=Millis(round(NOW - elapsed_min * MINUTE)), now=NOW, published=published, total=total, history=history
    )
    assert found == pytest.approx(about, abs=give)


@pytest.mark.parametrize(("published", "total", "elapsed_min", "history"), NONE.values(), ids=NONE)
def test_where_nothing_is_likely_to_be_missed_there_is_no_gap(
    published: list[Millis | None], total: int, elapsed_min: float, history: History | None
) -> None:
    """An alarm that is mostly false is read by nobody."""
    previous = Millis(round(NOW - elapsed_min * MINUTE))
    assert missed(previous=previous, now=NOW, published=published, total=total, history=history) is None


@given(
    st.lists(st.none() | st.integers(-(10**13), 10**14).map(Millis), max_size=20),
    st.integers(0, 40),
    st.integers(1, 10**11),
)
def test_whatever_a_document_says_the_estimate_is_a_number(
    published: list[Millis | None], total: int, elapsed_ms: int
) -> None:
    """Dates are a stranger's word."""
    previous = Millis(NOW - elapsed_ms)
    found = missed(previous=previous, now=NOW, published=published, total=total, history=DAILY)
    assert found is None or 0.5 <= found <= elapsed_ms * 21 / HOUR + 40


@pytest.mark.parametrize(("seen", "gone_by", "part"), [(0, 0.0, 1.0), (90, 10.0, 0.9), (0, 3.0, 0.0)])
def test_the_part_that_was_seen(seen: int, gone_by: float, part: float) -> None:
    """All of it where no gap is known."""
    assert coverage(seen, gone_by) == part
