"""The demo's web: what it promises to show is there, readable, and served as a real one would."""

from __future__ import annotations

import gc
import http.client
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html import unescape
from urllib.parse import urlsplit

import feedparser
import pytest
import trafilatura
from trafilatura.settings import Document

from worker.demo.response import conditional
from worker.demo.server import DemoServer
from worker.demo.site import DemoFeed, DemoPage, Site

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
SITE = Site(now=NOW, port=8000)
ALIVE = [feed for feed in SITE.feeds if feed.format != "gone"]


def body_of(site: Site, url: str) -> bytes:
    """What stands at an address of the site."""
    parts = urlsplit(url)
    response = site.respond(parts.netloc, f"{parts.path}?{parts.query}" if parts.query else parts.path)
    assert response.status == 200, url
    return response.body


def entries_of(site: Site, feed: DemoFeed) -> list[dict[str, object]]:
    """The entries of a feed as a reader sees them."""
    body = body_of(site, feed.url)
    if feed.format == "json":
        return [item | {"link": item.get("url")} for item in json.loads(body)["items"]]
    return [{"link": entry.get("link"), **entry} for entry in feedparser.parse(body).entries]


def feed_named(site: Site, name: str) -> DemoFeed:
    """The feed with this id."""
    return next(feed for feed in site.feeds if feed.id == name)


def page_named(site: Site, name: str) -> DemoPage:
    """The page of the article with this id."""
    return next(page for page in site.pages if page.article == name)


def extracted(site: Site, page: DemoPage) -> str:
    """What trafilatura takes from a page that was decoded rightly."""
    document = trafilatura.bare_extraction(body_of(site, page.url).decode(page.charset), with_metadata=True)
    assert isinstance(document, Document)
    return document.text or ""


def words(text: str, language: str) -> Counter[str]:
    """The words of a text; Japanese, which has no spaces, is counted in characters."""
    return Counter(re.findall(r"\w" if language == "ja" else r"\w+", text.lower()))


def test_there_is_enough_to_see() -> None:
    """The demo keeps its promise of feeds, pages, looks, languages and charsets."""
    assert len(SITE.feeds) == 13
    assert len(SITE.pages) == 48
    assert len({feed.format for feed in SITE.feeds}) == 7
    assert len({page.layout for page in SITE.pages}) == 12
    assert {page.language for page in SITE.pages} == {"en", "de", "fr", "es", "ru", "ja", "ar"}
    assert {page.declared for page in SITE.pages} == {"http", "meta", "both", "neither"}
    assert {page.charset for page in SITE.pages} == {
        *("utf-8", "iso-8859-1", "windows-1252", "windows-1251", "Shift_JIS", "EUC-JP")
    }


def test_every_article_is_its_own() -> None:
    """But for the reprint no two articles share their words, and each has the length of a short article."""
    assert len({page.text for page in SITE.pages}) == len(SITE.pages) - 1
    for page in SITE.pages:
        count = sum(words(page.text, page.language).values())
        assert (300 if page.language == "ja" else 120) <= count <= 400, page.article


@pytest.mark.parametrize("feed", ALIVE, ids=lambda feed: feed.id)
def test_each_feed_is_read_whole(feed: DemoFeed) -> None:
    """A reader finds every entry of every feed, and only the broken one makes it complain."""
    assert len(entries_of(SITE, feed)) == feed.entries
    if feed.format != "json":
        assert bool(feedparser.parse(body_of(SITE, feed.url)).bozo) == (feed.format == "broken")


@pytest.mark.parametrize(
    ("name", "version", "encoding"),
    [
        ("planet", "rss20", "utf-8"),
        ("courier", "atom10", "utf-8"),
        ("tagblatt", "rss091u", "iso-8859-1"),
        ("vestnik", "rss10", "windows-1251"),
        ("forum", "rss20", "utf-8"),
    ],
)
def test_feeds_are_what_they_say(name: str, version: str, encoding: str) -> None:
    """Formats and charsets are those that feedparser recognises."""
    parsed = feedparser.parse(body_of(SITE, feed_named(SITE, name).url))
    assert (parsed.version, parsed.encoding) == (version, encoding)


def test_every_link_answers_but_the_lost_one() -> None:
    """Each entry leads to a page of the demo, except the pier whose page is gone."""
    links = [str(entry["link"]) for feed in ALIVE for entry in entries_of(SITE, feed) if entry.get("link")]
    missing = [link for link in links if SITE.respond(urlsplit(link).netloc, urlsplit(link).path).status != 200]
    assert missing == ["http://courier.localhost:8000/2026/pier-painting"]
    assert {urlsplit(link).port for link in links} == {8000}


def test_every_article_is_in_a_feed() -> None:
    """No page is written for nobody: a poll of all feeds meets every article."""
    links = {str(entry["link"]).partition("?")[0] for feed in ALIVE for entry in entries_of(SITE, feed)}
    assert {page.url for page in SITE.pages} <= links


