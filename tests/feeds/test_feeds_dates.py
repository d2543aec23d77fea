"""The dates that feeds write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.feeds.dates import millis
from worker.model import Millis

NOW = Millis(1_795_392_000_000)  # 2026-11-23T00:00:00Z


def utc(*parts: int, ms: int = 0) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000 + ms


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        pytest.param("2026-11-20T10:00:00Z", utc(2026, 11, 20, 10), id="RFC 3339"),
        pytest.param("2026-11-20t10:00:00.250z", utc(2026, 11, 20, 10, ms=250), id="lower case, a fraction"),
        pytest.param("2026-11-20T10:00:00.123456789-05:00", utc(2026, 11, 20, 15, ms=123), id="nanoseconds"),
        pytest.param("2026-11-20T10:00+0530", utc(2026, 11, 20, 4, 30), id="no colon in the zone (feedparser: +0500)"),
        pytest.param("2026-11-20T10:00:00+02", utc(2026, 11, 20, 8), id="hours alone"),
        pytest.param("2026-11-20 10:00:00 +0200", utc(2026, 11, 20, 8), id="spaces"),
        pytest.param("2026-11-20T10:00:00", utc(2026, 11, 20, 10), id="no zone is UTC"),
        pytest.param("2026-11-20", utc(2026, 11, 20), id="a day"),
        pytest.param("2026/11/20 10:00:00", utc(2026, 11, 20, 10), id="slashes (feedparser: the first of January)"),
        pytest.param("2026-11-20 10:00:00 CEST", utc(2026, 11, 20, 8), id="ISO with a named zone"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 GMT", utc(2026, 11, 20, 10), id="RFC 822"),
        pytest.param("\n Fri, 20 Nov 2026\n10:00:00 GMT ", utc(2026, 11, 20, 10), id="folded"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 -0330", utc(2026, 11, 20, 13, 30), id="half an hour"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 GMT+0100", utc(2026, 11, 20, 9), id="a name and an offset"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 GMT-5", utc(2026, 11, 20, 15), id="a short offset"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 +02:00", utc(2026, 11, 20, 8), id="a colon"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 +0200 (CEST)", utc(2026, 11, 20, 8), id="a comment"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 CEST", utc(2026, 11, 20, 8), id="CEST (feedparser: UTC)"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 JST", utc(2026, 11, 20, 1), id="JST (feedparser: UTC)"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 PST", utc(2026, 11, 20, 18), id="PST"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 UTC", utc(2026, 11, 20, 10), id="UTC"),
        pytest.param("Fri, 20 Nov 2026 10:00:00", utc(2026, 11, 20, 10), id="no zone"),
        pytest.param("20 Nov 2026", utc(2026, 11, 20), id="a day by name"),
        pytest.param("Friday, 20-Nov-26 10:00:00 GMT", utc(2026, 11, 20, 10), id="RFC 850, two digits"),
        pytest.param("Fri Nov 20 10:00:00 2026", utc(2026, 11, 20, 10), id="asctime"),
        pytest.param("Fri Nov 20 10:00:00 PST 2026", utc(2026, 11, 20, 18), id="asctime with a zone"),
        pytest.param("Sat, 01 Jan 2000 00:00 GMT", utc(2000, 1, 1), id="no seconds"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 XYZ", None, id="an unknown zone"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 IST", None, id="India, Israel or Ireland"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 PM", None, id="half days"),
        pytest.param("Fri, 20 Nov 2026 10:00:00 +9900", None, id="an impossible zone"),
        pytest.param("Fri, 32 Nov 2026 10:00:00 GMT", None, id="an impossible day"),
        pytest.param("1770112800", None, id="seconds (feedparser: the year 1770)"),
        pytest.param("0000-00-00", None, id="zeros (feedparser: the year -1)"),
        pytest.param("0000-00-00T00:00:00Z", None, id="zeros with a time"),
        pytest.param("Mon, 01 Jan 0001 00:00:00 +0000", None, id="the year 1"),
        pytest.param("1770-01-01T00:00:00Z", None, id="the year 1770"),
        pytest.param("1970-01-01T00:00:00Z", None, id="an unset clock"),
        pytest.param("1970-01-02T00:00:00Z", utc(1970, 1, 2), id="the first instant that counts"),
        pytest.param("2026-11-24T00:00:00Z", utc(2026, 11, 24), id="a day ahead"),
        pytest.param("2026-11-24T00:00:01Z", None, id="more than a day ahead"),
        pytest.param("20/11/2026", None, id="days first"),
        pytest.param("20.11.2026 10:00", None, id="German numbers"),
        pytest.param("Freitag, 20. November 2026", None, id="German words"),
        pytest.param("ven. 20 févr. 2026 10:00", None, id="French words"),
        pytest.param("2026-11", None, id="a month is no day"),
        pytest.param("soon", None, id="a word"),
        pytest.param("", None, id="nothing"),
        pytest.param("   ", None, id="blank"),
        pytest.param("٢٠٢٦-١١-٢٠", None, id="other digits"),
    ],
)
def test_dates(written, instant):
    """What names one instant is read, what does not is None."""
    assert millis(written, NOW) == instant


@given(st.text(st.sampled_from("0123456789:+-.,TZ /()GMTFriNovCE"), max_size=40) | st.text())
def test_no_text_raises_and_no_date_is_out_of_range(written):
    """Whatever a feed writes."""
    at = millis(written, NOW)
    assert at is None or 86_400_000 <= at <= NOW + 86_400_000


@given(
    st.datetimes(min_value=datetime(1900, 1, 1)),
    st.sampled_from(("GMT", "+0000", "-0000", "+0530", "-1130", "+1900", "+0160", "+2000")),
    st.sampled_from((0, 24, 60)),
)
def test_the_usual_form_is_read_as_any_other(at: datetime, zone: str, odd: int) -> None:
    """The witness is the email package, which reads the same without its zone."""
    written = f"{at:%a, %d %b %Y %H:%M:%S} {zone}"
    written = written.replace(f":{at:%M}:", f":{odd:02}:") if odd else written
    assert millis(written, NOW) == millis(f"{written} (in words)", NOW)


def test_what_feeds_call_their_dates(item, read):
    """pubDate before dc:date, which is when an RSS item was published; Atom's updated is not when it was."""
    day, next_day = utc(2026, 11, 20), utc(2026, 11, 21)
    both = "<guid>1</guid><pubDate>20 Nov 2026</pubDate><dc:date>2026-11-21</dc:date>"
    assert (item(both).published, item(both).updated) == (day, next_day)
    assert item("<guid>1</guid><dc:date>2026-11-20</dc:date>").published == day
    feed = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><updated>2026-11-20</updated></entry></feed>'
    )
    assert (feed.entries[0].published, feed.entries[0].updated) == (None, day)
