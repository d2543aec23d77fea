"""backlog.py: what of a feed's first poll is left out."""

from __future__ import annotations

import pytest

from worker.model import Backlog, Millis
from worker.rules import left_out

NOW = Millis(1_795_406_706_000)
DAY = 86_400_000


def days(*ages: int | None) -> list[Millis | None]:
    return [None if age is None else Millis(NOW - age * DAY) for age in ages]


@pytest.mark.parametrize(
    ("ages", "backlog", "kept"),
    [
        pytest.param((1, 2, 3), Backlog(), [0, 1, 2], id="no limit"),
        pytest.param((3, 1, 2), Backlog(newest=2), [1, 2], id="by date, whatever their order"),
        pytest.param((1, 1, 1), Backlog(newest=2), [0, 1], id="of one date, those that stand first"),
        pytest.param((3, None, 1), Backlog(newest=2), [0, 1], id="by order, where one has no date"),
        pytest.param((1, 8, None, 7), Backlog(younger_s=7 * 86400.0), [0, 2, 3], id="by age; no date is no age"),
        pytest.param((9, None, 1, 2), Backlog(newest=2, younger_s=7 * 86400.0), [1, 2], id="both"),
        pytest.param((1, 2), Backlog(newest=5), [0, 1], id="more than there are"),
        pytest.param((), Backlog(newest=5), [], id="none there"),
        pytest.param((-1, 1), Backlog(newest=1, younger_s=1.0), [0], id="a date to come is young"),
    ],
)
def test_what_is_kept(ages: tuple[int | None, ...], backlog: Backlog, kept: list[int]) -> None:
    """The rest has its reason."""
    out = left_out(days(*ages), backlog, NOW)
    assert [place for place in range(len(ages)) if place not in out] == kept
    assert all("first poll" in reason for reason in out.values())
