"""Failures in a row."""

from __future__ import annotations

import pytest

from worker.model import FetchFailed
from worker.schedule.failures import WEIGHTS, FailureClass, Setbacks, class_of

CLASSES: dict[str, tuple[FetchFailed, FailureClass]] = {
    "gone": (FetchFailed(kind="status", reason="", status=410), "permanent"),
    "not found": (FetchFailed(kind="status", reason="", status=404), "permanent"),
    "forbidden": (FetchFailed(kind="status", reason="", status=403), "permanent"),
    "an error of the server": (FetchFailed(kind="status", reason="", status=500), "server"),
    "its own timeout": (FetchFailed(kind="status", reason="", status=408), "server"),
    "an address that is not public": (FetchFailed(kind="address", reason=""), "permanent"),
    "a body without end": (FetchFailed(kind="too_large", reason=""), "permanent"),
    "a loop": (FetchFailed(kind="redirects", reason=""), "permanent"),
    "a name that is not found": (FetchFailed(kind="dns", reason=""), "dns"),
    "refused": (FetchFailed(kind="connect", reason=""), "network"),
    "no answer": (FetchFailed(kind="timeout", reason=""), "network"),
    "a certificate that has run out": (FetchFailed(kind="tls", reason=""), "server"),
    "no HTTP": (FetchFailed(kind="protocol", reason=""), "server"),
}


@pytest.mark.parametrize(("failed", "expected"), CLASSES.values(), ids=CLASSES.keys())
def test_a_failed_fetch_has_a_class(failed: FetchFailed, expected: FailureClass) -> None:
    """By what it says of the next try."""
    assert class_of(failed) == expected


def test_failures_add_up_by_their_weights() -> None:
    """Two of DNS count as one of the server; what is permanent counts twice."""
    setbacks = Setbacks().then("dns").then("dns").then("permanent")
    assert setbacks == Setbacks(count=3, weight=3.0, last="permanent")


def test_throttling_is_no_failure() -> None:
    """It neither adds to the failures before nor makes up for them."""
    assert Setbacks().then("throttled") == Setbacks()
    assert Setbacks().then("server").then("throttled") == Setbacks().then("server")
    assert WEIGHTS["throttled"] == 0


WORDS = {
    1: "first failure (server), tried again less often",
    3: "third failure in a row (server), tried again less often",
    10: "tenth failure in a row (server), tried again less often",
    11: "failure 11 in a row (server), tried again less often",
}


@pytest.mark.parametrize(("count", "said"), WORDS.items(), ids=map(str, WORDS))
def test_failures_are_counted_in_words(count: int, said: str) -> None:
    """As `status` shows them."""
    assert Setbacks(count=count, weight=1, last="server").words == said


def test_what_is_permanent_does_not_sound_as_if_the_feed_were_given_up() -> None:
    """It is asked again, as all are."""
    assert Setbacks().then("permanent").words == "first failure (not likely to pass by itself), tried again less often"
