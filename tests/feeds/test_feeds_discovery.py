"""The feeds that a page points to."""

from __future__ import annotations

import pytest

from tests import corpus
from worker.feeds import discover
from worker.model import FoundFeed

PAGE = "https://example.org/blog/"
RSS = "application/rss+xml"


def feeds(page: str, url: str = PAGE) -> tuple[FoundFeed, ...]:
    return discover(page.encode(), url=url, content_type="text/html; charset=utf-8")


def urls(page: str, url: str = PAGE) -> list[str]:
    return [feed.url for feed in feeds(page, url)]


def link(href: str, rel: str = "alternate", type: str = RSS, title: str = "") -> str:
    return f'<link rel="{rel}" type="{type}" title="{title}" href="{href}">'


def test_a_declared_feed():
    """Its address made absolute, its title as one line, its media type without parameters."""
    page = "<!doctype html><head><title>x</title>" + link(
        "/feed", type=f"{RSS.upper()}; charset=x", title="A\n &amp; B"
    )
    assert feeds(page) == (FoundFeed(url="https://example.org/feed", title="A & B", type=RSS),)


@pytest.mark.parametrize(
    ("rel", "media_type"),
    [
        pytest.param("alternate", RSS, id="RSS"),
        pytest.param("alternate", "application/atom+xml", id="Atom"),
        pytest.param("alternate", "application/feed+json", id="JSON Feed"),
        pytest.param("alternate", "application/rdf+xml", id="RDF"),
        pytest.param("alternate", "application/x.atom+xml", id="an old name of Atom"),
        pytest.param("alternate", "text/xml", id="XML, as older sites say"),
        pytest.param("home ALTERNATE\nnofollow", RSS, id="one relation of several"),
        pytest.param("Feed", "text/html", id="rel=feed, whatever its type"),
    ],
)
def test_what_declares_a_feed(rel, media_type):
    """Relations and types are those of the specifications, in any case."""
    assert urls(link("x", rel, media_type)) == ["https://example.org/blog/x"]


@pytest.mark.parametrize(
    ("rel", "media_type", "href"),
    [
        pytest.param("alternate", "application/json", "/wp-json/wp/v2/posts/1", id="WordPress' API"),
        pytest.param("alternate", "application/json+oembed", "/oembed?format=json", id="oEmbed"),
        pytest.param("alternate", "text/html", "/de/", id="another language"),
        pytest.param("stylesheet", RSS, "/x.css", id="a stylesheet"),
        pytest.param("alternates", RSS, "/feed", id="no such relation"),
    ],
)
def test_what_declares_none(rel, media_type, href):
    """Alternates of other kinds."""
    assert urls(link(href, rel, media_type)) == []


def test_a_json_feed_of_version_1():
    """Its specification said application/json; the name tells it from an API."""
    assert urls(link("/feed.json", type="application/json")) == ["https://example.org/feed.json"]


@pytest.mark.parametrize(
    "href",
    [
        "/feed", "/feed/", "/blog/feeds/", "/rss", "/rss.xml", "atom.xml", "/index.xml", "/index.rdf", "/feed/atom/",
        "/news.rss", "/?feed=rss2", "/x?format=rss", "/feed.json", "/RSS.aspx", "feed?lang=en", "//example.org/rss",
        " /feed\n", "HTTPS://example.org/feed",
    ],
)  # fmt: skip
def test_links_that_look_like_feeds(href):
    """By the last part of the path, or a parameter."""
    assert len(urls(f'<p>Follow <a href="{href}">us</a>')) == 1


@pytest.mark.parametrize(
    "href",
    [
        "/feedback/", "/rss.html", "/breastfeeding/", "/atomkraft", "/news-rss-feeds/", "/sitemap.xml", "/index.html",
        "https://reader.example/subscribe/https://example.org/feed", "https://r.example/?u=https%3A%2F%2Fe.org%2Frss",
        "/subscribe/https://example.org/feed", "#feed", "/feed-the-birds", "",
    ],
)  # fmt: skip
def test_links_that_do_not(href):
    """Words that hold such a name, pages about feeds, buttons of readers."""
    assert urls(f'<p><a href="{href}">RSS</a>') == []


