"""add, discover, import, export: a list is added to, and nothing else is touched."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.site import Answer, Request, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose, rss
from tests.whole.processes import running, until
from tests.whole.typed import typed
from worker.errors import ConfigError, FeedmillError

BEFORE = "# mine\nfeeds:\n  - https://a.example/feed   # the first\n"


def names(*hrefs: str) -> Answer:
    """A page that names feeds."""
    links = "".join(f'<link rel=alternate type="application/rss+xml" href="{href}">' for href in hrefs)
    return Answer(body=f"<!doctype html><html><head><title>P</title>{links}</head><body>Hi</body></html>".encode())


@pytest.fixture
def listing(worker: Worker) -> Worker:
    """A worker with a list that has a comment."""
    worker.configure([])
    (worker.folder / "feeds.yaml").write_text(BEFORE)
    return worker


def text(worker: Worker) -> str:
    return (worker.folder / "feeds.yaml").read_text()


def found(worker: Worker, url: str, status: int = 0) -> list[str]:
    return [feed["url"] for feed in json.loads(typed(worker, "discover", url, "--json", status=status).stdout)["found"]]


def paths(site: Site) -> list[str]:
    return [request.path for request in site.requests]


# --- discover -------------------------------------------------------------------------------------------------------


def test_a_feed_is_found_as_it_is(site: Site, listing: Worker) -> None:
    """One request; its title and its number of entries are told."""
    url = feed(site, "a", item("1", title="One"), item("2", title="Two"))
    assert "Tests  (2 items; it is one itself)" in typed(listing, "discover", url).stdout
    assert paths(site) == ["/feed"]


def test_what_a_page_without_a_feed_says_turns_no_text_around(site: Site, listing: Worker) -> None:
    """Its title is told; signs in it that turn the reading direction are not."""
    site.add("a", "/", Answer(body="<!doctype html><title>to \u202egnp.exe\u2066</title>".encode()))
    assert "an HTML page: to  gnp.exe ," in typed(listing, "discover", site.url("a"), status=1).output
    with pytest.raises(FeedmillError, match=r"an HTML page: to  gnp\.exe ,"):
        typed(listing, "add", site.url("a"))


def test_an_atom_feed_is_as_new_as_its_last_change(site: Site, listing: Worker) -> None:
    """Many an Atom feed has no `published`."""
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>Tests</title><entry><id>1</id><title>One</title>'
        b"<updated>2026-11-01T06:00:00Z</updated></entry></feed>"
    )
    url = site.add("a", "/feed", Answer(body=body, content_type="application/atom+xml"))
    (told,) = json.loads(typed(listing, "discover", url, "--json").stdout)["found"]
    assert told["newest_at"].startswith("2026-11-01T06:00:00")


def test_the_feeds_of_a_page_are_looked_at(site: Site, listing: Worker) -> None:
    """Those that are none are left out; each address is asked once."""
    good = feed(site, "a", item("1"))
    site.add("a", "/", names("/feed", "/gone", "/page", "/feed?utm_source=x"))
    site.add("a", "/page", page("T", "no feed"))
    assert found(listing, site.url("a")) == [good]
    assert sorted(paths(site)) == ["/", "/feed", "/gone", "/page"]


def test_usual_places_are_asked_until_there_is_one(site: Site, listing: Worker) -> None:
    """Below the page, then at the root of its site."""
    site.add("a", "/blog/", page("T", "nothing named"))
    url = site.add("a", "/rss", Answer(body=rss(item("1")), content_type="application/rss+xml"))
    assert found(listing, site.url("a", "/blog/")) == [url]
    assert paths(site) == ["/blog/", "/blog/feed", "/feed", "/rss"]


def test_the_form_of_an_address_comes_first(site: Site, listing: Worker) -> None:
    """A Mastodon server may be anywhere; where the form is wrong, the page is asked."""
    url = site.add("m", "/@ada.rss", Answer(body=rss(item("1")), content_type="application/rss+xml"))
    assert found(listing, site.url("m", "/@ada")) == [url]
    other = feed(site, "n", item("1"))
    site.add("n", "/@ada", names("/feed"))
    assert found(listing, site.url("n", "/@ada")) == [other]
    assert paths(site) == ["/@ada.rss", "/@ada.rss", "/@ada", "/feed"]


def test_permanent_redirects_are_taken_up_and_others_are_not(site: Site, listing: Worker) -> None:
    """What is listed is where the feed is for good."""
    target = feed(site, "b", item("1"))
    for status, expected in ((301, target), (308, target), (302, site.url("a", "/old")), (307, site.url("a", "/old"))):
        site.add("a", "/old", Answer(status=status, headers={"Location": target}))
        assert found(listing, site.url("a", "/old")) == [expected]


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (Answer(status=404), "404"),
        (Answer(status=429, headers={"Retry-After": "7"}), "patience"),
        (Answer(status=301, headers={"Location": "/"}), "redirect to itself"),
        (Answer(body=b"%PDF-1.7", content_type="application/pdf"), "a PDF"),
        (Answer(body=b"<!doctype html><title>Hi</title>"), "an HTML page"),
    ],
    ids=["not there", "patience", "circle", "another kind", "no feed"],
)
def test_why_there_is_none_is_told(site: Site, listing: Worker, route: Answer, said: str) -> None:
    """And the status is 1."""
    site.add("a", "/", route)
    assert said in typed(listing, "discover", site.url("a"), status=1).output


def test_guards_hold_for_what_a_page_names(site: Site, worker: Worker) -> None:
    """Addresses that are not public are not asked, and no page has more than a few of its names looked at."""
    worker.configure([], fetch={"allow_addresses": ["127.0.0.1/32"]})
    site.add(
        "a", "/", names("http://127.0.0.2/feed", "http://169.254.169.254/feed", *(f"/f{n}.xml" for n in range(50)))
    )
    assert found(worker, site.url("a"), status=1) == []
    assert len(site.requests) <= 15


def test_a_host_is_asked_at_its_pace(site: Site, worker: Worker) -> None:
    """The configured delay lies between two requests, redirects included."""
    worker.configure([], fetch={"per_host": {"delay": "200ms"}})
    feed(site, "a", item("1"))
    site.add("a", "/", names("/moved", "/gone"))
    site.add("a", "/moved", Answer(status=301, headers={"Location": "/feed"}))
    assert found(worker, site.url("a")) == [site.url("a", "/feed")]
    assert len(site.requests) == 4
    for earlier, later in pairwise(site.exchanges):
        assert later.request.at - earlier.ended >= 0.19


def test_beside_a_worker_a_host_is_asked_by_one_at_a_time(site: Site, worker: Worker) -> None:
    """The command and the worker take turns: whoever comes next keeps the delay to the other's request, which may take
    its time."""
    body = rss(item("1"))
    polled = site.add("a", "/feed", Answer(body=body, content_type="application/rss+xml", delay_s=0.3))
    site.add("a", "/", names("/1.xml", "/2.xml", "/3.xml"))
    for number in (1, 2, 3):
        site.add("a", f"/{number}.xml", Answer(body=body, content_type="application/rss+xml", delay_s=0.6))
    feeds = [{"url": polled, "every": "200ms"}]
    worker.configure(feeds, fetch={"per_host": {"delay": "400ms"}}, schedule={"jitter": 0})
    with running(worker):
        until(lambda: len(site.requests) >= 2)
        assert len(found(worker, site.url("a"))) == 3
        asked = len(site.asked("a", "/feed"))
        until(lambda: len(site.asked("a", "/feed")) > asked)
    assert site.most_at_once == 1
    for earlier, later in pairwise(site.exchanges):
        assert later.request.at - earlier.ended >= 0.39, (earlier.request.path, later.request.path)


def test_what_a_host_asked_the_worker_holds_for_commands(site: Site, worker: Worker) -> None:
    """Its Retry-After stands in the state."""
    worker.configure([site.add("a", "/feed", Answer(status=429, headers={"Retry-After": "3600"}))])
    worker.once()
    assert "asked not to be asked" in typed(worker, "discover", site.url("a", "/feed"), status=1).output
    assert len(site.requests) == 1


# --- add ------------------------------------------------------------------------------------------------------------


def test_a_feed_is_added_by_its_site(site: Site, listing: Worker) -> None:
    """With what was said of it; every byte of the list stays; `check` finds it good."""
    url = feed(site, "b", item("1"))
    site.add("b", "/", names("/feed"))
    done = typed(listing, "add", site.url("b"), "--id", "b", "--tag", "x", "--tag", "y z", "--every", "15m")
    assert "b added to" in done.stdout
    assert text(listing) == f"{BEFORE}  - url: {url}\n    id: b\n    tags: [x, y z]\n    every: 15m\n"
    assert "2 feeds" in typed(listing, "check").stdout
    assert "listed already" in typed(listing, "add", url).stdout
    assert not listing.state.exists()


@pytest.mark.parametrize("before", ["", "# ours\n", "defaults: {full_text: never}\nfeeds:\n", "feeds:"])
def test_a_list_that_says_nothing_can_be_added_to(site: Site, listing: Worker, before: str) -> None:
    """Though it is a mistake by itself: it would end the polls of all feeds that it had."""
    url = feed(site, "b", item("1"))
    path = listing.folder / "feeds.yaml"
    path.write_text(before)
    typed(listing, "check", status=2)
    assert found(listing, url) == [url]
    assert "added to" in typed(listing, "add", url).stdout
    (listing.folder / "mine.opml").write_text(OPML)
    path.write_text(before)
    assert "3 feeds added" in typed(listing, "import", str(listing.folder / "mine.opml")).stdout
    assert text(listing).startswith(before.removesuffix("feeds:"))
    assert "3 feeds" in typed(listing, "check").stdout


def test_mistakes_leave_the_list_as_it_is(site: Site, listing: Worker) -> None:
    """What is wrong is told, in the words of `check`."""
    url = feed(site, "b", item("1"))
    with pytest.raises(ConfigError, match="the same id"):
        typed(listing, "add", url, "--id", "a.example-feed")
    with pytest.raises(FeedmillError, match="--unchecked"):
        typed(listing, "add", site.url("b", "/none"))
    with pytest.raises(FeedmillError, match="not among the feed lists"):
        typed(listing, "add", url, "--list", "other.yaml")
    assert text(listing) == BEFORE


def test_a_dry_run_shows_the_lines(listing: Worker) -> None:
    """Without asking anybody, where that is wanted."""
    done = typed(listing, "add", "https://b.example/feed", "--unchecked", "--tag", "x", "--dry-run")
    assert "feeds.yaml:4\n  - url: https://b.example/feed\n    tags: [x]" in done.stdout
    assert text(listing) == BEFORE


def test_a_trial_shows_the_articles_and_touches_nothing(site: Site, listing: Worker) -> None:
    """Title, entries, the first articles by the rules that the feed would have; robots.txt is heeded."""
    site.add("p", "/robots.txt", Answer(body=b"User-agent: *\nDisallow: /private\n", content_type="text/plain"))
    site.add("p", "/1", page("One", prose("heron")))
    site.add("p", "/2", Answer(status=302, headers={"Location": "/3"}))
    site.add("p", "/3", page("Three", prose("owl")))
    links = [item("1", site.url("p", "/1"), "One"), item("2", site.url("p", "/2"), "Two")]
    url = feed(site, "b", *links, item("3", site.url("p", "/private"), "Hidden", prose("rook")))
    tried = json.loads(typed(listing, "add", url, "--try", "--json").stdout)
    assert (tried["title"], tried["entries"]) == ("Tests", 3)
    texts = [article["record"]["content_text"] for article in tried["articles"]]
    assert ["heron" in texts[0], "owl" in texts[1], "rook" in texts[2]] == [True] * 3
    assert "robots.txt" in tried["articles"][2]["reason"]
    assert len(site.asked("p", "/robots.txt")) == 1
    assert site.asked("p", "/private") == []
    shown = typed(listing, "add", url, "--try", "--full-text", "never").output
    assert "Nothing was written" in shown
    assert "skipped" in shown
    assert text(listing) == BEFORE
    assert not listing.state.exists()
    assert not listing.out.exists()


def test_a_trial_asks_for_nothing_twice(site: Site, worker: Worker) -> None:
    """What was looked at to find the feed is what is tried; the host's delay lies between all its requests."""
    worker.configure([], fetch={"per_host": {"delay": "200ms"}})
    article = site.add("b", "/1", page("One", prose("heron")))
    feed(site, "b", item("1", article, "One"))
    site.add("b", "/", names("/feed"))
    for named in (site.url("b"), site.url("b", "/feed")):
        site.requests.clear()
        site.exchanges.clear()
        tried = json.loads(typed(worker, "add", named, "--try", "--json").stdout)
        assert "heron" in tried["articles"][0]["record"]["content_text"]
        assert paths(site) == ["/"] * (named == site.url("b")) + ["/feed", "/robots.txt", "/1"]
        for earlier, later in pairwise(site.exchanges):
            assert later.request.at - earlier.ended >= 0.19


