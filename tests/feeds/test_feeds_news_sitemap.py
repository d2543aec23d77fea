"""News sitemaps, read as feeds."""

from __future__ import annotations

import gzip
from html import escape

import pytest

from tests.feeds.conftest import Outcome, Read
from worker.feeds import news_sitemap
from worker.model import Millis, NotAFeed

NAMESPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
)


def place(url: str, *, title: str = "Herons", date: str = "2026-11-22T16:33:37+01:00", more: str = "") -> str:
    return (
        f"<url><loc>{escape(url)}</loc><news:news><news:publication><news:name>The Heron</news:name>"
        f"<news:language>en</news:language></news:publication><news:publication_date>{date}</news:publication_date>"
        f"<news:title>{escape(title)}</news:title>{more}</news:news></url>"
    )


def sitemap(*places: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {NAMESPACES}>{"".join(places)}</urlset>'


def test_what_it_tells_of_an_article(read: Read) -> None:
    """Address, title, date and language; keywords are tags."""
    keywords = "<news:keywords>birds, lakes</news:keywords>"
    parsed = read(sitemap(place("https://www.example.org/1?a=1&b=2", more=keywords)))
    (entry,) = parsed.entries
    assert (entry.url, entry.title, entry.guid) == ("https://www.example.org/1?a=1&b=2", "Herons", None)
    assert (entry.published, entry.language) == (Millis(1_795_361_617_000), "en")
    assert entry.tags == ("birds", "lakes")
    assert (parsed.version, parsed.title, parsed.problem) == ("sitemap", "The Heron", None)


def test_pages_that_are_no_news_are_left_out(read: Read) -> None:
    """A sitemap may list all that a site has."""
    about = "<url><loc>https://example.org/about</loc><lastmod>2026-11-22</lastmod></url>"
    assert [entry.url for entry in read(sitemap(about, place("https://example.org/1"))).entries] == [
        "https://example.org/1"
    ]


def test_what_is_known_is_not_read_again(read: Read) -> None:
    """By its element, as with feeds."""
    first = read(sitemap(place("https://example.org/1")))
    again = read(sitemap(place("https://example.org/2"), place("https://example.org/1")), frozenset(first.elements))
    assert [entry.url for entry in again.entries] == ["https://example.org/2"]
    assert len(again.elements) == 2


def test_a_compressed_one_is_read(read: Read) -> None:
    """As files they mostly are."""
    body = gzip.compress(sitemap(place("https://example.org/1")).encode())
    assert len(read(body, content_type="application/gzip").entries) == 1


# --- what is hostile, or none ---------------------------------------------------------------------------------------


def test_addresses_on_other_hosts_do_not_count(read: Read) -> None:
    """Nobody is sent to a stranger's site by it; that is told."""
    parsed = read(sitemap(place("https://example.org/1"), place("https://victim.example/2"), place("http://10.0.0.1/")))
    assert [entry.url for entry in parsed.entries] == ["https://example.org/1"]
    assert parsed.problem == "addresses on other hosts: 2"


def test_there_is_an_end_to_what_is_taken(read: Read) -> None:
    """However many there are."""
    parsed = read(sitemap(*(place(f"https://example.org/{n}") for n in range(30))), max_entries=20)
    assert len(parsed.entries) == 20
    assert parsed.problem == "more than 20 entries: the last 10 were left out"


def test_a_bomb_is_not_inflated(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what is cut short, or no gzip."""
    monkeypatch.setattr(news_sitemap, "MAX_BYTES", 10_000)
    whole = sitemap(place("https://example.org/1"))
    bomb = gzip.compress(whole.encode() + b" " * 1_000_000)
    for body in (bomb, gzip.compress(whole.encode())[:-9], b"\x1f\x8b\x08 no gzip"):
        assert outcome(body) == NotAFeed(reason="gzip data")


NONE = {
    "an index": (f"<sitemapindex {NAMESPACES}><sitemap><loc>https://example.org/a.xml</loc></sitemap></sitemapindex>"),
    "no news": sitemap("<url><loc>https://example.org/about</loc></url>"),
    "nothing at all": sitemap(),
    "not well-formed": sitemap(place("https://example.org/1"))[:-20],
    "entities": f'<!DOCTYPE urlset [<!ENTITY a "{"b" * 1000}"><!ENTITY c "{"&a;" * 1000}">]>'
    + sitemap(f"<url><loc>{'&c;' * 1000}</loc></url>").partition("?>")[2],
    "nested without end": f"<urlset {NAMESPACES}>" + "<url>" * 5000,
}


@pytest.mark.parametrize("body", NONE.values(), ids=NONE)
def test_what_is_no_news_sitemap(outcome: Outcome, body: str) -> None:
    """Says what it is instead."""
    found = outcome(body)
    assert isinstance(found, NotAFeed)
    assert "sitemap" in found.reason
