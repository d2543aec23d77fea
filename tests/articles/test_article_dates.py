"""dates.py: instants, and how precisely they were stated."""

from __future__ import annotations

import pytest

from worker.articles import dates
from worker.model import Precision
from worker.record import rfc3339


@pytest.mark.parametrize(
    ("text", "instant", "precision"),
    [
        pytest.param("2024-05-01T10:20:30+02:00", "2024-05-01T08:20:30Z", "second", id="offset"),
        pytest.param("2024-05-01T10:20:30+0200", "2024-05-01T08:20:30Z", "second", id="offset without colon"),
        pytest.param("2024-05-01T10:20:30-03", "2024-05-01T13:20:30Z", "second", id="offset of hours"),
        pytest.param("2024-05-01 10:20:30 +0530", "2024-05-01T04:50:30Z", "second", id="spaces"),
        pytest.param("2024-05-01T10:20:30.250Z", "2024-05-01T10:20:30.250Z", "second", id="milliseconds"),
        pytest.param("2024-05-01T10:20:30,1234567z", "2024-05-01T10:20:30.123Z", "second", id="seven digits, comma"),
        pytest.param("2024-05-01T10:20Z", "2024-05-01T10:20:00Z", "minute", id="no seconds"),
        pytest.param("2024-05-01 10:20:30 UTC", "2024-05-01T10:20:30Z", "second", id="UTC by name"),
        pytest.param(" 2024-05-01T10:20:30 ", "2024-05-01T10:20:30Z", "second", id="no offset is taken for UTC"),
        pytest.param("20240501T102030Z", "2024-05-01T10:20:30Z", "second", id="basic format"),
        pytest.param("20240501T1020Z", "2024-05-01T10:20:00Z", "minute", id="basic format, no seconds"),
        pytest.param("2024-05-01", "2024-05-01T00:00:00Z", "day", id="a day"),
        pytest.param("20240501", "2024-05-01T00:00:00Z", "day", id="a day in basic format"),
        pytest.param("2024-05-01T00:00:00", "2024-05-01T00:00:00Z", "day", id="midnight of nowhere is a day"),
        pytest.param("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z", "day", id="and so is that of UTC"),
        pytest.param("2024-05-01T00:00:00+02:00", "2024-04-30T22:00:00Z", "second", id="that of elsewhere is a time"),
        pytest.param("1970-01-02T00:00:01Z", "1970-01-02T00:00:01Z", "second", id="the first"),
    ],
)
def test_iso_8601_is_read(text: str, instant: str, precision: Precision) -> None:
    """The forms of ISO 8601 that sites write give the instant in UTC and the precision that was stated."""
    found = dates.parse(text)
    assert found is not None
    assert (rfc3339(found[0]), found[1]) == (instant, precision)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="words"),
        pytest.param("01.05.2024", id="a local form"),
        pytest.param("Wed, 01 May 2024 10:20:30 GMT", id="RFC 5322"),
        pytest.param("2024-02-30", id="no such day"),
        pytest.param("2024-05-01T25:00:00Z", id="no such hour"),
        pytest.param("2024-05-01T10:00:00+99:00", id="no such offset"),
        pytest.param("0001-01-01T00:00:00+05:00", id="before the first year"),
        pytest.param("1770-11-27", id="before 1970"),
        pytest.param("1970-01-01T00:00:00+00:00", id="an unset clock"),
        pytest.param("9999-12-31T23:59:59Z", id="for ever"),
        pytest.param("2100-01-01", id="after 2099"),
        pytest.param("1714558830", id="seconds since 1970"),
        pytest.param("٢٠٢٤-٠٥-٠١", id="digits of another script are read or refused, not raised on"),
    ],
)
def test_what_is_no_date_gives_none(text: str | None) -> None:
    """No date is made up from what is not one, or is out of range."""
    found = dates.parse(text)
    assert found is None or rfc3339(found[0]) == "2024-05-01T00:00:00Z"
