from __future__ import annotations

import pytest

from worker.fetch.request import Asking, bare, user_agent
from worker.model import Validators
from worker.urls import BadUrl


@pytest.mark.parametrize(
    ("contact", "line"),
    [
        pytest.param(None, "feedmill/0.1.0", id="nobody"),
        pytest.param("", "feedmill/0.1.0", id="empty"),
        pytest.param("https://example.org/bot", "feedmill/0.1.0 (+https://example.org/bot)", id="a page"),
        pytest.param("you@example.org", "feedmill/0.1.0 (+mailto:you@example.org)", id="a mail address"),
        pytest.param("mailto:you@example.org", "feedmill/0.1.0 (+mailto:you@example.org)", id="a mailto"),
        pytest.param("a)\r\nX-Evil: (é\\", "feedmill/0.1.0 (+aX-Evil:)", id="what a comment can't hold"),
    ],
)
def test_the_user_agent_says_whom_to_write_to(contact: str | None, line: str) -> None:
    """The form of well-behaved fetchers, safe as a header whatever the contact."""
    assert user_agent(contact, "0.1.0") == line


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        pytest.param("HTTP://Example.ORG/Feed?a=B", "http://example.org/Feed?a=B", id="case of the host"),
        pytest.param("https://u:p@example.org:8443/", "https://example.org:8443/", id="credentials, port"),
        pytest.param("https://example.org./x", "https://example.org/x", id="the root's dot"),
        pytest.param("https://bücher.example/", "https://xn--bcher-kva.example/", id="A-labels"),
        pytest.param("http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/", id="IPv6"),
        pytest.param("http://a.example\\@b.example/", "http://b.example/", id="a backslash for other parsers"),
    ],
)
def test_what_is_asked_is_our_own_reading_of_the_url(url: str, asked: str) -> None:
    """It has one reading, and no credentials."""
    assert bare(url) == asking(url).url == asked


@pytest.mark.parametrize(
    ("url", "target"),
    [
        pytest.param("https://a.example", b"/", id="no path"),
        pytest.param("https://a.example?q", b"/?q", id="a query alone"),
        pytest.param("https://a.example/a/../b/./c#d", b"/b/c", id="dots, and a fragment"),
        pytest.param('https://a.example/ü x?ü=<">`', b"/%C3%BC%20x?%C3%BC=%3C%22%3E%60", id="what has to be escaped"),
        pytest.param("https://a.example/%c3%2f%?%zz[]|^", b"/%c3%2f%?%zz[]|^", id="what may be meant, by who wrote it"),
    ],
)
def test_the_target_is_the_path_and_query_as_http_can_have_them(url: str, target: bytes) -> None:
    """Escapes stay as they are written: servers may tell them apart."""
    assert asking(url).target == target


@pytest.mark.parametrize("url", ["", "example.org", "file:///etc/passwd", "http://", "http://[::1", "http://a:99999/"])
def test_what_can_not_be_asked_for_is_refused(url: str) -> None:
    """Other schemes and broken URLs."""
    with pytest.raises(BadUrl):
        asking(url)


def asking(url: str = "https://a.example/feed", **options: object) -> Asking:
    given = {"user_agent": "feedmill/1", "accept": "*/*", "headers": {}, "validators": Validators()} | options
    return Asking.of(url, **given)  # type: ignore[arg-type]


def test_the_owners_headers_win_but_for_the_encoding() -> None:
    """Over what is sent otherwise, and over credentials of the URL; what can be decoded does not change."""
    secrets = {"Authorization": "Bearer x", "User-Agent": "mine/1", "Accept-Encoding": "br"}
    assert asking("https://me@a.example/", headers=secrets).headers() == [
        (b"user-agent", b"mine/1"),
        (b"accept", b"*/*"),
        (b"authorization", b"Bearer x"),
        (b"accept-encoding", b"gzip"),
    ]


def test_credentials_of_the_url_become_a_header() -> None:
    """RFC 7617; never part of the URL that is asked, nor of anything printed."""
    secret = asking("https://me:p%40ss@a.example/feed", headers={"X-Key": "hunter2"})
    assert dict(secret.headers())[b"authorization"] == b"Basic bWU6cEBzcw=="
    assert secret.url == "https://a.example/feed"
    assert "bWU6" not in repr(secret)
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize(
    "value", ['W/"abc"', "abc", '"é"', '"a b"', '""', "x"], ids=["weak", "unquoted", "obs-text", "space", "empty", "x"]
)
def test_validators_are_sent_as_they_came(value: str) -> None:
    """Byte for byte, right or wrong: the server knows its own."""
    with_both = asking(validators=Validators(etag=value, last_modified="Yesterday"))
    fields = dict(with_both.headers())
    assert fields[b"if-none-match"] == value.encode("latin-1")
    assert fields[b"if-modified-since"] == b"Yesterday"
    assert with_both.conditional


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\0", "a\x1b", " a", "a ", "", "三", "a" * 1001], ids=["line break", "nul", "escape",
    "leading space", "trailing space", "empty", "beyond Latin-1", "long"]
)  # fmt: skip
def test_validators_that_would_break_the_request_are_left_out(value: str) -> None:
    """The request is then an unconditional one."""
    without = asking(validators=Validators(etag=value, last_modified=value))
    assert not without.conditional
    assert {b"if-none-match", b"if-modified-since"}.isdisjoint(dict(without.headers()))
