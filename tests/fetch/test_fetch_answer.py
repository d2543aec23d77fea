from __future__ import annotations

import pytest

from worker.fetch.answer import Content, Head, Meaning, meaning
from worker.model import FetchFailed, Freshness, NotModified, Redirected, Throttled, Validators

URL = "https://a.example/feeds/all.xml"


def said(status: int, *fields: tuple[str, str], conditional: bool = True) -> Meaning:
    raw = [(name.encode(), value.encode()) for name, value in fields]
    return meaning(Head(status=status, fields=raw), url=URL, conditional=conditional, now_s=0.0)


@pytest.mark.parametrize("status", [200, 203])
def test_content_is_wanted(status: int) -> None:
    """A 200, and a 200 that a proxy has changed."""
    assert said(status) == Content()


@pytest.mark.parametrize("etag", ['"' + "x" * 90_000 + '"', '"\x07"', ""])
def test_validators_that_can_not_be_sent_again_are_none(etag: str) -> None:
    """Of a head of 100 kB, which would be kept for each page."""
    head = Head(status=200, fields=[(b"ETag", etag.encode()), (b"Last-Modified", b"Mon, 30 Nov 2026 10:00:00 GMT")])
    assert head.validators == Validators(etag=None, last_modified="Mon, 30 Nov 2026 10:00:00 GMT")


def test_a_304_gives_the_validators_it_carries() -> None:
    """Those that it leaves out are not known from it."""
    assert said(304, ("ETag", 'W/"2"')) == NotModified(validators=Validators(etag='W/"2"'))
    assert said(304) == NotModified(validators=Validators())


def test_a_304_says_how_long_it_is_fresh() -> None:
    """By all its Cache-Control lines, its Age, and its Date and Expires (RFC 9111 section 4.2)."""
    by_age = said(304, ("Cache-Control", "public"), ("cache-control", "max-age=90"), ("Age", "30"))
    assert by_age == NotModified(validators=Validators(), fresh=Freshness(seconds=60, reason="max-age=90, Age: 30"))
    dates = ("Date", "Mon, 23 Nov 2026 04:00:00 GMT"), ("Expires", "Mon, 23 Nov 2026 05:00:00 GMT")
    by_date = said(304, *dates)
    assert by_date == NotModified(validators=Validators(), fresh=Freshness(seconds=3600, reason="Expires - Date=3600"))
    from_now_on = said(304, ("Expires", "Thu, 01 Jan 1970 00:01:00 GMT"))
    assert isinstance(from_now_on, NotModified)
    assert from_now_on.fresh == Freshness(seconds=60, reason="Expires - Date=60")


def test_a_407_is_the_proxys_where_a_proxy_was_asked() -> None:
    """No site asks for a proxy's password (RFC 9110 section 15.5.8), so the page is not to be given up over it."""
    head = Head(status=407, fields=[])
    through = meaning(head, url=URL, conditional=False, forwarded=True, now_s=0.0)
    assert through == FetchFailed(kind="connect", reason="the proxy answered 407 Proxy Authentication Required")
    assert not through.lasting
    assert said(407) == FetchFailed(kind="status", status=407, reason="407 Proxy Authentication Required")


def test_a_304_unasked_is_a_breach_of_protocol() -> None:
    """Nothing was named that could be unmodified, so there is nothing to keep."""
    failure = said(304, conditional=False)
    assert isinstance(failure, FetchFailed)
    assert failure.kind == "protocol"


@pytest.mark.parametrize(("status", "wait"), [(429, 120.0), (503, 120.0)])
def test_throttling_is_no_failure(status: int, wait: float) -> None:
    """429 and 503 ask for patience, and may say how much."""
    assert said(status, ("retry-after", "120")) == Throttled(status=status, retry_after_s=wait)
    assert said(status) == Throttled(status=status, retry_after_s=None)