def test_a_trial_with_the_headers_of_a_feed_asks_with_them(site: Site, listing: Worker) -> None:
    """What came without them may be something else."""
    text = "defaults: {headers: {X-Key: k}}\nfeeds: []\n"
    (listing.folder / "feeds.yaml").write_text(text)

    def answer(request: Request) -> Answer:
        title = "Paid" if "x-key" in request.headers else "Free"
        return Answer(body=rss(item(title, title=title)), content_type="application/rss+xml")

    url = site.add("b", "/feed", answer)
    tried = json.loads(typed(listing, "add", url, "--try", "--full-text", "never", "--json").stdout)
    assert [article["record"]["title"] for article in tried["articles"]] == ["Paid"]


def test_a_feed_that_has_moved_to_another_one_is_told(site: Site, worker: Worker) -> None:
    """Once that is believed, and while both are polled."""
    new = feed(site, "new", item("1", None, "One"))
    old = site.add("old", "/feed", Answer(status=301, headers={"Location": new}))
    worker.configure([{"url": old, "id": "moved"}, {"url": new, "id": "there"}])
    told = "moved has moved to where there is polled, too: take one out of the lists"
    for _ in range(2):
        worker.once(every=True)
        assert told not in worker.run("status").stdout
    worker.once(every=True)
    assert told in worker.run("status").stdout
    worker.run("pause", "there")
    assert told not in worker.run("status").stdout


