"""Feeds that list pages of other sites, for good or ill: whoever is polled first, a site's own articles are written."""

from __future__ import annotations

import pytest

from tests.site import Answer, Site
from tests.store.invariants import check_state
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss


def told(worker: Worker) -> list[tuple[str, str, str | None, str | None]]:
    """Of each record its feed, what it is, its title, and whose copy."""
    return [
        (r["_ingest"]["feed_id"], r["_ingest"]["op"], r.get("title"), r["_ingest"]["duplicate_of"])
        for r in worker.records()
    ]


def polled(worker: Worker, *feeds: tuple[str, str]) -> None:
    worker.configure([{"id": name, "url": url} for name, url in feeds], dedup={"near": "drop"})
    worker.once(every=True)


def lie(about: str, words: str) -> str:
    return item("x", about, "Owls to be banned", words)


ARTICLE = prose("wren")
OTHER = " ".join(f"No owl may fly above {n} houses, said town hall {n} to its voters on day {n}." for n in range(9))
"""Which has nothing of it."""


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(prose("owl", 30), id="words of its own"),
        pytest.param(ARTICLE.replace("number 3", "number 4") + " " + prose("owl", 9), id="nearly its words, and more"),
        pytest.param(f"{ARTICLE} {ARTICLE} {ARTICLE}", id="its words over and over"),
    ],
)
def test_a_feed_that_speaks_for_another_sites_page_does_not_keep_it_from_being_written(
    site: Site, worker: Worker, words: str
) -> None:
    """It is polled first, and says so much that its words are taken for the article; the page's own feed comes later,
    under the page's own title and text, and stands for the page from then on."""
    url = site.add("a", "/1", page("Wrens are well", ARTICLE))
    bad = "stranger", feed(site, "b", lie(url, words))
    polled(worker, bad)
    assert told(worker) == [("stranger", "new", "Owls to be banned", None)]
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short."))
    other = "other", feed(site, "c", lie(url, words))
    section = "section", site.add("a", "/section", site.routes["a.localhost", "/feed"])
    polled(worker, bad, own)
    assert told(worker)[1:] == [("own", "new", "Wrens are well", None)]
    assert worker.records()[1]["content_text"] == ARTICLE
    polled(worker, bad, own, section, other)
    assert len(told(worker)) == 2


def test_both_are_of_one_story_and_neither_is_the_others_copy(site: Site, worker: Worker) -> None:
    """A reader who counts stories counts one."""
    url = site.add("a", "/1", page("Wrens are well", ARTICLE))
    nearly = ARTICLE.replace("number 3", "number 4") + " " + prose("owl", 9)
    bad = {"id": "stranger", "url": feed(site, "b", lie(url, nearly))}
    worker.configure([bad])
    worker.once()
    worker.configure([bad, {"id": "own", "url": feed(site, "a", item("g", url, "Wrens are well", "In short."))}])
    worker.once(every=True)
    assert told(worker) == [
        ("stranger", "new", "Owls to be banned", None),
        ("own", "new", "Wrens are well", None),
    ]
    assert len({record["_ingest"]["cluster_id"] for record in worker.records()}) == 1


def by(*authors: str) -> str:
    return "".join(f"<dc:creator xmlns:dc='http://purl.org/dc/elements/1.1/'>{name}</dc:creator>" for name in authors)


def written(worker: Worker) -> list[tuple[str, str, int, str | None, list[str], str | None]]:
    """Of each record its feed, what it is, its revision, title, authors and date."""
    return [
        (
            r["_ingest"]["feed_id"],
            r["_ingest"]["op"],
            r["_ingest"]["revision"],
            r.get("title"),
            [author["name"] for author in r["authors"]],
            r.get("date_published"),
        )
        for r in worker.records()
    ]


MONDAY, TUESDAY = "Mon, 23 Nov 2026 08:00:00 GMT", "Tue, 24 Nov 2026 08:00:00 GMT"