@pytest.mark.parametrize("page", SITE.pages, ids=lambda page: page.article)
def test_extraction_finds_the_article_and_nothing_else(page: DemoPage) -> None:
    """The words are there, the banners, boxes and footers that stand on the page are not."""
    markup = unescape(body_of(SITE, page.url).decode(page.charset))
    text = extracted(SITE, page)
    expected = words(page.text, page.language)
    assert (expected & words(text, page.language)).total() >= 0.8 * expected.total()
    assert [phrase for phrase in page.furniture if phrase not in markup] == []
    assert [phrase for phrase in page.furniture if phrase in text] == []


@pytest.mark.parametrize("page", SITE.pages, ids=lambda page: page.article)
def test_pages_name_their_charset_where_they_say(page: DemoPage) -> None:
    """The charset stands in HTTP, in the page, in both or in neither, and then it is UTF-8."""
    parts = urlsplit(page.url)
    response = SITE.respond(parts.netloc, parts.path)
    in_http = f"charset={page.charset}" in response.content_type
    in_meta = f"charset={page.charset}".encode() in response.body[:1024].replace(b'"', b"")
    assert (in_http, in_meta) == (page.declared in {"http", "both"}, page.declared in {"meta", "both"})
    assert page.declared != "neither" or page.charset == "utf-8"
    assert page.charset == "utf-8" or not response.body.isascii()


def test_the_reprint_has_the_same_words() -> None:
    """Two hosts, two pages, one extracted text: what exact deduplication is shown with."""
    first, second = (page_named(SITE, f"{host}/lighthouse") for host in ("planet", "courier"))
    assert body_of(SITE, first.url) != body_of(SITE, second.url)
    assert extracted(SITE, first) == extracted(SITE, second)


def test_a_topic_feed_repeats_the_main_feed_with_trackers() -> None:
    """The same pages under other links, which the server answers alike."""
    main = {entry["link"] for entry in entries_of(SITE, feed_named(SITE, "planet"))}
    topic = [str(entry["link"]) for entry in entries_of(SITE, feed_named(SITE, "planet-science"))]
    tracked = [link for link in topic if "utm_source=" in link]
    assert len(tracked) == 3
    for link in tracked:
        assert link not in main
        assert link.partition("?")[0] in main
        assert body_of(SITE, link) == body_of(SITE, link.partition("?")[0])


def test_the_odd_entries_are_there() -> None:
    """No date, no title, no link, a PDF, enclosures: the demo has one of each."""
    planet = entries_of(SITE, feed_named(SITE, "planet"))
    assert len([entry for entry in planet if not entry.get("title")]) == 1
    (unlinked,) = (entry for entry in planet if not entry.get("link"))
    assert unlinked.get("content")
    science = entries_of(SITE, feed_named(SITE, "planet-science"))
    assert len([entry for entry in science if not entry.get("published")]) == 1
    timetable = body_of(SITE, "http://planet.localhost:8000/files/night-bus.pdf")
    assert timetable.startswith(b"%PDF-1.4")
    assert timetable.rstrip().endswith(b"%%EOF")
    for entry in feedparser.parse(body_of(SITE, feed_named(SITE, "radio").url)).entries:
        (sound,) = entry.enclosures
        assert len(body_of(SITE, sound.href)) == int(sound.length)


def test_some_entries_carry_the_whole_text() -> None:
    """Most feeds give a summary, some entries their full content."""
    entries = [entry for feed in ALIVE for entry in entries_of(SITE, feed)]
    whole = [entry for entry in entries if entry.get("content") or entry.get("content_html")]
    assert 0 < len(whole) < len(entries) / 2


def test_the_correction_changes_one_figure_in_one_article_and_its_feed() -> None:
    """One page and one feed get new validators, and only the figure differs."""
    later = SITE.correct(NOW + timedelta(minutes=1))
    changed = [page.article for page in SITE.pages if body_of(SITE, page.url) != body_of(later, page.url)]
    feeds = [feed.id for feed in ALIVE if body_of(SITE, feed.url) != body_of(later, feed.url)]
    assert (changed, feeds) == (["courier/marrow"], ["courier"])
    before, after = (page_named(site, "courier/marrow") for site in (SITE, later))
    assert extracted(later, after) == extracted(SITE, before).replace("61.4", "64.1") != extracted(SITE, before)
    entry = entries_of(later, feed_named(later, "courier"))[0]
    assert "64.1" in str(entry["summary"])
    assert entry["updated"] == "2026-03-14T12:01:00+00:00"
    old, new = (site.respond("courier.localhost", "/atom.xml") for site in (SITE, later))
    assert old.etag != new.etag
    assert new.last_modified == NOW + timedelta(minutes=1)


def test_the_same_arguments_make_the_same_web() -> None:
    """Nothing in it comes from a clock or from chance."""
    again = Site(now=NOW, port=8000)
    assert [body_of(again, feed.url) for feed in ALIVE] == [body_of(SITE, feed.url) for feed in ALIVE]
    assert [body_of(again, page.url) for page in SITE.pages] == [body_of(SITE, page.url) for page in SITE.pages]


