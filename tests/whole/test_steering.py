"""feeds, pause, resume, poll, retry: typed beside a running worker, and where none runs."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest
from typer.testing import Result

from tests import warm
from tests.site import Answer, Request, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose, rss
from tests.whole.processes import running, until
from tests.whole.typed import typed
from worker.errors import ConfigError, FeedmillError
from worker.wiring import app


def ids(result: Result) -> list[str]:
    return [feed["id"] for feed in json.loads(result.stdout)["feeds"]]


@contextmanager
def three(site: Site, worker: Worker) -> Iterator[None]:
    """Feeds a (tags world/asia), b (world) and c, the last of which fails; each polled once."""
    for name in "ab":
        article = site.add(name, "/1", page(name, prose(f"{name}-heron")))
        feed(site, name, item("1", article, name))
    site.add("c", "/feed", Answer(status=404))
    tags = {"a": ["world/asia"], "b": ["world"], "c": []}
    worker.configure(
        [{"id": name, "url": site.url(name, "/feed"), "tags": tags[name], "recheck": ["90d"]} for name in "abc"]
    )
    worker.once()
    yield


def test_feeds_are_listed_and_filtered(site: Site, worker: Worker) -> None:
    """By tag and what is below it, by failure, by pause, by silence; filters go together."""
    with three(site, worker):
        assert ids(typed(worker, "feeds", "--json")) == ["a", "b", "c"]
        assert ids(typed(worker, "feeds", "--json", "--tag", "world")) == ["a", "b"]
        assert ids(typed(worker, "feeds", "--json", "--tag", "world/asia")) == ["a"]
        for command in ("feeds", "export"):
            with pytest.raises(FeedmillError, match="no feed has the tag 'World'; did you mean 'world'"):
                typed(worker, command, "--tag", "World")
        assert ids(typed(worker, "feeds", "--json", "--failing")) == ["c"]
        assert ids(typed(worker, "feeds", "--json", "--silent", "1h")) == ["c"]
        assert ids(typed(worker, "feeds", "--json", "--silent", "1h", "--tag", "world")) == []
        typed(worker, "pause", "b")
        assert ids(typed(worker, "feeds", "--json", "--paused")) == ["b"]
        shown = typed(worker, "feeds").stdout
        assert "paused" in shown
        assert "404" in shown
        assert "3 feeds" in shown
        assert "expected a duration" in typed(worker, "feeds", "--silent", "soon", status=2).output


def test_feeds_needs_no_state_and_shows_no_secret(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was never polled is listed, too."""
    monkeypatch.setenv("KEY", "hush")
    worker.configure([{"url": "https://a.example/feed?key=${KEY}", "headers": {"X-Key": "${KEY}"}}])
    for args in ([], ["--json"]):
        assert "hush" not in typed(worker, "feeds", *args).stdout
    assert "not taken up yet" in typed(worker, "feeds").stdout
    assert not worker.state.exists()


def test_without_a_worker_the_commands_do_it_themselves(site: Site, worker: Worker) -> None:
    """`poll` asks this one feed alone, paused or not, and ingests what is new in it."""
    with three(site, worker):
        assert "2 feeds paused" in typed(worker, "pause", "--tag", "world").stdout
        before = {name: len(site.asked(name)) for name in "abc"}
        assert worker.once(every=True).polls == 1
        feed(site, "a", item("2", site.add("a", "/2", page("New", prose("owl"))), "New"))
        assert "paused; 1 new" in typed(worker, "poll", site.url("a", "/feed")).stdout
        assert len(site.asked("a", "/feed")) == 2
        assert len(site.asked("b")) == before["b"]
        assert len(worker.records()) == 3
        assert "1 feed resumed" in typed(worker, "resume", "a", "c").stdout
        assert worker.once().polls == 1
        assert "404" in typed(worker, "poll", "c", status=1).stdout


def test_a_poll_alone_leaves_the_work_of_others(site: Site, worker: Worker) -> None:
    """What its feed's poll brings is ingested, and what waited of it, also with a redirect, robots.txt and a page's own
    host between; of another feed, neither poll nor entry."""
    with three(site, worker):
        for name in "ab":
            typed(worker, "retry", site.url(name, "/1"))
        site.add("a", "/2", Answer(status=302, headers={"Location": site.url("other", "/2")}))
        site.add("other", "/2", page("New", prose("owl")))
        feed(site, "a", item("2", site.url("a", "/2"), "New"))
        before = {name: len(site.asked(name, "/1")) for name in "ab"}
        assert "ok; 1 new" in typed(worker, "poll", "a").stdout
        assert worker.records()[2]["title"] == "New"
        assert len(site.asked("a", "/1")) == before["a"] + 1
        assert (len(site.asked("b", "/1")), len(site.asked("b", "/feed"))) == (before["b"], 1)
        worker.once()
        assert len(site.asked("b", "/1")) == before["b"] + 1


