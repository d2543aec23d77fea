"""Sitemaps of any kind, read for the older entries of a feed."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape

import pytest

from tests.feeds.conftest import NOW, URL, Outcome, Read
from worker.feeds import news_sitemap, parse, sitemap
from worker.model import Millis, NotAFeed, ParsedFeed

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
DAY = 86_400_000
SINCE = Millis(NOW - 30 * DAY)


def day(ago: int) -> str:
    return (datetime.fromtimestamp(NOW / 1000, UTC) - timedelta(days=ago)).date().isoformat()


def place(url: str, ago: int | None = None, *, name: str = "url") -> str:
    changed = "" if ago is None else f"<lastmod>{day(ago)}</lastmod>"
    return f"<{name}><loc>{escape(url)}</loc>{changed}</{name}>"


def listing(*places: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE}>{"".join(places)}</urlset>'


def index(*places: tuple[str, int | None]) -> str:
    inside = "".join(place(url, ago, name="sitemap") for url, ago in places)
    return f"<sitemapindex {SPACE}>{inside}</sitemapindex>"


def addresses(parsed: ParsedFeed) -> Sequence[str | None]:
    return [entry.url for entry in parsed.entries]


def test_what_is_young_enough_is_taken_the_newest_first(read: Read) -> None:
    """By lastmod; as what it is: an address of which nothing more is known."""
    parsed = read(
        listing(
            place("https://example.org/old", 32),
            place("https://example.org/older", 20),
            place("https://example.org/new?a=1&b=2", 1),
            place("https://example.org/", 0),
        ),
        since=SINCE,
    )
    assert addresses(parsed) == ["https://example.org/new?a=1&b=2", "https://example.org/older"]
    assert {(entry.found_in, entry.title, entry.published) for entry in parsed.entries} == {("sitemap", None, None)}
    assert (parsed.version, parsed.problem, parsed.further) == ("sitemap", None, ())


@pytest.mark.parametrize(
    ("path", "ago", "taken"),
    [
        pytest.param("2026/11/20/herons", None, True, id="the day in its address"),
        pytest.param("2026-11/herons", None, True, id="the month"),
        pytest.param("2019/11/20/herons", 1, False, id="one that was touched lately is as old as its address says"),
        pytest.param("herons", None, False, id="of no date"),
        pytest.param("herons-20261120", None, False, id="a number may be anything"),
        pytest.param("2026/02/30/herons", None, False, id="no such day"),
        pytest.param("2026/11/20/herons", 400, True, id="lastmod does not count beside it"),
    ],
)
def test_the_date_in_an_address_goes_before_lastmod(read: Read, path: str, ago: int | None, taken: bool) -> None:
    """Sites touch old pages whenever their layout changes."""
    since = Millis(NOW - 60 * DAY) if "11/herons" in path else SINCE
    parsed = read(listing(place(f"https://example.org/{path}", ago)), since=since)
    assert bool(parsed.entries) == taken


def test_what_has_no_date_is_told(read: Read) -> None:
    """With how many."""
    parsed = read(listing(*(place(f"https://example.org/{n}") for n in range(7))), since=SINCE)
    assert (parsed.entries, parsed.problem) == ((), "addresses of no date: 7")


def test_news_among_it_is_taken_with_all_that_is_told(read: Read) -> None:
    """As a news sitemap has it."""
    news = (
        '<url xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"><loc>https://example.org/n</loc><n:news>'
        f"<n:publication_date>{day(1)}</n:publication_date><n:title>Herons</n:title></n:news></url>"
    )
    (entry,) = read(listing(news), since=SINCE).entries
    assert (entry.title, entry.found_in) == ("Herons", None)


def test_an_index_leads_to_its_sitemaps(read: Read) -> None:
    """The newest first; those whose name or lastmod is of before are passed over."""
    parsed = read(
        index(
            ("https://example.org/pages.xml", None),
            ("https://example.org/b.xml.gz", 3),
            ("https://example.org/a.xml", 1),
            ("https://example.org/old.xml", 40),
            ("https://example.org/posts-2019-07.xml", None),
            ("https://example.org/posts-202611.xml", None),
        ),
        since=SINCE,
    )
    assert parsed.further == tuple(
        f"https://example.org/{name}" for name in ("a.xml", "b.xml.gz", "pages.xml", "posts-202611.xml")
    )
    assert parsed.entries == ()


def test_a_robots_txt_leads_to_its_sitemaps() -> None:
    """RFC 9309 leaves the line to others; it stands in no group."""
    text = b"User-agent: *\nDisallow: /x\n\nSitemap: https://example.org/a.xml\n sitemap :/b.xml # b\nSitemap:\n"
    found = parse(
        text, url="https://example.org/robots.txt", content_type="text/plain", known=frozenset(), now=NOW, since=SINCE
    )
    assert isinstance(found, ParsedFeed)
    assert found.further == ("https://example.org/a.xml", "https://example.org/b.xml")


def test_none_of_it_is_a_feed(outcome: Outcome) -> None:
    """Listed as one, it says what it is and what it is good for."""
    for body in (listing(place("https://example.org/a", 1)), index(("https://example.org/a.xml", 1))):
        found = outcome(body)
        assert isinstance(found, NotAFeed)
        assert "backfill_from" in found.reason


def test_a_feed_is_read_as_ever(read: Read) -> None:
    """What an owner names may be a page of the feed."""
    body = "<rss version='2.0'><channel><title>T</title><item><title>A</title></item></channel></rss>"
    assert [entry.title for entry in read(body, since=SINCE).entries] == ["A"]


# --- what is hostile ------------------------------------------------------------------------------------------------


STRANGERS = ["https://victim.example/1", "http://10.0.0.1/", "file:///etc/passwd", "https://example.org.evil.example/"]


def test_nobody_is_sent_to_a_stranger(read: Read) -> None:
    """By an address, by an index, or by robots.txt."""
    told = "addresses on other hosts: 4"
    parsed = read(listing(*(place(url, 1) for url in (*STRANGERS, "https://example.org/1"))), since=SINCE)
    assert (addresses(parsed), parsed.problem) == (["https://example.org/1"], told)
    parsed = read(index(*((url, 1) for url in STRANGERS)), since=SINCE)
    assert (parsed.further, parsed.problem) == ((), told)
    robots = sitemap.of_robots("\n".join(f"Sitemap: {url}" for url in STRANGERS), url=URL, since=SINCE)
    assert (robots.further, robots.problem) == ((), told)


def test_there_is_an_end_to_what_is_taken(read: Read) -> None:
    """However much there is: fifty thousand addresses, as the protocol allows, come to the newest."""
    many = [place(f"https://example.org/{n}", n % 20) for n in range(50_000)]
    parsed = read(listing(*many), since=SINCE, max_entries=20)
    assert addresses(parsed) == [f"https://example.org/{n}" for n in range(0, 400, 20)]
    assert parsed.problem == "more than 20 entries: the last 49980 were left out"
    leading = read(index(*((f"https://example.org/{n}.xml", 1) for n in range(3000))), since=SINCE)
    assert len(leading.further) == sitemap.MAX_DOCUMENTS


FLOOD = " ".join(f'a{n}=""' for n in range(9000))


@pytest.mark.parametrize("what", ["entities", "deep", "attributes", "cut", "empty"])
def test_what_no_sitemap_should_be(outcome: Outcome, what: str) -> None:
    """Bombs and ruins are none, or have nothing to say."""
    body = {
        "entities": f'<!DOCTYPE urlset [<!ENTITY a "{"b" * 1000}"><!ENTITY c "{"&a;" * 1000}">]>'
        f"<urlset {SPACE}><url><loc>{'&c;' * 1000}</loc><lastmod>{day(1)}</lastmod></url></urlset>",
        "deep": f"<urlset {SPACE}>" + "<url>" * 5000,
        "attributes": f"<urlset {SPACE}><url {FLOOD}/></urlset>",
        "cut": listing(place("https://example.org/1", 1))[:-20],
        "empty": listing(),
    }[what]
    found = outcome(body, since=SINCE)
    assert isinstance(found, NotAFeed) or not found.entries


def test_a_bomb_is_not_inflated(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed one is read up to what a sitemap may have."""
    whole = listing(place("https://example.org/1", 1)).encode()
    packed = outcome(gzip.compress(whole), since=SINCE, content_type="application/gzip")
    assert isinstance(packed, ParsedFeed)
    assert len(packed.entries) == 1
    monkeypatch.setattr(news_sitemap, "MAX_BYTES", 10_000)
    assert outcome(gzip.compress(whole + b" " * 1_000_000), since=SINCE) == NotAFeed(reason="gzip data")