FEED = SITE.respond("planet.localhost", "/feed.xml")
CHANGED = "Sat, 14 Mar 2026 03:00:00 GMT"


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "status", "why"),
    [
        (None, None, 200, "nothing was asked"),
        (FEED.etag, None, 304, "the tag is the current one"),
        (f'"other", W/{FEED.etag}', None, 304, "a list, compared weakly"),
        ("*", None, 304, "anything there is"),
        ('"other"', CHANGED, 200, "the tag wins over the date"),
        (None, CHANGED, 304, "not changed since"),
        (None, "Sat, 14 Mar 2026 02:59:59 GMT", 200, "changed a second later"),
        (None, "Sat, 14 Mar 2026 03:00:00 -0000", 304, "a date without a zone is GMT"),
        (None, "yesterday, I think", 200, "no date at all"),
    ],
)
def test_conditional_requests(if_none_match: str | None, if_modified_since: str | None, status: int, why: str) -> None:
    """RFC 9110's rules for the two validators."""
    answer = conditional(FEED, if_none_match=if_none_match, if_modified_since=if_modified_since)
    assert answer.status == status, why
    assert answer.etag == FEED.etag
    assert bool(answer.body) == (status == 200)


@pytest.fixture
def server() -> Iterator[DemoServer]:
    """The demo's web on loopback."""
    with DemoServer(NOW) as running:
        yield running


@pytest.fixture
def connection(server: DemoServer) -> Iterator[http.client.HTTPConnection]:
    """A connection to it that is kept alive."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    yield client
    client.close()


def fetch(
    connection: http.client.HTTPConnection, host: str, path: str, method: str = "GET", **fields: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request with its Host named, answered whole."""
    headers = {"Host": host} | {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response, response.read()


def test_hosts_share_a_port_and_a_connection(server: DemoServer, connection: http.client.HTTPConnection) -> None:
    """The Host field chooses the site, links carry the port, and the connection is kept."""
    for feed in server.site.feeds:
        parts = urlsplit(feed.url)
        assert parts.port == server.port
        response, body = fetch(connection, parts.netloc, parts.path)
        assert response.status == (404 if feed.format == "gone" else 200)
        assert int(response.headers["Content-Length"]) == len(body)
    first = connection.sock
    assert fetch(connection, "stranger.localhost", "/")[0].status == 404
    assert connection.sock is first
    assert server.counts() == {200: 12, 404: 2}


def test_a_second_poll_gets_304_until_the_correction(
    server: DemoServer, connection: http.client.HTTPConnection
) -> None:
    """Validators over real HTTP: unchanged, then corrected, then unchanged again."""
    fresh, _ = fetch(connection, "courier.localhost", "/atom.xml")
    etag, changed = fresh.headers["ETag"], fresh.headers["Last-Modified"]
    assert parsedate_to_datetime(changed) == NOW - timedelta(hours=3)
    for condition in ({"If_None_Match": etag}, {"If_Modified_Since": changed}):
        same, body = fetch(connection, "courier.localhost", "/atom.xml", **condition)
        assert (same.status, body) == (304, b"")
        assert (same.headers["ETag"], same.headers["Last-Modified"]) == (etag, changed)
    server.correct(NOW + timedelta(minutes=1))
    corrected, body = fetch(connection, "courier.localhost", "/atom.xml", If_None_Match=etag)
    assert corrected.status == 200
    assert b"64.1" in body
    assert fetch(connection, "courier.localhost", "/atom.xml", If_None_Match=corrected.headers["ETag"])[0].status == 304
    assert server.counts() == {200: 2, 304: 3}


def test_head_has_the_length_and_no_body(connection: http.client.HTTPConnection) -> None:
    """HEAD answers as GET would, without the body, and the connection stays usable."""
    head, body = fetch(connection, "planet.localhost", "/robots.txt", method="HEAD")
    assert body == b""
    assert int(head.headers["Content-Length"]) == len(fetch(connection, "planet.localhost", "/robots.txt")[1])


def test_leaving_ends_every_thread_and_connection() -> None:
    """An idle connection does not hold the close up, no thread outlives it, no socket is left to the collector."""
    before = set(threading.enumerate())
    with DemoServer(NOW) as running:
        idle = socket.create_connection(("127.0.0.1", running.port), timeout=5)
        client = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
        assert fetch(client, "planet.localhost", "/")[0].status == 200
    assert idle.recv(1) == b""
    idle.close()
    client.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=5).close()
    gc.collect()


def test_a_client_that_breaks_off_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed when a connection is reset in the middle of a request."""
    with DemoServer(NOW) as running:
        broken = socket.create_connection(("127.0.0.1", running.port), timeout=5)
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        broken.sendall(b"GET / HT")
        broken.close()
    assert capfd.readouterr() == ("", "")
