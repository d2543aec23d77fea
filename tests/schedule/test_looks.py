"""When an article's page is looked at again."""

from __future__ import annotations

import pytest

from worker.model import DAY_MS, HOUR_MS, Millis
from worker.schedule import NOT_GONE, NOT_HAD_S, next_look, next_look_if_gone, next_revision

NOW = Millis(1_800_000_000_000)

AGES = {
    "just seen": (0, 6),
    "a minute before the first": (6 * HOUR_MS - 60_000, 6),
    "at the first": (6 * HOUR_MS, 24),
    "later": (30 * HOUR_MS, 72),
    "after the last": (72 * HOUR_MS, None),
}


@pytest.mark.parametrize(("age_ms", "look_h"), AGES.values(), ids=AGES.keys())
def test_a_page_that_could_not_be_had_is_looked_at_in_the_hours_and_days_after(age_ms: int, look_h: int | None) -> None:
    """By the age of its entry, however late the worker comes to it."""
    seen_at = Millis(NOW - age_ms)
    expected = None if look_h is None else seen_at + look_h * HOUR_MS
    assert next_look(now=NOW, first_seen_at=seen_at, ages_s=NOT_HAD_S) == expected


def test_ages_may_be_in_any_order() -> None:
    """As an operator writes them."""
    assert next_look(now=NOW, first_seen_at=NOW, ages_s=(86_400, 0.5, 3600)) == NOW + 500


def test_a_page_that_is_gone_is_looked_at_until_that_is_sure() -> None:
    """Three more times over a day; then the article is deleted."""
    gone, at = NOT_GONE.then(NOW), NOW
    while not gone.is_confirmed(at):
        at = next_look_if_gone(gone, at)
        gone = gone.then(at)
    assert (gone.answers, at - NOW) == (4, 25 * HOUR_MS)


REVISIONS = {
    "the first is read at once": (0, 0, 0),
    "so is the fourth": (3, 0, 0),
    "then an hour passes": (4, 0, HOUR_MS),
    "which may have passed already": (4, HOUR_MS, 0),
    "then four": (5, HOUR_MS, 3 * HOUR_MS),
    "then sixteen": (6, 0, 16 * HOUR_MS),
    "then a day": (7, 0, DAY_MS),
    "never more": (100, 0, DAY_MS),
    "by a clock that was ahead": (4, -DAY_MS, HOUR_MS),
}


@pytest.mark.parametrize(("revision", "ago_ms", "wait_ms"), REVISIONS.values(), ids=REVISIONS.keys())
def test_an_article_that_keeps_changing_is_read_ever_more_seldom(revision: int, ago_ms: int, wait_ms: int) -> None:
    """A live ticker would have its page asked for at every poll."""
    revised_at = Millis(NOW - ago_ms)
    assert next_revision(now=NOW, revision=revision, revised_at=revised_at) == NOW + wait_ms


def test_an_article_from_a_recovered_state_is_read_at_once() -> None:
    """When it was last written is not known."""
    assert next_revision(now=NOW, revision=9, revised_at=None) == NOW