def test_a_page_under_a_strangers_title_gets_its_own_feeds(site: Site, worker: Worker) -> None:
    """And author, and date, in one update of the same article. What the stranger says of it from then on counts no
    more, nor does it if both are said anew, or the state is recovered; what its own feed says does."""
    url = site.add("a", "/1", page("Wrens are well", ARTICLE))
    theft = item("x", url, "Owls to be banned", "Buy owls.", TUESDAY)
    mine = item("g", url, "Wrens are well", "In short.", MONDAY).replace("</item>", f"{by('Ada Brandt')}</item>")
    bad, own = ("stranger", feed(site, "b", theft)), ("own", feed(site, "a", mine))
    section = "section", site.add("a", "/section", site.routes["a.localhost", "/feed"])
    polled(worker, bad)
    stolen = ("stranger", "new", 1, "Owls to be banned", [], "2026-11-24T08:00:00Z")
    assert written(worker) == [stolen]
    polled(worker, bad, own)
    righted = ("own", "update", 2, "Wrens are well", ["Ada Brandt"], "2026-11-23T08:00:00Z")
    assert written(worker) == [stolen, righted]
    first, then = worker.records()
    assert (then["id"], then["content_text"]) == (first["id"], ARTICLE)
    worker.run("verify")
    assert "own" in str(worker.run("why", url).stdout)
    feed(site, "b", item("x", url, "Owls to be sold", "Buy owls.", TUESDAY))
    for _ in range(3):
        polled(worker, section, bad, own)
    assert written(worker) == [stolen, righted]
    worker.state.unlink()
    worker.run("recover")
    check_state(worker.state)
    for one in (bad, section, own):  # one after the other: the stranger first
        polled(worker, one)
        assert written(worker) == [stolen, righted]
    feed(site, "a", mine.replace("Wrens are well", "Wrens are very well"))
    polled(worker, bad, own)
    assert [title for _, _, _, title, _, _ in written(worker)[2:]] == ["Wrens are very well"]
    worker.run("verify")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(ARTICLE, id="an article"),
        pytest.param("They sing, said all four of them, and went on to sing.", id="too short to tell by its text"),
    ],
)
def test_a_page_to_which_a_strangers_link_leads_gets_its_own_feeds(site: Site, worker: Worker, text: str) -> None:
    """As one that it lists: the same article goes on under its own feed, title and address, in whatever order they are
    polled from then on, with another stranger that shows that link, and another feed of the page's site."""
    url = site.add("a", "/1", page("Wrens are well", text))
    link = site.add("b", "/go/1", Answer(status=302, headers={"Location": url}))
    bad = "stranger", feed(site, "b", item("x", link, "Owls to be banned", "Buy owls."))
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short."))
    topic = "topic", site.add("b", "/topic", Answer(body=rss(item("t", link, "Owls")), content_type=RSS))
    section = "section", site.add("a", "/section", site.routes["a.localhost", "/feed"])
    polled(worker, bad)
    stolen = ("stranger", "new", 1, "Owls to be banned", [], None)
    assert written(worker) == [stolen]
    polled(worker, bad, own)
    righted = ("own", "update", 2, "Wrens are well", [], None)
    assert written(worker) == [stolen, righted]
    first, then = worker.records()
    assert (then["id"], then["url"], then["content_text"]) == (first["id"], url, text)
    feed(site, "b", item("x", link, "Owls to be sold", "Buy owls."))
    for _ in range(2):
        polled(worker, topic, section, bad, own)
        assert written(worker) == [stolen, righted]
    assert f"duplicate of {first['id']}" in str(worker.run("why", link).stdout)
    worker.state.unlink()
    worker.run("recover")
    check_state(worker.state)
    for one in (bad, topic, own):
        polled(worker, one)
        assert written(worker) == [stolen, righted]
    feed(site, "a", item("g", url, "Wrens are very well", "In short."))
    polled(worker, topic, section, bad, own)
    assert [title for _, _, _, title, _, _ in written(worker)[2:]] == ["Wrens are very well"]
    assert "in the feed own" in str(worker.run("why", url).stdout)
    worker.run("verify")


@pytest.mark.parametrize("first", ["stranger", "own"])
@pytest.mark.parametrize("text", [ARTICLE, "They sing, said all four of them, and went on to sing."])
def test_a_link_that_leads_to_a_known_page_is_its_duplicate_under_any_title(
    site: Site, worker: Worker, text: str, first: str
) -> None:
    """However short the page is, and if both are read in one run."""
    url = site.add("a", "/1", page("Wrens are well", text))
    link = site.add("b", "/go/1", Answer(status=302, headers={"Location": url}))
    bad = "stranger", feed(site, "b", item("x", link, "Owls to be banned", "Buy owls."))
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short."))
    if first == "own":
        polled(worker, own)
    for _ in range(3):
        polled(worker, bad, own)
    assert told(worker)[-1] in (("own", "new", "Wrens are well", None), ("own", "update", "Wrens are well", None))
    assert len({record["id"] for record in worker.records()}) == 1
    worker.run("verify")


