"""Older pages of feeds are gone through where that is wanted, as far as they lead, and no farther."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.site import Answer, Request, Site
from tests.whole.conftest import Later, Worker
from tests.whole.pages import RSS, item, prose, rss
from tests.whole.pages import page as article
from worker.store import FeedStatus, read_status
from worker.store.finish import walks

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


def test_a_gap_is_filled(site: Site, worker: Worker, later: Later) -> None:
    """A document without anything known leads back to what is; the part of the feed that was seen is all of it
    again. Pages beyond that are not asked for."""
    configure(worker, page(site, "/feed", range(50, 60)))
    later(-49 / 24)
    worker.once()
    later(0)
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


# --- sitemaps ---------------------------------------------------------------------------------------------------------


def listing(site: Site, path: str, places: Sequence[tuple[str, int]], *, packed: bool = False) -> str:
    """Serves a sitemap of these addresses, each changed so many days ago; its URL."""
    body = f"<urlset>{_places('url', places)}</urlset>".encode()
    return site.add("a", path, Answer(body=gzip.compress(body) if packed else body, content_type="application/xml"))


def index(site: Site, path: str, places: Sequence[tuple[str, int]]) -> str:
    body = f"<sitemapindex>{_places('sitemap', places)}</sitemapindex>".encode()
    return site.add("a", path, Answer(body=body, content_type="application/xml"))


def _places(name: str, places: Sequence[tuple[str, int]]) -> str:
    return "".join(
        f"<{name}><loc>{escape(url)}</loc><lastmod>{(NOW - timedelta(days=ago)).isoformat()}</lastmod></{name}>"
        for url, ago in places
    )


def numbered_pages(site: Site, numbers: Sequence[int]) -> list[tuple[str, int]]:
    """Articles of the site, the nth n days old."""
    return [(site.add("a", f"/{n}", article(f"Number {n}", prose(f"bird number {n}"))), n) for n in numbers]


def by_sitemaps(site: Site, worker: Worker, where: str, backfill: str = "30d") -> None:
    """A feed that shows the first article, and what its owner says of where the older ones are."""
    (first, _), *_ = numbered_pages(site, [1])
    site.add("a", "/feed", Answer(body=rss(item("guid-1", first, "Number 1")), content_type=RSS))
    configure(worker, site.url("a", "/feed"), backfill, backfill_from=where)


def test_sitemaps_that_robots_txt_names_are_gone_through(site: Site, worker: Worker) -> None:
    """By their index, compressed or not, each once; what is young enough is read, politely, behind all else. Pages
    that are no article get no record, and say so; what the feed has as well is one."""
    shell = site.add("a", "/about", Answer(body=b"<!doctype html><title>About</title><a href=/>Home</a>"))
    new = listing(site, "/new.xml", [*numbered_pages(site, [1, 2, 3]), (shell, 1)])
    old = listing(site, "/old.xml.gz", numbered_pages(site, [20, 40]), packed=True)
    stale = listing(site, "/2019-01.xml", numbered_pages(site, [50]))
    top = index(site, "/sitemap.xml", [(old, 20), (new, 1), (stale, 2000), (site.url("a", "/sitemap.xml"), 0)])
    body = f"User-agent: *\nDisallow: /private\nSitemap: {top}\nSitemap: {site.url('b', '/evil.xml')}\n"
    where = site.add("a", "/robots.txt", Answer(body=body.encode(), content_type="text/plain"))
    by_sitemaps(site, worker, where)
    worker.once()
    worker.once(every=True)
    assert titles(worker) == numbered([1, 2, 3, 20])
    documents = ("/sitemap.xml", "/new.xml", "/old.xml.gz", "/2019-01.xml", "/about", "/40")
    assert [len(site.asked("a", path)) for path in documents] == [1, 1, 1, 0, 1, 0]
    assert site.most_at_once_by_host["a.localhost"] == 1
    assert not site.asked("b")
    assert "without an article" in worker.run("why", shell).stdout


def test_sitemaps_are_read_where_their_owner_says_so_alone(site: Site, worker: Worker) -> None:
    """A feed can't have its readers go through a site by a link."""
    where = listing(site, "/sitemap.xml", numbered_pages(site, [2, 3]))
    configure(worker, page(site, "/feed", [1], older=where))
    worker.once()
    assert titles(worker) == numbered([1])


def in_circles(site: Site) -> str:
    urls = [site.url("a", f"/{name}.xml") for name in "xyz"]
    for name in "xyz":
        index(site, f"/{name}.xml", [(url, 0) for url in urls])
    return urls[0]


def without_end(site: Site) -> str:
    """Each leads to two more."""

    def route(request: Request) -> Answer:
        path = request.path.removesuffix(".xml")
        further = [f"{path}{n}.xml" for n in (0, 1)]
        for place in further:
            site.routes["a.localhost", place] = route
        body = f"<sitemapindex>{_places('sitemap', [(place, 0) for place in further])}</sitemapindex>".encode()
        return Answer(body=body, content_type="application/xml")

    return site.add("a", "/s.xml", route)


def to_strangers(site: Site) -> str:
    elsewhere = site.add("b", "/s.xml", Answer(body=b"<urlset/>", content_type="application/xml"))
    site.add("a", "/away.xml", Answer(status=302, headers={"Location": elsewhere}))
    listing(site, "/pages.xml", [(site.url("b", "/page"), 0)])
    return index(site, "/s.xml", [(elsewhere, 0), ("/away.xml", 0), ("/pages.xml", 0)])


def to_what_bursts(site: Site) -> str:
    bomb = gzip.compress(b"<urlset>" + b" " * 60_000_000 + b"</urlset>")
    site.add("a", "/bomb.xml.gz", Answer(body=bomb, content_type="application/gzip"))
    entities = b'<!DOCTYPE u [<!ENTITY a "%b"><!ENTITY b "%b">]><urlset><url><loc>%b</loc></url></urlset>' % (
        b"x" * 9000, b"&a;" * 9000, b"&b;" * 9000
    )  # fmt: skip
    site.add("a", "/entities.xml", Answer(body=entities, content_type="application/xml"))
    return index(site, "/s.xml", [("/bomb.xml.gz", 0), ("/entities.xml", 0), ("/gone.xml", 0)])


@pytest.mark.parametrize("hostile", [in_circles, without_end, to_strangers, to_what_bursts])
def test_a_sitemap_sends_nobody_astray(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch, hostile: object
) -> None:
    """Round in circles, on and on, to other hosts, into a bomb: so many documents, each once; the feed does well."""
    assert callable(hostile)
    monkeypatch.setattr(walks, "PAGES", 6)
    by_sitemaps(site, worker, hostile(site))
    worker.once()
    assert titles(worker) == numbered([1])
    documents = [request.path for request in site.asked("a") if ".xml" in request.path]
    assert len(documents) == len(set(documents)) <= 6
    assert not site.asked("b")
    assert status(worker.state).error is None


def test_a_million_addresses_are_no_more_than_their_newest(site: Site, worker: Worker) -> None:
    """A document that is larger than a feed may be is not read; the one after it is."""
    crowd = "".join(f"<url><loc>/n{n}</loc></url>" for n in range(1_000_000)).encode()
    site.add("a", "/crowd.xml", Answer(body=b"<urlset>" + crowd + b"</urlset>", content_type="application/xml"))
    listing(site, "/few.xml", numbered_pages(site, [2]))
    by_sitemaps(site, worker, index(site, "/s.xml", [("/crowd.xml", 0), ("/few.xml", 1)]))
    worker.once()
    assert titles(worker) == numbered([1, 2])
