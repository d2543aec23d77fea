"""How sites are treated, from one poll to the next: redirects, robots.txt, patience, feeds that are lost."""

from __future__ import annotations

import json
import time
from itertools import groupby, pairwise

import pytest

from tests.site import Answer, Request, Site, conditional
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss
from tests.whole.processes import stopped, until

DELAY_S = 0.3


def gaps(requests: list[Request]) -> list[float]:
    return [after.at - before.at for before, after in pairwise(requests)]


def article(site: Site, host: str, path: str = "/1", subject: str = "heron") -> str:
    return site.add(host, path, page(subject.title(), prose(subject)))


# --- redirects --------------------------------------------------------------------------------------------------------


def test_redirects_wait_for_their_hosts_turn(site: Site, worker: Worker) -> None:
    """Each hop is a request like any other, also within a host, of feeds and of pages."""
    to = {"/feed": "/old", "/old": "/new", "/1": "/2", "/2": "/3"}
    for path, target in to.items():
        site.add("a", path, Answer(status=302, headers={"Location": target}))
    site.add("a", "/new", Answer(body=rss(item("g", site.url("a", "/1"), "Heron")), content_type=RSS))
    article(site, "a", "/3")
    worker.configure([site.url("a", "/feed")], fetch={"per_host": {"delay": f"{DELAY_S}s"}})
    assert worker.once().new == 1
    asked = site.asked("a")
    assert [r.path for r in asked] == ["/feed", "/old", "/new", "/robots.txt", "/1", "/2", "/3"]
    assert min(gaps(asked)) >= DELAY_S


def test_a_loop_of_redirects_ends(site: Site, worker: Worker) -> None:
    """After ten, with a word on it; after one if it leads to itself."""
    url = site.add("a", "/feed", Answer(status=301, headers={"Location": "/other"}))
    site.add("a", "/other", Answer(status=301, headers={"Location": "/feed"}))
    itself = site.add("b", "/feed", Answer(status=302, headers={"Location": "/feed#top", "Set-Cookie": "seen=1"}))
    worker.configure([url, itself])
    assert worker.once().failed_polls == 2
    assert (len(site.asked("a")), len(site.asked("b"))) == (11, 1)
    said = worker.run("status", "--json").stdout
    assert "more than 10 redirects" in said
    assert "redirect to itself" in said


def test_a_feed_that_has_moved_is_followed_and_said_to_have(site: Site, worker: Worker) -> None:
    """Three polls are led to its new address, the fourth begins there."""
    new = feed(site, "b", item("g", article(site, "c"), "Heron"))
    old = site.add("a", "/feed", Answer(status=308, headers={"Location": new}))
    worker.configure([old])
    for _ in range(4):
        worker.once(every=True)
    assert (len(site.asked("a")), len(site.asked("b", "/feed"))) == (3, 4)
    assert [("if-none-match" in r.headers) for r in site.asked("b", "/feed")] == [False, True, True, True]
    assert not any("if-none-match" in r.headers for r in site.asked("a"))
    (status,) = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert (status["moved_to"], status["url"]) == (new, old)
    assert "for good to" in " ".join(worker.run("status").stdout.split())


def test_a_redirect_may_ask_for_patience(site: Site, worker: Worker) -> None:
    """Retry-After on a 302 is the time before the next hop (RFC 9110 section 10.2.3)."""
    url = site.add("a", "/feed", Answer(status=302, headers={"Location": "/new", "Retry-After": "1"}))
    site.add("a", "/new", Answer(body=rss(), content_type=RSS))
    worker.configure([url])
    worker.once()
    worker.once()
    (first, *others) = site.asked("a")
    assert all(r.at - first.at >= 1 for r in others if r.path == "/new")


# --- robots.txt -------------------------------------------------------------------------------------------------------

BARRED = Answer(body=b"User-agent: *\nDisallow: /private\nCrawl-delay: 0.4\n", content_type="text/plain")


def test_pages_that_robots_may_not_have_are_not_asked_for(site: Site, worker: Worker) -> None:
    """The feed's own words serve, with the reason; the others come no faster than asked, one robots.txt for all."""
    site.add("a", "/robots.txt", BARRED)
    urls = [article(site, "a", f"/{n}", f"heron{n}") for n in range(3)]
    secret = article(site, "a", "/private/1", "owl")
    worker.configure([feed(site, "b", *(item(u, u, u[-5:], prose("text", 1)) for u in (*urls, secret)))])
    assert worker.once().new == 4
    asked = site.asked("a")
    assert sorted(r.path for r in asked) == ["/0", "/1", "/2", "/robots.txt"]
    assert asked[0].path == "/robots.txt"
    assert min(gaps(asked[1:])) >= 0.4
    (barred,) = [r for r in worker.records() if r["_ingest"]["entry_url"] == secret]
    assert barred["_ingest"]["extraction"] == "feed_only"