def test_a_page_that_was_had_is_written_once_whoever_lists_it(site: Site, worker: Worker) -> None:
    """An aggregator that names it first has its text from the page: if its own feed says nothing else of it, there is
    no more to write. The page is read once more to see that."""
    url = site.add("a", "/1", page("Wrens are well", ARTICLE))
    aggregator = "aggregator", feed(site, "b", item("x", url, "Wrens are well", "Comments"))
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short."))
    polled(worker, aggregator)
    for _ in range(2):
        polled(worker, aggregator, own)
    assert told(worker) == [("aggregator", "new", "Wrens are well", None)]
    assert len(site.asked("a", "/1")) == 2


def test_two_strangers_have_one_record_of_a_page_that_can_not_be_had(site: Site, worker: Worker) -> None:
    """Neither is of its site; the first stands for it, as ever."""
    url = site.add("a", "/1", Answer(status=403))
    one = "one", feed(site, "b", item("x", url, "Wrens", "They are well, says one."))
    two = "two", feed(site, "c", item("y", url, "Wrens?", "They are well, says another."))
    polled(worker, one)
    polled(worker, one, two)
    assert [feed_id for feed_id, *_ in told(worker)] == ["one"]


def test_a_page_that_both_showed_before_it_could_not_be_had_is_its_own_feeds(site: Site, worker: Worker) -> None:
    """Be it that the page's own feed came while the stranger's entry was still to be read, and was taken for a
    duplicate: with the next poll its words are written."""
    url = site.add("a", "/1", Answer(status=403))
    bad = "stranger", feed(site, "b", lie(url, prose("owl", 30)))
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short, they are."))
    polled(worker, bad, own)
    polled(worker, bad, own)
    written = told(worker)
    assert [feed_id for feed_id, *_ in written].count("own") == 1
    polled(worker, bad, own)
    assert told(worker) == written


def test_a_copy_that_turns_into_something_else_leaves_the_article_that_it_was_of(site: Site, worker: Worker) -> None:
    """It was there first, and the article was its duplicate by its text. Then the link gives another text, which is its
    update; the article is written with the next poll of its own feed, and once."""
    url = site.add("a", "/1", page("Wrens are well", ARTICLE))
    link = site.add("b", "/x", page("Wrens are well", ARTICLE))
    bad = "stranger", feed(site, "b", item("x", link, "Wrens are well"))
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short."))
    polled(worker, bad)
    polled(worker, bad, own)
    assert [feed_id for feed_id, *_ in told(worker)] == ["stranger"]
    site.add("b", "/x", page("Owls to be banned", OTHER))
    feed(site, "b", item("x", link, "Owls to be banned"))
    polled(worker, bad, own)
    polled(worker, bad, own)
    assert told(worker)[1:] == [
        ("stranger", "update", "Owls to be banned", None),
        ("own", "new", "Wrens are well", None),
    ]
    assert worker.records()[2]["content_text"] == ARTICLE
    polled(worker, bad, own)
    assert len(told(worker)) == 3


def test_a_link_that_led_to_an_article_may_show_something_else_one_day(site: Site, worker: Worker) -> None:
    """The article had become its own feed's, and stays as it is; what the link shows now is a new one."""
    url = site.add("a", "/1", page("Wrens are well", ARTICLE))
    link = site.add("b", "/x", Answer(status=302, headers={"Location": url}))
    bad = "stranger", feed(site, "b", item("x", link, "Wrens are well"))
    own = "own", feed(site, "a", item("g", url, "Wrens are well", "In short."))
    polled(worker, bad)
    polled(worker, bad, own)
    assert told(worker) == [("stranger", "new", "Wrens are well", None)]
    site.add("b", "/x", page("Owls to be banned", OTHER))
    feed(site, "b", item("x", link, "Owls to be banned"))
    for _ in range(2):
        polled(worker, bad, own)
        assert told(worker)[1:] == [("stranger", "new", "Owls to be banned", None)]
    first, then = worker.records()
    assert (first["content_text"], then["content_text"]) == (ARTICLE, OTHER)
    assert first["id"] != then["id"]
    worker.run("verify")
