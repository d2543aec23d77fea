from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.fetch.retry_after import LONGEST_S, retry_after_s

NOW = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120.0, id="seconds"),
        pytest.param(" 0120 ", 120.0, id="spaces and zeros"),
        pytest.param("0", 0.0, id="at once"),
        pytest.param("-5", 0.0, id="negative"),
        pytest.param("999999999", LONGEST_S, id="for ever"),
        pytest.param("9" * 10_000, LONGEST_S, id="more digits than int() takes"),
        pytest.param("0" * 10_000 + "7", 7.0, id="as many zeros"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 30.0, id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", 30.0, id="RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", 30.0, id="asctime"),
        pytest.param("Sun, 06 Nov 1994 09:49:37 +0100", 30.0, id="another zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:00 GMT", 0.0, id="past"),
        pytest.param("Sun, 06 Nov 2094 08:49:37 GMT", LONGEST_S, id="in a hundred years"),
        pytest.param("Fri, 31 Feb 2094 08:49:37 GMT", None, id="a day that is none"),
        pytest.param("Mon, 01 Jan 99999 00:00:00 GMT", None, id="a year beyond all calendars"),
        pytest.param("1 1 1 1:1:1 +9999999999", None, id="a zone beyond the day"),
        pytest.param("soon", None, id="a word"),
        pytest.param("1.5", None, id="a fraction, which the RFC does not have"),
        pytest.param("²", None, id="a digit that int() refuses"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_retry_after_is_read_in_all_its_forms(value: str | None, seconds: float | None) -> None:
    """Seconds and the three forms of HTTP-date give the wait from now on; garbage gives none."""
    assert retry_after_s(value, now_s=NOW) == seconds


@given(st.text(max_size=60), st.floats(0, 4e9))
def test_any_text_gives_a_wait_within_bounds_or_none(value: str, now_s: float) -> None:
    """Nothing that a server says raises, or leads out of the bounds."""
    wait = retry_after_s(value, now_s=now_s)
    assert wait is None or 0.0 <= wait <= LONGEST_S


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_date_within_the_bounds_is_met_to_the_second(at: datetime) -> None:
    """A date a minute ahead is a minute's wait."""
    at = at.replace(microsecond=0)
    assert retry_after_s(format_datetime(at, usegmt=True), now_s=at.timestamp() - 60) == 60.0
