"""The rules of a feed, from the list to the record and to what is said of what is missing: on a scripted web."""

from __future__ import annotations

import json
from html import escape

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose
from tests.whole.typed import typed


def titles(worker: Worker) -> list[str]:
    return sorted(record.get("title", "") for record in worker.records())


def said(worker: Worker, name: str, *args: str, status: int = 0) -> str:
    done = typed(worker, name, *args, status=status)
    return " ".join((done.stdout if "--json" in args else done.output).split())


def why(worker: Worker, subject: str) -> str:
    return said(worker, "why", subject)


def in_language(language: str, title: str) -> Answer:
    return Answer(body=page(title, prose(title)).body.replace(b"lang=en", f"lang={language}".encode()))


def test_entries_are_left_out_by_what_the_feed_says(site: Site, worker: Worker) -> None:
    """Their pages are not asked for; `why` names the filter, its line and what it speaks of; they are counted, and the
    next poll asks as any other."""
    links = {name: site.add("a", f"/{name}", page(name, prose(name))) for name in ("River", "Sponsored lake", "Live")}
    url = feed(site, "a", *(item(name, link, name) for name, link in links.items()))
    worker.configure([{"url": url, "id": "birds", "skip": [{"title": "^sponsored"}, {"url": ["/live", "/Live"]}]}])
    tally = worker.once()
    assert (tally.new, tally.skipped) == (1, 2)
    assert titles(worker) == ["River"]
    assert {request.path for request in site.asked("a")} == {"/feed", "/robots.txt", "/River"}
    reason = why(worker, links["Sponsored lake"])
    assert "not written: left out by skip in" in reason
    assert f'{worker.folder}/feeds.yaml:4: its title is "Sponsored lake"' in reason
    assert "2 left out by its rules" in why(worker, "birds")
    assert "2 left out by rules" in said(worker, "status")
    assert json.loads(said(worker, "status", "--json"))["feeds"][0]["skipped"] == 2
    assert worker.once(every=True).unchanged == 1


def test_entries_are_left_out_by_the_language_of_their_page(site: Site, worker: Worker) -> None:
    """Where the feed names none: the page is read once, also when all of the feed is gone through again."""
    links = [site.add("a", f"/{name}", in_language(name, f"Story {name}")) for name in ("de-AT", "fr")]
    url = feed(site, "a", *(item(link, link, link[-2:]) for link in links))
    worker.configure([{"url": url, "only": [{"language": "de"}]}])
    assert worker.once().skipped == 1
    assert [record.get("language") for record in worker.records()] == ["de-AT"]
    assert "it does not hold (its language is fr)" in why(worker, links[1])
    feed(site, "a", *(item(link, link, link[-2:]) for link in links), item("3", None, "More", prose("egret")))
    worker.once(every=True)
    assert len(site.asked("a", "/fr")) == 1


def test_filters_that_are_changed_take_up_what_the_feed_still_shows(site: Site, worker: Worker) -> None:
    """One unconditional poll more, and no other; what was written stays, and the rest of the list is not read anew."""
    links = {name: site.add("a", f"/{name}", page(name, prose(name))) for name in ("heron", "egret")}
    url = feed(site, "a", *(item(name, link, name) for name, link in links.items()))
    other = feed(site, "b", item("x", None, "Other", prose("owl")))
    worker.configure([{"url": url, "skip": [{"title": "heron"}]}, other])
    worker.once()
    assert titles(worker) == ["Other", "egret"]
    worker.configure([{"url": url, "skip": [{"title": "egret"}]}, other])
    assert worker.once(every=True).new == 1
    assert titles(worker) == ["Other", "egret", "heron"]
    worker.once(every=True)
    conditional_polls = ["if-none-match" in request.headers for request in site.asked("a", "/feed")]
    assert conditional_polls == [False, False, True]
    assert "if-none-match" in site.asked("b", "/feed")[1].headers


def test_the_backlog_of_a_first_poll_is_left_behind(site: Site, worker: Worker) -> None:
    """It is known, never asked for and never new."""
    links = [site.add("a", f"/{n}", page(f"T{n}", prose(f"gull{n}"))) for n in range(5)]
    url = feed(site, "a", *(item(link, link, f"T{n}") for n, link in enumerate(links)))
    worker.configure([{"url": url, "backlog": {"newest": 2}}])
    assert worker.once().skipped == 3
    assert titles(worker) == ["T0", "T1"]
    assert "not among the 2 newest at the feed's first poll (backlog.newest)" in why(worker, links[4])
    new = site.add("a", "/new", page("New", prose("crane")))
    feed(site, "a", item(new, new, "New"), *(item(link, link, f"T{n}") for n, link in enumerate(links)))
    worker.configure([{"url": url}])
    assert worker.once(every=True).new == 1
    assert titles(worker) == ["New", "T0", "T1"]