def test_feeds_are_their_owners_to_list(site: Site, worker: Worker) -> None:
    """robots.txt is not asked for the sake of a feed; nor of pages, if the operator so decides."""
    site.add("a", "/robots.txt", Answer(body=b"User-agent: *\nDisallow: /\n", content_type="text/plain"))
    urls = [feed(site, "a", item("g", article(site, "a", "/1"), "Heron"))]
    worker.configure(urls, fetch={"robots": False})
    assert worker.once().new == 1
    assert [r.path for r in site.asked("a")] == ["/feed", "/1"]


def test_robots_may_stand_on_another_host(site: Site, worker: Worker) -> None:
    """As where a site redirects to its www."""
    site.add("www", "/robots.txt", BARRED)
    site.add("a", "/robots.txt", Answer(status=301, headers={"Location": site.url("www", "/robots.txt")}))
    urls = [article(site, "a", "/1"), article(site, "a", "/private", "owl")]
    worker.configure([feed(site, "b", *(item(u, u, u[-5:]) for u in urls))])
    worker.once()
    assert sorted(r.path for r in site.asked("a")) == ["/1", "/robots.txt"]
    assert [r.path for r in site.asked("www")] == ["/robots.txt"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_page_waits_for_robots_that_cannot_be_read(site: Site, worker: Worker, status: int) -> None:
    """Nobody knows what the site allows: nothing is, for now (RFC 9309 section 2.3.1.4)."""
    site.add("a", "/robots.txt", Answer(status=status))
    worker.configure([feed(site, "b", item("g", article(site, "a"), "Heron"))], fetch={"retries": ["1h"]})
    assert worker.once().retries == 1
    assert [r.path for r in site.asked("a")] == ["/robots.txt"]
    assert worker.records() == []


# --- patience ---------------------------------------------------------------------------------------------------------


def test_a_page_whose_host_asks_for_patience_is_waited_for(site: Site, worker: Worker) -> None:
    """It keeps its tries, and its text comes in the end; other pages of the host wait with it."""
    answers = iter([Answer(status=429, headers={"Retry-After": "1"})] * 2)
    article(site, "a", "/2", "owl")
    ready = page("Heron", prose("heron"))
    first = site.add("a", "/1", lambda _: next(answers, ready))
    worker.configure([feed(site, "b", item("1", first, "Heron"), item("2", site.url("a", "/2"), "Owl"))])
    process = worker.start("run")
    until(lambda: len(site.asked("a", "/1")) == 3 and site.asked("a", "/2"))
    assert stopped(process)[0] == 0
    assert {r["_ingest"]["extraction"] for r in worker.records()} == {"ok"}
    asked = [r for r in site.asked("a") if r.path != "/robots.txt"]
    refused = [r.at for r in asked if r.path == "/1"][:2]
    assert all(not at < r.at < at + 1 for at in refused for r in asked)


def test_hosts_that_want_patience_are_named(site: Site, worker: Worker) -> None:
    """With until when they are not asked at all."""
    url = site.add("a", "/feed", Answer(status=429, headers={"Retry-After": "600"}))
    worker.configure([url, feed(site, "b")], fetch={"per_host": {"delay": "1s"}})
    worker.once()
    said = json.loads(worker.run("status", "--json").stdout)
    (host,) = said["hosts"]
    assert (host["name"], host["delay_ms"]) == ("a.localhost", 2000)
    assert host["not_before"] > host["refused_at"]
    assert [f["errors"] for f in said["feeds"]] == [0, 0]
    assert "as they wish: a.localhost (next in 9 min)" in " ".join(worker.run("status").stdout.split())


# --- feeds that are lost ----------------------------------------------------------------------------------------------


def test_a_lost_feed_is_looked_for_on_its_site(site: Site, worker: Worker) -> None:
    """What its site names now is told to the operator, who decides."""
    home = b'<html><head><link rel="alternate" type="application/atom+xml" href="/atom.xml"></head><body>A'
    site.add("a", "/", Answer(body=home))
    worker.configure([site.url("a", "/feed")])
    for _ in range(2):
        worker.once(every=True)
    assert len(site.asked("a", "/")) == 0
    worker.once(every=True)
    assert len(site.asked("a", "/")) == 1
    (status,) = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert (status["suggestion"], status["errors"]) == (site.url("a", "/atom.xml"), 3)
    assert "its site names" in " ".join(worker.run("status").stdout.split())


def test_a_page_that_is_listed_as_a_feed_names_its_feed_once(site: Site, worker: Worker) -> None:
    """Its site names the same one, when it is looked for there."""
    home = b'<html><head><link rel="alternate" type="application/atom+xml" href="/atom.xml"></head><body>A'
    worker.configure([site.add("a", "/", Answer(body=home))])
    for _ in range(3):
        worker.once(every=True)
    (status,) = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert status["suggestion"] == site.url("a", "/atom.xml")
    assert status["suggestion"] in status["error"]
    assert "its site names" not in " ".join(worker.run("status").stdout.split())


def test_feeds_that_fail_are_tried_again_when_what_they_are_fetched_by_has_changed(site: Site, worker: Worker) -> None:
    """Once, at the next start; those that go well, that are paused, or whose host asked for patience are left alone."""
    mended = feed(site, "a", item("1"))
    missing = site.add("b", "/feed", Answer(status=404))
    busy = site.add("c", "/feed", Answer(status=429, headers={"Retry-After": "3600"}))
    paused = site.add("d", "/feed", Answer(status=500))
    well = feed(site, "e", item("1"))
    feeds = [{"id": url.split("/")[2][0], "url": url} for url in (mended, missing, busy, paused, well)]
    worker.configure(feeds, fetch={"allow_addresses": []})
    assert worker.once().failed_polls == 5
    assert not site.requests
    worker.configure(feeds)
    worker.once()
    assert [name for name in "abcde" if site.asked(name, "/feed")] == ["a", "b", "c", "d", "e"]
    worker.run("pause", "d")
    site.requests.clear()
    assert worker.once().polls == 0, "nothing was changed"
    worker.configure(feeds, fetch={"timeout": "7s"})
    assert worker.once().polls == 1
    assert [name for name in "abcde" for _ in site.asked(name, "/feed")] == ["b"]


def test_a_page_in_the_place_of_a_feed_says_where_its_feed_is(site: Site, worker: Worker) -> None:
    """At the first poll already, with the command that looks at it."""
    links = ("/rss.xml", "/atom.xml")
    named = "".join(f'<link rel="alternate" type="application/rss+xml" href="{link}">' for link in links)
    listed = site.add("a", "/", Answer(body=f"<!doctype html><title>{'Long ' * 30}</title>{named}<p>A".encode()))
    bare = site.add("b", "/", Answer(body=b"<!doctype html><title>Bare</title><p>B"))
    worker.configure([{"id": "page", "url": listed}, {"id": "bare", "url": bare}])
    worker.once(every=True)
    said = f"; it names {site.url('a', '/rss.xml')} and one more (feedmill discover {listed} looks at them)"
    (without, found) = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert found["error"].startswith("not a feed: an HTML page: Long")
    assert found["error"].endswith(said)
    assert without["error"] == "not a feed: an HTML page: Bare"
    assert said in " ".join(worker.run("status").stdout.split())
    assert len(site.requests) == 2


# --- articles that change ---------------------------------------------------------------------------------------------


def test_a_page_is_looked_at_again_where_that_is_asked_for(site: Site, worker: Worker) -> None:
    """With its validators; an edit is an update, and a page that is as it was costs a 304."""
    html = page("Heron", prose("heron")).body
    url = site.add("a", "/1", conditional(html, content_type="text/html", etag='"p1"'))
    worker.configure([{"url": feed(site, "b", item("g", url, "Heron")), "recheck": [f"{n}s" for n in range(1, 60)]}])
    worker.once()
    for edited in (False, True, True):
        if edited:
            site.add("a", "/1", conditional(page("Heron", prose("owl")).body, content_type="text/html", etag='"p2"'))
        time.sleep(1.05)
        worker.once()
    asked = [r.headers.get("if-none-match") for r in site.asked("a", "/1")]
    assert [tag for tag, _ in groupby(asked)] == [None, '"p1"', '"p2"']  # oftener where a run takes seconds
    assert len(asked) >= 4
    assert [(r["_ingest"]["op"], r["_ingest"]["revision"]) for r in worker.records()] == [("new", 1), ("update", 2)]


CHALLENGE = (
    "<!doctype html><html><head><title>Just a moment...</title><meta name=robots content=noindex></head><body>"
    "<div class=main-wrapper><h1>a.example</h1><h2>Checking if the site connection is secure</h2>"
    '<form id="challenge-form" action="/?__cf_chl_f_tk=x" method="POST"></form>'
    '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></div></body></html>'
)


def test_what_stands_in_an_articles_place_is_not_the_article(site: Site, worker: Worker) -> None:
    """A challenge under many URLs makes no duplicates; the feed's words serve, and the pages are asked for again."""
    urls = [site.add("a", f"/{n}", Answer(body=CHALLENGE.encode())) for n in range(3)]
    worker.configure([feed(site, "b", *(item(u, u, f"T{n}", prose(f"heron{n}", 2)) for n, u in enumerate(urls)))])
    assert (worker.once().new, worker.once().duplicates) == (3, 0)
    for record in worker.records():
        assert "Checking" not in record["content_text"]
        assert record["_ingest"]["extraction"] != "ok"
    assert "to be looked at again in 5 h" in " ".join(worker.run("why", urls[0]).stdout.split())
