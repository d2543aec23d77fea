"""`why`: where an article is, in one screen."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose
from tests.whole.processes import running, until
from tests.whole.test_status_page import read, url_of


def why(worker: Worker, subject: str, status: int = 0) -> str:
    return " ".join(worker.run("why", subject, status=status).stdout.split())


def test_an_article_that_was_written(site: Site, worker: Worker) -> None:
    """When it was seen, by which feed, what became of it, and the file that has it; by its URL, whatever its tracking
    parameters, or by the id of its record."""
    url = site.add("a", "/1", page("Title", prose("heron")))
    worker.configure([{"url": feed(site, "b", item("g", url, "Title")), "id": "birds"}])
    worker.once()
    (record,) = worker.records()
    (file,) = worker.out.glob("records/*/*.jsonl")
    for subject in (url, url + "?utm_source=x", record["id"]):
        said = why(worker, subject)
        assert record["id"] in said
        assert "in the feed birds" in said
        assert ": ok" in said
        assert str(file) in said
    story = json.loads(worker.run("why", url, "--json").stdout)
    assert story["entries"][0]["revised_at"] == record["_ingest"]["ingested_at"]


def test_what_may_have_been_meant(site: Site, worker: Worker) -> None:
    """An address like it, or with another query; a feed; on the page, too. None where there is none."""
    url = site.add("a", "/1/", page("Title", prose("heron")))
    asked = site.add("a", "/2?issue=7", page("Two", prose("owl")))
    birds = feed(site, "b", item("g", url, "Title"), item("h", asked, "Two"))
    worker.configure([{"url": birds, "id": "birds"}], web={"listen": "127.0.0.1:0"})
    worker.once()
    for subject in (
        url.removesuffix("/"),
        url.replace("http:", "https:"),
        url.removeprefix("http://"),
        url + "?page=2",
    ):
        assert f"Did you mean {url}?" in why(worker, subject, 1)
    assert f"Did you mean {asked}?" in why(worker, site.url("a", "/2"), 1)
    assert f"Did you mean {birds}?" in why(worker, birds + "/", 1)
    assert json.loads(worker.run("why", url + "amp", "--json", status=1).stdout)["near"] == [url]
    assert "Did you mean" not in why(worker, site.url("a", "/3"), 1)
    with running(worker):
        until(lambda: "web.listening" in worker.log.read_text())
        page_of = read(url_of(worker.log) + "/why?q=" + quote(site.url("a", "/2")))
        assert f'<a href="/why?q={quote(asked, safe="/")}"><bdi>{asked}</bdi></a>' in page_of


def test_an_article_that_waits(site: Site, worker: Worker) -> None:
    """For its next try, with what failed; for the patience that its host asked for."""
    broken = site.add("a", "/1", Answer(status=500))
    busy = site.add("c", "/1", Answer(status=429, headers={"Retry-After": "900"}))
    site.add("d", "/robots.txt", Answer(status=429, headers={"Retry-After": "900"}))
    items = [item("1", broken, "One"), item("2", busy, "Two"), item("3", unread := site.url("d", "/1"), "Three")]
    worker.configure([feed(site, "b", *items)], fetch={"retries": ["1h"]})
    worker.once()
    said = why(worker, broken)
    assert "to be tried again in 59 min failed 1 time: 500" in said
    said = why(worker, busy)
    assert "to be tried again in 14 min" in said
    assert "asked for patience 1 time: the page answered 429" in said
    assert "asked for patience 1 time: robots.txt of its site answered 429" in why(worker, unread)


def test_an_article_that_is_a_duplicate(site: Site, worker: Worker) -> None:
    """Of which one, and why."""
    urls = [site.add(host, "/1", page("Title", prose("heron"))) for host in "ab"]
    worker.configure([feed(site, "c", *(item(url, url, "Title") for url in urls))])
    worker.once()
    (record,) = worker.records()
    duplicate = next(url for url in urls if url != record["url"])
    assert f"duplicate of {record['id']}: its text is another entry's" in why(worker, duplicate)


def test_an_article_without_its_page(site: Site, worker: Worker) -> None:
    """What was wrong with the page, and when it is looked at again."""
    url = site.add("a", "/1", Answer(status=404))
    worker.configure([feed(site, "b", item("g", url, "Title", prose("heron", 1)))])
    worker.once()
    said = why(worker, url)
    assert "feed_only, 404 Not Found" in said
    assert "to be looked at again in 5 h" in said


@pytest.mark.parametrize("by", ["url", "id"])
def test_a_feed(site: Site, worker: Worker, by: str) -> None:
    """How it does, and when and why it is polled next."""
    url = feed(site, "b", item("g", None, "Title", prose("heron")))
    worker.configure([{"url": url, "id": "birds"}])
    worker.once()
    said = why(worker, url if by == "url" else "birds")
    assert "Feed birds" in said
    assert "because every 1h until more is known of it" in said
    assert "1 new at the last poll, 1 in all" in said


def test_what_nobody_has_shown(site: Site, worker: Worker) -> None:
    """It says which feeds of the site there are, and ends with 1."""
    worker.configure([{"url": feed(site, "a"), "id": "birds"}])
    worker.once()
    assert "No listed feed has shown it. A feed of its site: birds, ok; polled" in why(worker, site.url("a", "/1"), 1)
    assert "No feed of elsewhere.example is listed." in why(worker, "https://elsewhere.example/1", 1)
    assert "No listed feed has shown it. It is no URL, and no id that is known." in why(worker, "what is this", 1)


def test_that_the_feed_of_its_site_fails_is_said_of_what_nobody_has_shown(site: Site, worker: Worker) -> None:
    """By the command and the page: it is why."""
    url = feed(site, "a")
    site.add("a", "/feed", Answer(status=403))
    worker.configure([{"url": url, "id": "birds"}], web={"listen": "127.0.0.1:0"})
    worker.once()
    missed = site.url("a", "/1")
    assert "A feed of its site: birds, 403 Forbidden; polled" in why(worker, missed, 1)
    with running(worker):
        until(lambda: "web.listening" in worker.log.read_text())
        page_of = read(url_of(worker.log) + "/why?q=" + quote(missed))
        assert "403 Forbidden; polled" in page_of


def test_the_file_of_an_article_that_was_written_anew_is_told(site: Site, worker: Worker) -> None:
    """As for all that lie in one file with an article that is taken down; by the command and the page."""
    urls = [site.add("a", path, page("Title", prose(bird))) for path, bird in (("/1", "heron"), ("/2", "owl"))]
    worker.configure([feed(site, "b", *(item(url, url, "Title") for url in urls))], web={"listen": "127.0.0.1:0"})
    worker.once()
    (sealed,) = worker.out.glob("records/*/*.jsonl")
    worker.run("forget", urls[0])
    assert not sealed.exists()
    (anew,) = worker.out.glob("records/*/*.1.jsonl")
    assert f"file {anew} feed" in why(worker, urls[1])
    with running(worker):
        until(lambda: "web.listening" in worker.log.read_text())
        assert f"<code>{anew}</code>" in read(url_of(worker.log) + "/why?q=" + quote(urls[1]))


def test_that_nothing_is_polled_is_said_of_what_nobody_has_shown(site: Site, worker: Worker) -> None:
    """It may be why."""
    worker.configure([feed(site, "a")])
    worker.once()
    worker.configure([feed(site, "a")], output={"min_free": "900000GB"})
    assert "output.min_free is" in why(worker, site.url("a", "/1"), 1)


def test_what_a_look_at_its_page_gave_since_is_told_apart(site: Site, worker: Worker) -> None:
    """The text was written as it was; why there is no newer one is another thing."""
    url = site.add("a", "/1", page("Title", prose("heron")))
    worker.configure([feed(site, "b", item("g", url, "Title"))])
    worker.once()
    with closing(sqlite3.connect(worker.state)) as database, database:
        database.execute("UPDATE entry SET reason = '410 Gone', gone_since = 1, gone_answers = 1")
    said = why(worker, url)
    assert ": ok last look 410 Gone file" in said


def test_an_article_of_a_state_that_an_older_version_recovered(site: Site, worker: Worker) -> None:
    """It did not note when each was written, which is not never."""
    url = site.add("a", "/1", page("Title", prose("heron")))
    worker.configure([feed(site, "b", item("g", url, "Title"))])
    worker.once()
    with closing(sqlite3.connect(worker.state)) as database, database:
        database.execute("UPDATE entry SET revised_after = NULL")
    said = why(worker, url)
    assert "written before the state was recovered: ok file not noted; feedmill records --history" in said


def test_an_article_whose_page_was_not_asked_for(site: Site, worker: Worker) -> None:
    """It is not the article that was skipped."""
    url = site.url("a", "/1")
    listed = {"url": feed(site, "b", item("g", url, "Title", prose("heron"))), "full_text": "never"}
    worker.configure([listed])
    worker.once()
    assert "skipped, as its page was not asked for: the text is the feed's own" in why(worker, url)


def test_an_article_that_was_taken_down(site: Site, worker: Worker) -> None:
    """That it was, or is kept out, by what, and nothing else."""
    url = site.add("a", "/1", page("Title", prose("heron")))
    worker.configure([feed(site, "b", item("g", url, "Title"))])
    worker.once()
    worker.run("forget", url)
    said = why(worker, url)
    assert re.fullmatch(
        r"It was taken down (now|\d+ s ago), by feedmill forget: nothing is written of it any more\.\s*", said
    )
    other = site.url("a", "/2")
    worker.run("forget", "--unknown", other)
    assert why(worker, other).startswith("It was kept out ")


def test_the_page_says_what_the_command_says(site: Site, worker: Worker) -> None:
    """Also of a link that several entries have, which identifies none of them; and the one file that has the record."""
    link = site.add("a", "/1", page("Title", prose("heron")))
    shown = [item("one", link, "One", prose("heron")), item("two", link, "Two", prose("osprey"))]
    worker.configure(
        [{"url": feed(site, "c", *shown), "full_text": "never"}],
        web={"listen": "127.0.0.1:0"},
        output={"seal_records": 1},
    )
    worker.once()
    records = worker.records()
    files = {record["id"]: next(worker.out.glob(f"records/*/*{record['_ingest']['seq']}.jsonl")) for record in records}
    assert len(files) == 2
    with running(worker):
        until(lambda: "web.listening" in worker.log.read_text())
        for subject in (link, f"{link}?utm_source=x", *files):
            said = why(worker, subject)
            there = read(f"{url_of(worker.log)}/why?q={quote(subject, safe='')}")
            expected = {subject} & set(files) or set(files)
            assert {id for id in files if f"<code>{id}</code>" in there} == expected
            assert {id for id, file in files.items() if f"<code>{file}</code>" in there} == expected
            assert {id for id, file in files.items() if f"file {file}" in said} == expected