def test_a_name_that_is_wrong_is_answered_with_the_nearest(site: Site, worker: Worker) -> None:
    """An id, a URL, a tag; none at all is wrong use."""
    worker.configure([{"id": "harbour-news", "url": "https://harbour.example/feed.xml", "tags": ["world"]}])
    for args, hint in (
        (["harbor-news"], "harbour-news"),
        (["https://harbor.example/feed.xml"], "https://harbour.example/feed.xml"),
        (["harbour"], "harbour-news"),
        (["--tag", "word"], "world"),
        (["zzz"], "feedmill feeds"),
    ):
        with pytest.raises(FeedmillError, match=hint):
            typed(worker, "pause", *args)
    assert "by id or URL" in typed(worker, "pause", status=2).output


def test_a_running_worker_is_asked(site: Site, worker: Worker) -> None:
    """It pauses, resumes, polls at once and takes up what waits; the commands wait for it."""
    with three(site, worker), running(worker):
        until(lambda: "run.started" in worker.log.read_text())
        assert "1 feed paused" in typed(worker, "pause", "a").stdout
        assert ids(typed(worker, "feeds", "--json", "--paused")) == ["a"]
        assert "1 feed resumed" in typed(worker, "resume", "a").stdout
        until(lambda: len(site.asked("a", "/feed")) == 2)
        assert "ok" in typed(worker, "poll", "b").stdout
        assert len(site.asked("b", "/feed")) == 2
        article = site.url("a", "/1")
        before = len(site.asked("a", "/1"))
        assert "1 entry due again" in typed(worker, "retry", article).stdout
        until(lambda: len(site.asked("a", "/1")) > before)


def test_an_article_that_was_written_is_read_again(site: Site, worker: Worker) -> None:
    """What comes out otherwise is an update; what does not, nothing. What nobody knows is told as that."""
    article = site.add("a", "/1", page("Title", prose("heron")))
    worker.configure([{"id": "a", "url": feed(site, "a", item("1", article, "Title"))}])
    worker.once()
    assert "its feed is due now, in full, and it is read again" in typed(worker, "retry", article).stdout
    worker.once()
    assert len(site.asked("a", "/1")) == 2
    assert [record["_ingest"]["op"] for record in worker.records()] == ["new"]
    site.add("a", "/1", page("Title", prose("heron-mended")))
    assert worker.once(every=True).updates == 0
    assert "read again" in typed(worker, "retry", worker.records()[0]["id"]).stdout
    assert worker.once().updates == 1
    assert "mended" in worker.records()[-1]["content_text"]
    assert "feedmill why" in typed(worker, "retry", article + "x", status=1).output


def test_an_article_that_left_its_feed_is_read_by_its_page(site: Site, worker: Worker) -> None:
    """With what the feed said of it as its record has that: what comes out as before is no update. Once, also where the
    feed shows it still; not while that fails."""
    said = "<author>ada@a.example (Ada Brandt)</author><pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate></item>"
    article = site.add("pages", "/1", page("Title", prose("heron")))
    shown = item("1", article, "Title").replace("</item>", said)
    worker.configure([{"id": "a", "url": feed(site, "a", shown)}])
    worker.once()
    (first,) = worker.records()
    assert (first["_ingest"]["sources"]["authors"], first["date_published"][:10]) == ("feed", "2026-11-23")
    feed(site, "a", item("2", site.add("a", "/2", page("Other", prose("owl"))), "Other"))
    worker.once(every=True)
    told = typed(worker, "retry", article).stdout
    assert "it is read again" in told
    assert "still" not in told
    worker.once()
    assert len(site.asked("pages", "/1")) == 2
    site.add("a", "/feed", Answer(status=500))
    typed(worker, "retry", article)
    worker.once()
    assert len(site.asked("pages", "/1")) == 2
    assert len(worker.records()) == 2
    site.add("pages", "/1", page("Title", prose("heron-mended")))
    feed(site, "a", shown)
    assert worker.once(every=True).updates == 1
    assert len(site.asked("pages", "/1")) == 3
    last = worker.records()[-1]
    assert "mended" in last["content_text"]
    assert (last["authors"], last["date_published"]) == (first["authors"], first["date_published"])


