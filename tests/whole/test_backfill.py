"""Older pages of feeds are gone through where that is wanted, as far as they lead, and no farther."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.site import Answer, Request, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, item, prose, rss
from tests.whole.pages import page as article
from worker import app
from worker.model import Millis
from worker.store import FeedStatus, read_status, walks

NOW = datetime.now(UTC)


def page(site: Site, path: str, numbers: Sequence[int], *, older: str | None = None, host: str = "a") -> str:
    """Serves a page of a feed with these entries, the nth of them n hours old, which leads to `older`; its URL."""
    return site.add(host, path, Answer(body=document(numbers, older), content_type=RSS))


def document(numbers: Sequence[int], older: str | None) -> bytes:
    items = "".join(
        f"<item><guid>{n}</guid><title>Number {n}</title><description>{prose(f'bird number {n}')}</description>"
        f"<pubDate>{format_datetime(NOW - timedelta(hours=n))}</pubDate></item>"
        for n in numbers
    )
    link = "" if older is None else f'<atom:link rel="next" href="{older}"/>'
    atom = 'xmlns:atom="http://www.w3.org/2005/Atom"'
    return f'<rss version="2.0" {atom}><channel><title>F</title>{link}{items}</channel></rss>'.encode()


def configure(worker: Worker, url: str, backfill: str | None = "30d", **keys: object) -> None:
    worker.configure([{"url": url, "id": "f", **({"backfill": backfill} if backfill else {}), **keys}])


def titles(worker: Worker) -> list[str]:
    return sorted((record["title"] for record in worker.records()), key=lambda title: int(title.split()[1]))


def numbered(numbers: Sequence[int]) -> list[str]:
    return [f"Number {n}" for n in numbers]


def status(state: Path) -> FeedStatus:
    return read_status(state)[0][0]


def test_a_new_feed_is_followed_back(site: Site, worker: Worker) -> None:
    """Page by page, to the end; once, and no more while its document joins on to what is known."""
    page(site, "/3", range(20, 25))
    page(site, "/2", range(10, 20), older="/3")
    url = page(site, "/feed", range(1, 10), older="/2")
    configure(worker, url)
    tally = worker.once()
    assert titles(worker) == numbered(range(1, 25))
    assert (tally.polls, tally.entries) == (1, 24)
    page(site, "/feed", range(9), older="/2")
    worker.once(every=True)
    assert titles(worker) == numbered(range(25))
    assert [len(site.asked("a", path)) for path in ("/feed", "/2", "/3")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("backfill", "keys", "last"),
    [
        pytest.param(None, {}, 9, id="none is wanted"),
        pytest.param("12h", {}, 11, id="no older than that; the page that is reaches beyond is the last"),
        pytest.param("30d", {"backlog": {"newest": 5}}, 5, id="a backlog says what is taken of a new feed"),
    ],
)
def test_it_goes_back_as_far_as_is_wanted(
    site: Site, worker: Worker, backfill: str | None, keys: dict[str, object], last: int
) -> None:
    """By the dates of the entries."""
    page(site, "/3", range(20, 25))
    page(site, "/2", range(10, 20), older="/3")
    configure(worker, page(site, "/feed", range(1, 10), older="/2"), backfill, **keys)
    worker.once()
    assert titles(worker) == numbered(range(1, last + 1))
    assert not site.asked("a", "/3")


def test_a_gap_is_filled(site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document without anything known leads back to what is; the part of the feed that was seen is all of it
    again. Pages beyond that are not asked for."""
    configure(worker, page(site, "/feed", range(50, 60)))
    real = app.now
    with monkeypatch.context() as patched:
        patched.setattr(app, "now", lambda: Millis(real() - 49 * 3_600_000))
        worker.once()
    page(site, "/feed", range(1, 11), older="/2")
    page(site, "/2", range(11, 31), older="/3")
    page(site, "/3", range(31, 51), older="/4")
    page(site, "/4", range(50, 60), older="/5")
    tally = worker.once(every=True)
    assert tally.gaps == 1
    assert titles(worker) == numbered(range(1, 60))
    told = status(worker.state)
    assert (told.gaps, told.new_total) == (1, 59)
    assert told.coverage > 0.95
    assert [len(site.asked("a", path)) for path in ("/2", "/3", "/4", "/5")] == [1, 1, 1, 0]