def test_a_feed_that_has_moved_is_not_added_where_it_is_read(site: Site, worker: Worker) -> None:
    """It is listed by its old address; once it is believed, the new one is no other feed."""
    new = feed(site, "new", item("1", None, "One"))
    old = site.add("old", "/feed", Answer(status=301, headers={"Location": new}))
    worker.configure([{"url": old, "id": "moved", "full_text": "never"}])
    for _ in range(3):
        assert f"- {new}" in typed(worker, "add", new, "--dry-run").stdout
        worker.once(every=True)
    before = text(worker)
    for how in ([], ["--unchecked"]):
        said = typed(worker, "add", new, *how).stdout
        assert f"moved is listed already: {old}, which has moved there for good" in said
    (worker.folder / "mine.opml").write_text(f'<opml><body><outline xmlUrl="{new}"/></body></opml>')
    assert "1 listed already" in typed(worker, "import", str(worker.folder / "mine.opml")).stdout
    assert text(worker) == before


# --- import, export -------------------------------------------------------------------------------------------------

OPML = """<opml version="2.0"><body><outline text="World"><outline text="Asia">
<outline text="One" xmlUrl="https://one.example/feed"/><outline text="A" xmlUrl="https://A.example/feed"/>
</outline></outline><outline text="Key" xmlUrl="https://two.example/?k=${KEY}"/></body></opml>"""


