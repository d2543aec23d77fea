"""When a page that could not be had is asked for again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import Millis
from worker.schedule import next_try

NOW = Millis(1_800_000_000_000)
WAITS_S = (300.0, 3300.0, 0.25)

TRIES = {
    "the first failure: the first wait": (1, 300_000),
    "the second": (2, 3_300_000),
    "parts of a second": (3, 250),
    "more failures than waits: never": (4, None),
    "many more": (1000, None),
}


@pytest.mark.parametrize(("tries", "wait_ms"), TRIES.values(), ids=TRIES.keys())
def test_each_failure_has_its_wait(tries: int, wait_ms: int | None) -> None:
    """The waits are used up one by one; then the page is given up."""
    assert next_try(now=NOW, tries=tries, waits_s=WAITS_S) == (None if wait_ms is None else NOW + wait_ms)


def test_without_waits_a_page_is_tried_once() -> None:
    """An operator may want no second try."""
    assert next_try(now=NOW, tries=1, waits_s=()) is None


@given(st.integers(1, 20), st.lists(st.floats(0, 1e6), max_size=10))
def test_a_try_never_lies_in_the_past(tries: int, waits_s: list[float]) -> None:
    """Whatever the waits, and exactly as many tries as there are waits."""
    due = next_try(now=NOW, tries=tries, waits_s=waits_s)
    assert (due is not None) == (tries <= len(waits_s))
    assert due is None or due >= NOW
