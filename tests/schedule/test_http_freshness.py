"""How long an answer stays fresh (RFC 9111)."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.model import Freshness
from worker.schedule.freshness import LONGEST_S, freshness

NOW = 1_800_000_000.0


def fresh(
    *cache_control: str, age: str | None = None, expires: str | None = None, date: str | None = None
) -> float | None:
    found = freshness(cache_control=cache_control, age=age, expires=expires, date=date, now_s=NOW)
    return found and found.seconds


CACHE_CONTROL = {
    "max-age": (("max-age=3600",), 3600),
    "in capitals": (("Public, MAX-AGE=3600",), 3600),
    "quoted, which a recipient should take too": (('max-age="3600"',), 3600),
    "with room": (("public , max-age = 60 , immutable",), 60),
    "on two lines": (("public", "max-age=60"), 60),
    "twice: the first counts": (("max-age=60, max-age=3600",), 60),
    "s-maxage alone": (("s-maxage=600",), 600),
    "s-maxage is for the site's own CDN": (("max-age=60, s-maxage=31536000",), 60),
    "max-age of nothing, although the CDN has a year": (("max-age=0, s-maxage=31536000",), None),
    "no-store": (("no-store, max-age=3600",), None),
    "no-cache": (("max-age=3600", "no-cache"), None),
    "no-cache of some fields, which is taken for all": (('no-cache="set-cookie, x", max-age=3600',), None),
    "inside a quoted string": (('ext="a, max-age=5, b", max-age=60',), 60),
    "a quote that does not end": (('ext="a, max-age=5',), 5),
    "not a number": (("max-age=soon",), None),
    "empty": (("max-age=",), None),
    "without a value": (("max-age",), None),
    "negative": (("max-age=-1",), None),
    "with decimals": (("max-age=3.5",), None),
    "digits of another script": (("max-age=٣",), None),
    "for ever": (("max-age=" + "9" * 5000,), LONGEST_S),
    "only other things": (("private, must-revalidate, stale-while-revalidate=60",), None),
    "another name's end": (("x-max-age=60",), None),
    "nothing": ((), None),
}


@pytest.mark.parametrize(("lines", "seconds"), CACHE_CONTROL.values(), ids=CACHE_CONTROL.keys())
def test_cache_control_says_how_long(lines: tuple[str, ...], seconds: float | None) -> None:
    """Sections 4.2.1 and 5.2; what cannot be understood is no bound."""
    assert fresh(*lines) == seconds


AGE = {
    "some": ("600", 3000),
    "all of it": ("3600", None),
    "more": ("99999999999999999999", None),
    "none": ("0", 3600),
    "nonsense": ("old", 3600),
    "negative": ("-5", 3600),
}


@pytest.mark.parametrize(("age", "seconds"), AGE.values(), ids=AGE.keys())
def test_the_time_in_caches_is_taken_off(age: str, seconds: float | None) -> None:
    """Section 5.1: an answer that has lain in a cache is stale that much sooner."""
    assert fresh("max-age=3600", age=age) == seconds


EXPIRES = {
    "against Date, whatever our clock": ("Thu, 01 Dec 1994 17:00:00 GMT", "Thu, 01 Dec 1994 16:00:00 GMT", 3600),
    "in the form of RFC 850": ("Thursday, 01-Dec-94 17:00:00 GMT", "Thu, 01 Dec 1994 16:00:00 GMT", 3600),
    "in that of asctime": ("Thu Dec  1 17:00:00 1994", "Thu, 01 Dec 1994 16:00:00 GMT", 3600),
    "without a Date": (formatdate(NOW + 60, usegmt=True), None, 60),
    "with a Date that is none": (formatdate(NOW + 60, usegmt=True), "today", 60),
    "in the past": ("Thu, 19 Nov 1981 08:52:00 GMT", None, None),
    "0, which is the past": ("0", None, None),
    "nonsense": ("soon", None, None),
    "a century": (formatdate(NOW + 4e9, usegmt=True), None, LONGEST_S),
}


@pytest.mark.parametrize(("expires", "date", "seconds"), EXPIRES.values(), ids=EXPIRES.keys())
def test_expires_counts_from_the_date(expires: str, date: str | None, seconds: float | None) -> None:
    """Section 5.3."""
    assert fresh(expires=expires, date=date) == seconds


def test_max_age_goes_before_expires() -> None:
    """Section 5.3, even where it makes no sense."""
    later = formatdate(NOW + 60, usegmt=True)
    assert fresh("max-age=3600", expires=later) == 3600
    assert fresh("max-age=0", expires=later) is None
    assert fresh("public", expires=later) == 60


def test_the_reason_is_what_the_site_said() -> None:
    """For `status`."""
    later = formatdate(NOW + 600, usegmt=True)
    assert freshness(cache_control=["Max-Age=3600"], age="60", expires=None, date=None, now_s=NOW) == Freshness(
        seconds=3540, reason="max-age=3600, Age: 60"
    )
    assert freshness(cache_control=[], age=None, expires=later, date=None, now_s=NOW) == Freshness(
        seconds=600, reason="Expires - Date=600"
    )


def test_a_reason_is_short_whatever_the_site_says() -> None:
    """It comes from the network: no flood of digits, no control characters, and on one line."""
    found = freshness(cache_control=["max-age=" + "9" * 5000], age="8" * 5000, expires=None, date=None, now_s=NOW)
    assert found is None
    found = freshness(cache_control=["max-age=" + "0" * 5000 + "60"], age=None, expires=None, date=None, now_s=NOW)
    assert found == Freshness(seconds=60, reason="max-age=60")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("a," + " " * 90_000 + '"', id="spaces before what is no directive"),
        pytest.param("a" + " " * 90_000 + '"', id="spaces behind a directive"),
        pytest.param('a="' + "\\x" * 45_000, id="a quote without an end"),
        pytest.param('a="\\' * 22_000, id="quotes in quotes"),
        pytest.param(" =" * 45_000, id="values without names"),
    ],
)
def test_a_field_as_long_as_a_head_may_be_is_read_at_once(line: str) -> None:
    """It is read in the loop that all else waits for, where nothing ends what takes too long."""
    began = time.process_time()
    assert freshness(cache_control=[line, "max-age=60"], age=None, expires=None, date=None, now_s=NOW) is not None
    assert time.process_time() - began < 1.0


TEXTS = st.text(max_size=60) | st.from_regex(r'((max-age|s-maxage|no-cache|x)="?[0-9,]{0,12}"?[, ]{0,3}){0,3}')


@given(st.lists(TEXTS, max_size=3), st.none() | TEXTS, st.none() | TEXTS, st.none() | TEXTS)
def test_nothing_that_a_site_says_breaks_it(
    lines: list[str], age: str | None, expires: str | None, date: str | None
) -> None:
    """The outcome is none, or more than nothing and at most a year."""
    found = freshness(cache_control=lines, age=age, expires=expires, date=date, now_s=NOW)
    assert found is None or (0 < found.seconds <= LONGEST_S and found.reason.isprintable() and len(found.reason) < 60)


@given(
    st.integers(1, 10**7),
    st.integers(0, 10**7),
    st.lists(st.sampled_from(["public", 'x="a,b"', "private"]), max_size=3),
)
def test_what_is_left_is_max_age_minus_age(max_age: int, age: int, others: list[str]) -> None:
    """Among whatever other directives."""
    left = fresh(", ".join([*others, f"max-age={max_age}"]), age=str(age))
    assert left == (max_age - age if max_age > age else None)