def test_the_list_of_another_reader_is_added(listing: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed already is left out; nothing in it is a variable; a second time it adds nothing."""
    monkeypatch.setenv("KEY", "hush")
    (listing.folder / "mine.opml").write_text(OPML)
    file = str(listing.folder / "mine.opml")
    assert "2 feeds would be added" in typed(listing, "import", file, "--dry-run").stdout
    assert text(listing) == BEFORE
    assert "2 feeds added" in typed(listing, "import", file).stdout
    assert text(listing) == (
        f"{BEFORE}  - url: https://one.example/feed\n    title: One\n    tags: [World/Asia]\n"
        "  - url: https://two.example/?k=$${KEY}\n    title: Key\n"
    )
    assert "0 feeds added" in typed(listing, "import", file).stdout
    assert "hush" not in typed(listing, "feeds").stdout


MIXED = """<opml version="2.0"><body>
<outline text="Old" xmlUrl="feed://old.example/atom.xml"/>
<outline text="Nonsense" xmlUrl="feed:nonsense"/><outline text="Other" xmlUrl="feed:https://other.example/rss"/>
<outline text="A" xmlUrl="HTTPS://A.example/feed"/>
<outline text="Mole" xmlUrl="gopher://mole.example/feed"/>
<outline text="Twin" xmlUrl="https://twin.example/" xmlns:m="https://feedmill.example/opml-1" m:id="a.example-feed"/>
</body></opml>"""
"""Three good outlines, one of them listed in another spelling, two whose URLs are none, and one whose id is taken."""


def test_a_bad_list_is_taken_in_not_at_all(listing: Worker) -> None:
    """All its mistakes are told at once, with its own lines, and with the way out; the feed list is named by none."""
    mine = listing.folder / "mine.opml"
    mine.write_text(MIXED.replace("HTTPS://A", "https://elsewhere"))
    with pytest.raises(ConfigError) as caught:
        typed(listing, "import", str(mine))
    *wrong, way_out = caught.value.problems
    assert [(problem.file, problem.line) for problem in wrong] == [(str(mine), 3), (str(mine), 5), (str(mine), 6)]
    assert 'expected an http or https URL, not "feed:nonsense"' in wrong[0].message
    assert 'not "gopher://mole.example/feed"' in wrong[1].message
    assert "the same feed, or id" in wrong[2].message
    assert str(way_out) == f"{mine}: nothing was added (mend these 3 outlines, or leave them out with --skip-bad)"
    with pytest.raises(ConfigError, match="no such file"):
        typed(listing, "import", str(listing.folder / "none.opml"))
    assert text(listing) == BEFORE


def test_bad_outlines_can_be_left_out(listing: Worker) -> None:
    """Each is told; `feed:` before an address means what it does elsewhere; what is listed already stays as it is."""
    mine = listing.folder / "mine.opml"
    mine.write_text(MIXED)
    shown = typed(listing, "import", str(mine), "--skip-bad", "--dry-run").output
    assert "2 feeds would be added" in shown
    assert text(listing) == BEFORE
    done = typed(listing, "import", str(mine), "--skip-bad")
    assert f"left out: {mine}:3:1: feeds[1].url: expected an http or https URL" in done.stderr
    assert f"left out: {mine}:5:1" in done.stderr
    assert f"left out: {mine}:6:1" in done.stderr
    assert "2 feeds added" in done.stdout
    assert "1 listed already" in done.stdout
    assert text(listing) == (
        f"{BEFORE}  - url: http://old.example/atom.xml\n    title: Old\n"
        "  - url: https://other.example/rss\n    title: Other\n"
    )
    told = json.loads(typed(listing, "import", str(mine), "--skip-bad", "--json").stdout)
    assert (told["added"], len(told["known"]), len(told["left_out"])) == ([], 3, 3)


def test_an_address_in_two_spellings_is_one_feed(listing: Worker) -> None:
    """With the folders of both, whether the file is imported or named as a list."""
    mine = listing.folder / "mine.opml"
    mine.write_text(
        '<opml><body><outline text="X"><outline xmlUrl="feed://one.example/feed"/></outline>'
        '<outline text="Y"><outline xmlUrl="http://ONE.example/feed"/></outline></body></opml>'
    )
    typed(listing, "import", str(mine))
    assert text(listing) == f"{BEFORE}  - url: http://one.example/feed\n    tags: [X, Y]\n"
    (listing.folder / "worker.yaml").write_text("{feeds: [mine.opml], state: 'sqlite:///none.db'}")
    (named,) = json.loads(typed(listing, "feeds", "--json").stdout)["feeds"]
    assert (named["url"], named["tags"]) == ("http://one.example/feed", ["X", "Y"])


def test_an_old_spelling_of_a_feed_is_asked_where_it_means(site: Site, listing: Worker) -> None:
    """As browsers copy it: feed://host/path."""
    url = feed(site, "b", item("1"))
    assert found(listing, url.replace("http:", "feed:")) == [url]
    assert found(listing, f"feed:{url}") == [url]
    typed(listing, "add", url.replace("http:", "feed:"), "--unchecked", "--id", "b")
    assert text(listing) == f"{BEFORE}  - url: {url}\n    id: b\n"


def test_what_is_exported_is_imported_as_it_was(site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or named as a list; titles are told to others, and not taken for the operator's own; secrets stay at home."""
    monkeypatch.setenv("KEY", "hush")
    url = feed(site, "b", item("1"))
    feeds = [
        {"url": url, "tags": ["World/Asia", "x"], "every": "15m", "full_text": "never"},
        {"url": "https://c.example/feed", "id": "c", "title": "Sea", "cron": "0 5 * * 1", "headers": {"X": "${KEY}"}},
        {"url": "https://d.example/feed?k=${KEY}", "id": "d"},
    ]
    worker.configure(feeds[:1])
    worker.once()
    worker.configure(feeds)
    done = typed(worker, "export", str(worker.folder / "out.opml"))
    document = (worker.folder / "out.opml").read_text()
    assert 'title="Tests"' in document
    assert "hush" not in document + done.output
    assert "as their URLs may be secret: d" in done.output
    assert "without their headers: c" in done.output
    before = json.loads(typed(worker, "feeds", "--json").stdout)["feeds"][:2]
    (worker.folder / "worker.yaml").write_text("{feeds: [out.opml], state: 'sqlite:///none.db'}")
    named = json.loads(typed(worker, "feeds", "--json").stdout)["feeds"]
    (worker.folder / "worker.yaml").write_text("{feeds: [new.yaml], state: 'sqlite:///none.db'}")
    (worker.folder / "new.yaml").write_text("feeds: []")
    typed(worker, "import", str(worker.folder / "out.opml"))
    imported = json.loads(typed(worker, "feeds", "--json").stdout)["feeds"]
    assert named == imported == [{**feed, "state": None} for feed in before]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--every", "1x", "expected a duration"),
        ("--cron", "61 * * * *", "expected a cron line"),
        ("--full-text", "alway", "expected one of auto, always, never"),
        ("--id", "-x", "expected an id"),
    ],
)
def test_an_option_with_a_mistake_is_named(site: Site, listing: Worker, option: str, value: str, said: str) -> None:
    """And not a line of a list that has none; nothing is asked, nothing written."""
    before = (listing.folder / "feeds.yaml").read_bytes()
    shown = " ".join(typed(listing, "add", site.url("b"), f"{option}={value}", status=2).output.split())
    assert f"Invalid value for {option}: {said}" in shown.replace("│ ", "")
    assert "feeds.yaml" not in shown
    assert (listing.folder / "feeds.yaml").read_bytes() == before
    assert not site.requests


def test_two_options_that_exclude_each_other(site: Site, listing: Worker) -> None:
    """Both are named."""
    shown = typed(listing, "add", site.url("b"), "--every", "1h", "--cron", "0 * * * *", status=2).output
    assert "exclude each other" in shown
    assert "--every, --cron" in shown


def test_an_export_is_not_written_over_what_is_there(listing: Worker) -> None:
    """Unless that is meant."""
    mine = listing.folder / "mine.opml"
    mine.write_text("precious")
    with pytest.raises(FeedmillError, match="exists; --force writes over it"):
        typed(listing, "export", str(mine))
    assert mine.read_text() == "precious"
    typed(listing, "export", str(mine), "--force")
    assert "<opml" in mine.read_text()
