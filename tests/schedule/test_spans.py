"""Durations in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.schedule.durations import span

SPANS = {0.25: "0.25s", 1: "1s", 59: "59s", 60: "1m", 90: "1.5m", 100: "100s", 900: "15m", 3600: "1h", 5400: "1.5h"}
SPANS |= {3661: "61m", 7200: "2h", 86_400: "1d", 90_000: "25h", 604_800: "7d", 100_000: "1667m", 0: "0s"}


@pytest.mark.parametrize(("seconds", "said"), SPANS.items(), ids=SPANS.values())
def test_a_duration_is_said_as_the_configuration_writes_it(seconds: float, said: str) -> None:
    """In the largest unit that fits."""
    assert span(seconds) == said


@given(st.floats(0, 1e9))
def test_a_duration_is_said_to_the_hundredth(seconds: float) -> None:
    """Nothing that would mislead is rounded away."""
    size = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[span(seconds)[-1]]
    assert float(span(seconds)[:-1]) * size == pytest.approx(seconds, rel=0.05, abs=1)