def test_why_an_article_can_not_be_read_by_its_page_is_told(site: Site, worker: Worker) -> None:
    """Its page is not wanted, or not its own; where its feed is not listed any more, nothing is asked."""
    article = site.add("a", "/1", page("Title", prose("heron")))
    two = [item(str(number), site.url("a", "/all"), f"Title {number}", prose(f"owl{number}")) for number in (1, 2)]
    one = {"id": "a", "url": feed(site, "a", item("1", article, "Title"), *two)}
    worker.configure([one])
    worker.once()
    ids = {record["title"]: record["id"] for record in worker.records()}
    assert "still; its link leads to no page of its own" in typed(worker, "retry", ids["Title 1"]).stdout
    worker.configure([{**one, "full_text": "never"}])
    assert "still; its page is not asked for (full_text: never)" in typed(worker, "retry", article).stdout
    worker.configure([{"url": feed(site, "b")}])
    assert "its feed is not listed any more" in typed(worker, "retry", article).stdout


def test_a_mistake_in_a_list_keeps_nobody_from_steering(site: Site, worker: Worker) -> None:
    """It is told; feeds are known by the state, which stays as it is: none of them has left."""
    with three(site, worker):
        (record, _) = worker.records()
        lists = worker.folder / "feeds.yaml"
        good = lists.read_text()
        lists.write_text("feeds: [{url: https://a.example/, evry: 1h}]")
        for command in (["pause", "b"], ["resume", site.url("b", "/feed")], ["retry"], ["retry", "a"]):
            assert 'did you mean "every"?' in typed(worker, *command).output
        assert "correct them" in typed(worker, "pause", "--tag", "world", status=2).output
        assert "1 record taken out" in typed(worker, "forget", record["url"]).output
        assert len(json.loads(typed(worker, "status", "--json").stdout)["feeds"]) == 3
        with pytest.raises(ConfigError, match="evry"):
            typed(worker, "poll", "a")
        lists.write_text(good)
        assert worker.once(every=True).polls == 3
        assert sorted(left["_ingest"]["op"] for left in worker.records()) == ["delete", "new"]


# --- poll, as it goes -----------------------------------------------------------------------------------------------


def held(site: Site, worker: Worker) -> None:
    """Feeds good and patient, whose host asked to be left alone for an hour; each polled once."""
    feed(site, "good", item("1"))
    site.add("patient", "/feed", Answer(status=429, headers={"Retry-After": "3600"}))
    worker.configure(
        [{"id": name, "url": site.url(name, "/feed"), "full_text": "never"} for name in ("good", "patient")]
    )
    worker.once()


def polled(worker: Worker) -> Iterator[str]:
    """The lines of `poll` of both feeds, each as it comes."""
    command = worker.command("poll", "good", "patient")
    with (
        Path(os.devnull).open("wb") as nowhere,
        warm.piped(command, env=worker.environment(), stderr=nowhere) as (process, said),
    ):
        for line in said:
            yield line.decode().strip()
        assert process.wait(60) == 0


@pytest.mark.parametrize("beside", [True, False], ids=["beside a worker", "alone"])
def test_a_poll_tells_of_a_host_that_is_held(site: Site, worker: Worker, beside: bool) -> None:
    """Until when and why, and waits for it no longer; of the others as each is done."""
    held(site, worker)
    with running(worker) if beside else nullcontext():
        until(lambda: not beside or "run.started" in worker.log.read_text())
        lines = dict(text.split(" ", 1) for text in polled(worker))
    assert lines["good"] == "ok, unchanged; 0 new"
    asked = "patient.localhost, asked for patience, the last time "
    assert lines["patient"].startswith(f"is due, and not polled yet: its host, {asked}")
    assert lines["patient"].endswith("and is asked again in 59 min")
    assert len(site.asked("patient")) == 1
    (good, patient) = json.loads(typed(worker, "status", "--json").stdout)["feeds"]
    assert patient["next_poll_at"] > good["polled_at"]
    with closing(sqlite3.connect(worker.state)) as state:
        (since,) = state.execute("SELECT min(due_at) FROM work").fetchone()
    assert app.now() - since < 60_000, "what is left is not told as late since ever"
    assert patient["why"] == "asked for; its host is not asked sooner"
    row = next(line for line in typed(worker, "status").stdout.splitlines() if line.startswith("patient "))
    assert "in 59 min" in row


def test_a_poll_tells_each_feed_when_it_is_done(site: Site, worker: Worker) -> None:
    """Not when all are."""
    done = threading.Event()
    feed(site, "good", item("1"))

    def slow(_: Request) -> Answer:
        done.wait(60)
        return Answer(body=rss(item("1")), content_type="application/rss+xml")

    site.add("patient", "/feed", slow)
    worker.configure(
        [{"id": name, "url": site.url(name, "/feed"), "full_text": "never"} for name in ("good", "patient")],
        fetch={"timeout": "60s"},
    )
    lines = polled(worker)
    assert next(lines) == "good ok; 1 new"
    done.set()
    assert next(lines) == "patient ok; 1 new"
    assert list(lines) == []