@pytest.mark.parametrize("wait", ["0", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_who_refuses_and_names_no_time_to_come_has_named_none(wait: str) -> None:
    """Some servers send 0 with each refusal. They were asked again each minute, others after five."""
    assert said(429, ("retry-after", wait)) == Throttled(status=429, retry_after_s=None)


def test_a_date_to_wait_for_is_by_the_clock_of_who_names_it() -> None:
    """As its Date shows it: a worker whose clock is an hour ahead would not wait at all, and one that is behind for
    too long. Where there is no Date, ours has to do."""
    until = ("retry-after", "Mon, 23 Nov 2026 04:02:00 GMT")
    for status in (429, 302):
        answer = said(status, ("location", "/x"), ("Date", "Mon, 23 Nov 2026 04:00:00 GMT"), until)
        assert isinstance(answer, Throttled | Redirected)
        assert answer.retry_after_s == 120.0
    assert said(503, ("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT")) == Throttled(status=503, retry_after_s=60.0)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(204, "204 No Content", id="no content"),
        pytest.param(205, "205 Reset Content", id="reset content"),
        pytest.param(206, "206 Partial Content", id="a part, unasked"),
        pytest.param(300, "300 Multiple Choices", id="a choice"),
        pytest.param(401, "401 Unauthorized", id="unauthorized"),
        pytest.param(404, "404 Not Found", id="not found"),
        pytest.param(410, "410 Gone", id="gone"),
        pytest.param(500, "500 Internal Server Error", id="error"),
        pytest.param(599, "599", id="a status without a name"),
        pytest.param(999, "999", id="LinkedIn's"),
    ],
)
def test_other_statuses_are_failures_by_their_name(status: int, reason: str) -> None:
    """Named as the RFC names them, not as the server does."""
    assert said(status) == FetchFailed(kind="status", status=status, reason=reason)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        pytest.param("/new.xml", "https://a.example/new.xml", id="path"),
        pytest.param("new.xml", "https://a.example/feeds/new.xml", id="relative"),
        pytest.param("?page=2", "https://a.example/feeds/all.xml?page=2", id="query"),
        pytest.param("//b.example/", "https://b.example/", id="without a scheme"),
        pytest.param("http://b.example/x", "http://b.example/x", id="absolute"),
        pytest.param("/größe", "https://a.example/größe", id="UTF-8"),
        pytest.param(" /a b ", "https://a.example/a%20b", id="spaces"),
        pytest.param("http://xn--/", "http://xn--/", id="an A-label that is none, over which idna stumbles"),
    ],
)
def test_redirects_lead_to_absolute_urls(location: str, url: str) -> None:
    """Location is resolved against what was asked (RFC 9110 section 10.2.2)."""
    assert said(302, ("Location", location)) == Redirected(url=url, permanent=False)


def test_a_location_in_latin_1_is_read_as_such() -> None:
    """Not all servers know UTF-8."""
    head = Head(status=302, fields=[(b"Location", b"/gr\xf6\xdfe")])
    assert meaning(head, url=URL, conditional=False, now_s=0.0) == Redirected(
        url="https://a.example/größe", permanent=False
    )


@pytest.mark.parametrize(("status", "permanent"), [(301, True), (302, False), (303, False), (307, False), (308, True)])
def test_permanent_redirects_are_told_from_temporary_ones(status: int, permanent: bool) -> None:
    """301 and 308 change the address for good (RFC 9110 section 15.4)."""
    assert said(status, ("location", "/x")) == Redirected(url="https://a.example/x", permanent=permanent)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_may_ask_for_patience(status: int) -> None:
    """Before the redirected request is sent (RFC 9110 section 10.2.3)."""
    redirected = said(status, ("location", "/x"), ("retry-after", "120"))
    assert isinstance(redirected, Redirected)
    assert redirected.retry_after_s == 120.0


@pytest.mark.parametrize(
    ("location", "url"),
    [
        pytest.param("http://me:hunter2@B.example/x", "http://b.example/x", id="credentials"),
        pytest.param("//bücher.example./", "https://xn--bcher-kva.example/", id="A-labels, without the root's dot"),
        pytest.param("http://a.example\\@b.example/", "http://b.example/", id="a backslash for other parsers"),
    ],
)
def test_redirects_are_our_own_reading_of_their_url(location: str, url: str) -> None:
    """What is asked next has one reading, and nobody's password."""
    assert said(302, ("Location", location)) == Redirected(url=url, permanent=False)


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("ftp://b.example/", id="ftp"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("data:,x", id="data"),
        pytest.param("http://", id="no host"),
        pytest.param("http://[::1", id="broken"),
        pytest.param("http://a:99999/", id="no port"),
        pytest.param("/" + "x" * 9000, id="without end"),
        pytest.param("", id="empty"),
    ],
)
def test_redirects_to_anything_else_are_refused(location: str) -> None:
    """Only http and https, only what can be asked, only so long."""
    failure = said(301, ("Location", location))
    assert isinstance(failure, FetchFailed)
    assert failure.kind == "redirects"
    assert len(failure.reason) <= 200


def test_a_refused_location_is_shown_without_its_credentials() -> None:
    """Reasons are for people and logs."""
    failure = said(301, ("Location", "ftp://me:hunter2@b.example/\x1b[2J"))
    assert isinstance(failure, FetchFailed)
    assert "hunter2" not in failure.reason
    assert "ftp://b.example/" in failure.reason
    assert failure.reason.isprintable()


def test_a_redirect_without_a_location_is_a_breach_of_protocol() -> None:
    """There is nowhere to go."""
    assert said(301) == FetchFailed(kind="protocol", reason="301 Moved Permanently without a Location")
