"""Times and durations in words."""

from __future__ import annotations

import pytest

from worker.model import Millis
from worker.words import ago, span


@pytest.mark.parametrize(
    ("millis", "said"),
    [(0, "0 s"), (500, "500 ms"), (1_900, "1 s"), (119_000, "119 s"), (120_000, "2 min"), (172_800_000, "2 d")],
)
def test_a_duration_is_told_in_the_largest_unit_that_suits(millis: int, said: str) -> None:
    """A delay below a second is no 0 s."""
    assert span(millis) == said


def test_what_is_less_than_a_second_away_is_now() -> None:
    """Past or to come."""
    assert [ago(Millis(at), Millis(5_000)) for at in (4_001, 5_999)] == ["now", "now"]
    assert [ago(Millis(at), Millis(5_000)) for at in (4_000, 6_000)] == ["1 s ago", "in 1 s"]