def test_pages_are_asked_for_where_a_rewrite_says(site: Site, worker: Worker) -> None:
    """The entry stays who it is by its link: the record has that URL, `why` knows it, and another feed that shows it
    shows nothing new."""
    link = site.add("a", "/story/1?x=1", page("Wrong", prose("wrong")))
    printed = site.add("b", "/print/1", page("Printed", prose("stork")))
    url = feed(site, "a", item("g", link, "Printed"))
    again = feed(site, "c", item("h", link, "Printed"))
    rewrite = {"match": r"^http://a(.*)/story/(\d+).*", "to": r"http://b\1/print/\2"}
    worker.configure([{"url": url, "rewrite": [rewrite]}, again])
    tally = worker.once()
    assert (tally.new, tally.duplicates) == (1, 1)
    (record,) = worker.records()
    if record["_ingest"]["feed_id"].startswith("a."):
        assert "stork" in record["content_text"]
        assert record["_ingest"]["final_url"] == printed
    assert (record["url"], record["_ingest"]["entry_url"]) == (link, link)
    assert record["id"] in why(worker, link)


def test_a_page_is_what_its_feeds_selectors_say(site: Site, worker: Worker) -> None:
    """And what the page is without them, where the site has changed: `why` says so."""
    story = f"<div class=story><p>{escape(prose('swan', 2))}</p><p class=ad>Buy this.</p></div>"
    link = site.add(
        "a", "/1", Answer(body=page("Title", prose("heron")).body.replace(b"<article>", story.encode() + b"<article>"))
    )
    other = site.add("a", "/2", page("Other", prose("ibis")))
    url = feed(site, "a", item("g", link, "Title"), item("h", other, "Other"))
    worker.configure([{"url": url, "select": [".story"], "remove": [".ad"]}])
    worker.once()
    texts = {record["url"]: record["content_text"] for record in worker.records()}
    assert texts[link] == prose("swan", 2)
    assert "ibis" in texts[other]
    assert "ok, what select names is not on the page, or holds no text" in why(worker, other)


def test_a_selector_that_takes_for_ever_costs_the_page_and_no_more(site: Site, worker: Worker) -> None:
    """`i ~ i ~ i` on ten thousand elements would take hours: its process is killed, and the feed's words serve."""
    body = b"<html><body>" + b"<i>x</i>" * 10_000
    link = site.add("a", "/1", Answer(body=body))
    url = feed(site, "a", item("g", link, "Title", prose("heron")), item("h", None, "Other", prose("ibis")))
    worker.configure([{"url": url, "remove": ["i ~ i ~ i ~ i"]}], extract={"timeout": "1s"})
    worker.once()
    kinds = {record.get("title"): record["_ingest"]["extraction"] for record in worker.records()}
    assert kinds == {"Title": "feed_only", "Other": "skipped"}
    assert "took longer than 1 s" in why(worker, link)


def test_a_title_made_to_hang_matchers_holds_nothing_up(site: Site, worker: Worker) -> None:
    """Nor does a pattern that would: RE2 is linear."""
    url = feed(site, "a", item("g", None, "a" * 900 + "!", prose("heron")), item("h", None, "aaa", prose("ibis")))
    worker.configure([{"url": url, "skip": [{"title": "^(a+)+$"}]}], extract={"timeout": "2s"})
    tally = worker.once()
    assert (tally.new, tally.skipped, tally.failed_polls) == (1, 1, 0)


def test_check_tells_of_rules(site: Site, worker: Worker) -> None:
    """Which there are, and of how many feeds; a mistake with its line."""
    worker.configure(
        [{"url": site.url("a"), "id": "a", "skip": [{"tag": "x"}], "backlog": {"newest": 1}}, site.url("b")]
    )
    found = said(worker, "check")
    assert "skip: of 1 feed" in found
    assert "backlog: of 1 feed" in found
    assert json.loads(said(worker, "check", "--json"))["rules"] == {"a": ["skip", "backlog"]}
    worker.configure([{"url": site.url("a"), "remove": ["p["]}])
    assert 'feeds[0].remove[0]: expected a CSS selector, not "p["' in said(worker, "check", status=2)


def test_rules_are_tried_before_they_are_in_force(site: Site, worker: Worker) -> None:
    """Of a feed that is listed, as its list has it now: what would come, from which part of its page, and what would
    not, and why. Nothing is written."""
    story = f"<!doctype html><html><body><div class=story><p>{escape(prose('swan', 2))}</p></div></body></html>"
    links = [site.add("a", f"/{n}", Answer(body=story.encode())) for n in range(4)]
    url = feed(site, "a", *(item(link, link, f"T{n}") for n, link in enumerate(links)))
    rules = {"skip": [{"title": "T0"}], "backlog": {"newest": 2}, "select": [".story"]}
    worker.configure([{"url": url, **rules}])
    tried = json.loads(said(worker, "add", url, "--try", "--json"))
    assert [article["record"]["content_text"] for article in tried["articles"]] == [prose("swan", 2)] * 2
    assert [article["url"] for article in tried["left_out"]] == [links[0], links[3]]
    shown = said(worker, "add", url, "--try")
    assert "2 items left out by rules" in shown
    assert 'its title is "T0"' in shown
    assert not worker.state.exists()