def endless(site: Site, host: str) -> str:
    """Each page has an entry that is new, and a page before it."""

    def route(request: Request) -> Answer:
        n = int(request.path.removeprefix("/"))
        if n < 100:
            site.routes[f"{host}.localhost", f"/{n + 1}"] = route
        return Answer(body=document([n], f"/{n + 1}"), content_type=RSS)

    return site.add(host, "/1", route)


def test_a_chain_without_an_end_has_one(site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many pages, and no more."""
    monkeypatch.setattr(walks, "PAGES", 3)
    configure(worker, endless(site, "a"))
    worker.once()
    assert titles(worker) == numbered(range(1, 5))
    assert len(site.asked("a")) == 4


def to_elsewhere(site: Site) -> str:
    return page(site, "/feed", [1], older=page(site, "/2", [2], host="b"))


def by_redirect(site: Site) -> str:
    site.add("a", "/2", Answer(status=302, headers={"Location": page(site, "/3", [3], host="b")}))
    return page(site, "/feed", [1], older="/2")


def in_a_circle(site: Site) -> str:
    page(site, "/2", [1], older="/feed")
    return page(site, "/feed", [1], older="/2")


def to_a_page(site: Site) -> str:
    site.add("a", "/2", Answer(body=b"<!doctype html><title>No feed</title>"))
    return page(site, "/feed", [1], older="/2")


def to_a_bomb(site: Site) -> str:
    bomb = gzip.compress(document(range(2, 4), None) + b" " * 40_000_000)
    site.add("a", "/2", Answer(body=bomb, content_type=RSS, headers={"Content-Encoding": "gzip"}))
    return page(site, "/feed", [1], older="/2")


@pytest.mark.parametrize("hostile", [to_elsewhere, by_redirect, in_a_circle, to_a_page, to_a_bomb])
def test_a_feed_sends_nobody_astray(site: Site, worker: Worker, hostile: object) -> None:
    """Not to another host, by a link or a redirect, nor round in a circle; what is no feed, or too much of one, is
    the end. The feed itself does well."""
    assert callable(hostile)
    configure(worker, hostile(site))
    worker.once()
    assert titles(worker) == numbered([1])
    assert len(site.asked("a")) <= 2
    assert not site.asked("b")
    assert status(worker.state).error is None
    assert worker.once(every=True).polls == 1


def test_an_older_page_says_nothing_new_of_what_is_known(site: Site, worker: Worker) -> None:
    """It may have an older version of it: no update is made, and nothing is fetched."""
    other = document([1, 2], None).replace(b"bird number 1", b"bird that was number 1")
    site.add("a", "/2", Answer(body=other, content_type=RSS))
    configure(worker, page(site, "/feed", [1], older="/2"))
    tally = worker.once()
    assert titles(worker) == numbered([1, 2])
    assert (tally.new, tally.updates) == (2, 0)


def test_the_owner_may_say_where_older_entries_are(site: Site, worker: Worker) -> None:
    """A news sitemap of the site, say; articles that the feed shows as well are one each."""
    urls = {n: site.add("a", f"/{n}", article(f"Number {n}", prose(f"bird number {n}"))) for n in range(1, 5)}
    items = [item(f"guid-{n}", urls[n], f"Number {n}") for n in (1, 2)]
    site.add("a", "/feed", Answer(body=rss(*items), content_type=RSS))
    places = "".join(
        f"<url><loc>{url}</loc><n:news><n:publication_date>{(NOW - timedelta(hours=n)).isoformat()}"
        f"</n:publication_date><n:title>Number {n}</n:title></n:news></url>"
        for n, url in urls.items()
    )
    spaces = (
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'
    )
    body = gzip.compress(f"<urlset {spaces}>{places}</urlset>".encode())
    where = site.add("a", "/news.xml.gz", Answer(body=body, content_type="application/gzip"))
    configure(worker, site.url("a", "/feed"), backfill_from=where)
    worker.once()
    worker.once(every=True)
    assert titles(worker) == numbered(range(1, 5))
    assert len(site.asked("a", "/news.xml.gz")) == 1