def test_the_likeliest_comes_first():
    """Declared before linked, its own host before others, as the page has them; feeds of comments after all."""
    page = (
        '<a href="https://elsewhere.example/feed">theirs</a><a href="/rss">RSS</a><a rel="feed" href="/a">A</a>'
        + link("/comments/feed/", title="Blog » Comments Feed")
        + link("/feeds/1/comments/default", type="application/atom+xml")
        + link("/2024/05/post/feed/", title="Blog » Post Kommentar-Feed")
        + link("/old.xml", type="text/xml")
        + link("https://feeds.example/blog")
        + link("/atom", type="application/atom+xml")
        + '<a href="/?feed=comments-rss2">RSS</a>'
    )
    assert urls(page) == [
        "https://feeds.example/blog",
        "https://example.org/atom",
        "https://example.org/old.xml",
        "https://example.org/a",
        "https://example.org/rss",
        "https://elsewhere.example/feed",
        "https://example.org/comments/feed/",
        "https://example.org/feeds/1/comments/default",
        "https://example.org/2024/05/post/feed/",
        "https://example.org/?feed=comments-rss2",
    ]


def test_each_feed_once():
    """By its canonical address, in its best place and with what is said of it there."""
    page = '<a href="/feed">a</a>' + link("/feed", type="text/xml", title="c")
    page += link("HTTPS://EXAMPLE.org:443/feed?utm_source=x#top", title="b") + link("/feed")
    assert [(feed.title, feed.type) for feed in feeds(page)] == [("b", RSS)]


def test_the_base_of_the_page_is_respected():
    """The first one, itself relative to the page; one that is no address is none."""
    assert urls(f'<base href="/sub/"><base href="/no/">{link("feed")}') == ["https://example.org/sub/feed"]
    assert urls(f'<base href="javascript:x">{link("feed")}') == ["https://example.org/blog/feed"]


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)//rss", "data:text/xml,/feed", "feed://x/rss", "http://[/feed", ""]
)
def test_only_addresses_to_ask(href):
    """http(s) or nothing."""
    assert all(url.startswith("https://example.org/") for url in urls(link(href) + f'<a href="{href}">x</a>'))
    assert urls(link(href)) in ([], [PAGE])


def test_titles_in_other_charsets():
    """Which the header or the page itself declares."""
    page = ('<meta charset="windows-1251">' + link("/feed", title="Новости")).encode("cp1251")
    for content_type in (None, "text/html", "text/html; charset=windows-1251"):
        (feed,) = discover(page, url=PAGE, content_type=content_type)
        assert feed.title == "Новости"


def test_what_comes_out_is_clean():
    """No control characters, none of a terminal's escapes, no title without end."""
    nasty = "\x1b[31m\x9b1m\x7f"
    (feed,) = feeds(f'<a href="/feed{nasty}?a" rel=feed type="a{nasty}">{"x" * 500}{nasty}</a>')
    assert (feed.url, feed.title) == ("https://example.org/feed[31m1m?a", "x" * 200)
    assert feed.type == "a[31m1m"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("", id="nothing"),
        pytest.param("\0", id="NUL"),
        pytest.param("just words", id="text"),
        pytest.param("%PDF-1.7", id="PDF"),
        pytest.param("<!-- ", id="a comment"),
        pytest.param('<?xml version="1.0" encoding="utf-16"?><rss/>', id="XML"),
        pytest.param("<a>" * 50_000, id="nested"),
        pytest.param("<a " + " ".join(f"a{n}=x" for n in range(5_000)) + ">", id="attributes"),
    ],
)
def test_pages_without_a_feed(page):
    """Whatever they are."""
    assert feeds(page) == ()


def test_floods_are_bounded():
    """Twenty at most, of the first of them; what stands beyond the limit of the page is not seen."""
    many = feeds("".join(f'<a href="/{n}/feed">x</a>' for n in range(50_000)))
    assert [feed.url for feed in many] == [f"https://example.org/{n}/feed" for n in range(20)]
    assert urls(" " * 3_000_000 + link("/feed")) == []


@corpus.needs_corpus
def test_pages_of_the_corpus():
    """Nothing is raised; addresses only; most of these sites declare a feed."""
    found = [discover(page, url=PAGE, content_type=None) for page in corpus.pages(at_least=0, at_most=300_000)[:150]]
    assert all(feed.url.startswith(("http://", "https://")) for some in found for feed in some)
    assert sum(map(bool, found)) > len(found) / 3
