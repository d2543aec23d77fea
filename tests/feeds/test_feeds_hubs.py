"""The hubs that documents and answers advertise."""

from __future__ import annotations

import pytest

from worker import feeds
from worker.fetch.answer import Head
from worker.model import Hub, Millis, ParsedFeed

URL = "https://a.example/feed"
ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
RSS = (
    '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>T</title>{}'
    "<item><guid>1</guid></item></channel></rss>"
)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            f'<feed {ATOM}><link rel="self" href="/me"/><link rel="hub" href="https://h.example/"/><title>T</title></feed>',
            Hub(url="https://h.example/", topic="https://a.example/me"),
            id="Atom",
        ),
        pytest.param(
            RSS.format('<atom:link rel="hub" href="//h.example/x"/><atom:link href="/me" rel="self"/>'),
            Hub(url="https://h.example/x", topic="https://a.example/me"),
            id="RSS",
        ),
        pytest.param(
            RSS.format('<atom:link rel="hub" href="https://h.example/"/>'),
            Hub(url="https://h.example/", topic=URL),
            id="no name of its own: where it was had",
        ),
        pytest.param(
            RSS.format(
                '<atom:link rel="hub" href="https://h.example/"/><atom:link rel="hub" href="https://i.example/"/>'
            ),
            Hub(url="https://h.example/", topic=URL),
            id="several: the first",
        ),
        pytest.param(RSS.format('<atom:link rel="self" href="https://a.example/me"/>'), None, id="none"),
        pytest.param(RSS.format('<atom:link rel="hub" href="javascript:alert(1)"/>'), None, id="no address"),
        pytest.param(RSS.format('<link rel="hub">https://h.example/</link>'), None, id="an element of RSS's own"),
        pytest.param(
            f'<feed {ATOM}><title>T</title><entry><id>1</id><link rel="hub" href="https://h.example/"/></entry></feed>',
            None,
            id="of an entry, not the feed",
        ),
        pytest.param(
            '{"version": "https://jsonfeed.org/version/1.1", "title": "T", "feed_url": "https://a.example/me", '
            '"hubs": [{"type": "rssCloud", "url": "https://c.example/"}, {"type": "WebSub", "url": "//h.example/"}], '
            '"items": []}',
            Hub(url="https://h.example/", topic="https://a.example/me"),
            id="JSON Feed",
        ),
        pytest.param(
            '{"version": "https://jsonfeed.org/version/1.1", "hubs": [1, {"type": 2, "url": []}], "items": []}',
            None,
            id="JSON Feed, nonsense",
        ),
    ],
)
def test_a_document_names_its_hub(document: str, expected: Hub | None) -> None:
    """By the links of its feed; addresses are made absolute."""
    parsed = feeds.parse(document.encode(), url=URL, content_type=None, known=frozenset(), now=Millis(10**12))
    assert isinstance(parsed, ParsedFeed)
    assert parsed.hub == expected


def test_a_document_that_brings_nothing_new_names_it_too() -> None:
    """It may have got one since."""
    body = RSS.format('<atom:link rel="hub" href="https://h.example/"/>').encode()
    first = feeds.parse(body, url=URL, content_type=None, known=frozenset(), now=Millis(10**12))
    assert isinstance(first, ParsedFeed)
    again = feeds.parse(body, url=URL, content_type=None, known=frozenset(first.elements), now=Millis(10**12))
    assert isinstance(again, ParsedFeed)
    assert (again.entries, again.hub) == ((), first.hub)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ['<https://h.example/>; rel="hub", <https://a.example/me>; rel="self"'],
            ("https://h.example/", "https://a.example/me"),
        ),
        (["<https://h.example/>;rel=hub", "</me>; title=x; rel=self"], ("https://h.example/", "https://a.example/me")),
        (['<https://h.example/a,b>; rel="next hub"'], ("https://h.example/a,b", URL)),
        (
            ["<https://h.example/>; rel=hub, </me>; rel=self", "<https://i.example/>; rel=hub, </you>; rel=self"],
            ("https://h.example/", "https://a.example/me"),
        ),
        (['<https://a.example/style.css>; rel="preload"'], None),
        (["<https://h.example/>; rev=hub", "nonsense", "<>; rel=hub"], None),
        (["<ftp://h.example/>; rel=hub"], None),
        (["<" * 50_000], None),
        (["<a>" + ";x" * 50_000], None),
    ],
)
def test_link_fields_name_it(lines: list[str], expected: tuple[str, str] | None) -> None:
    """RFC 8288, in one field or several; what is none costs no time."""
    found = Head(status=200, fields=[(b"Link", line.encode()) for line in lines]).hub(URL)
    assert found == (expected and Hub(url=expected[0], topic=expected[1]))
