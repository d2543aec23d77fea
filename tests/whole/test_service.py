"""The worker as a service: `run`, its end, its lock, its logs, and what `status` says of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from tests.site import Answer, Request, Site, conditional
from tests.whole.conftest import Worker
from tests.whole.pages import feed as feed_of
from tests.whole.pages import item, page, prose
from tests.whole.processes import ended, running, stopped, until
from worker.settings import load
from worker.wiring import app

FEED = (
    b"<rss version='2.0'><channel><title>F</title>"
    b"<item><guid>%d</guid><title>T</title><description>%b</description></item></channel></rss>"
)


def feed(number: int = 1) -> Answer:
    return Answer(body=FEED % (number, b"words " * 60 + b"%d" % number), content_type="application/rss+xml")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_polls_as_feeds_fall_due_and_ends_well_when_asked(site: Site, worker: Worker, number: int) -> None:
    """Each second where that is wished; SIGTERM and Ctrl-C end it with 0, and all is sealed."""
    counter = iter(range(1, 1000))
    url = site.add("a", "/feed", lambda _: feed(next(counter)))
    worker.configure([{"url": url, "every": "1s"}])
    process = worker.start("run")
    until(lambda: len(site.requests) >= 4)
    status, log = stopped(process, number)
    assert status == 0, log
    assert len(worker.records()) >= 2
    # The first takes long, while the processes that parse are made; from the second on the feed is back in its time.
    times = [request.at for request in site.requests][2:]
    assert all(0.8 < later - earlier < 5 for earlier, later in pairwise(times))


def test_sigterm_ends_within_ten_seconds_whatever_hangs(site: Site, worker: Worker) -> None:
    """What is in flight is handed back, and done after the next start; on a loaded machine the ten may be more."""
    worker.configure([site.add("a", "/feed", lambda _: Answer(delay_s=90))], fetch={"timeout": "90s"})
    process = worker.start("run")
    until(lambda: site.requests)
    begun = time.monotonic()
    status, log = stopped(process)
    assert status == 0, log
    assert time.monotonic() - begun < 30
    site.add("a", "/feed", feed())
    assert worker.once().new == 1


@pytest.mark.slow
@pytest.mark.alone
def test_ten_seconds_are_enough_while_a_fetch_hangs_and_an_extraction_runs(site: Site, worker: Worker) -> None:
    """By the clock, from SIGTERM to the exit, which is well; both are handed back, and done after the next start. No
    process is left."""
    flood = "<a" + "".join(f" b{n}" for n in range(600_000)) + ">"
    body = f"<html><body>{flood}{'<b>' * 50_000}</body></html>".encode()
    endless = site.add("a", "/endless", Answer(body=body))
    article = {"url": feed_of(site, "a", item("1", endless, "Endless")), "full_text": "always"}
    hangs = site.add("b", "/feed", Answer(delay_s=90))
    worker.configure(
        [article, hangs],
        fetch={"timeout": "90s", "robots": False, "max_page": "20MB"},
        extract={"timeout": "90s", "workers": 1},
    )
    process = worker.launch("run")
    try:
        until(lambda: site.asked("b") and any(each.request.path == "/endless" for each in site.exchanges))
        time.sleep(3)  # it has come, and is being read
        assert b"entry.ingested" not in worker.log.read_bytes()
        begun = time.monotonic()
        process.terminate()
        assert process.wait(60) == 0
        assert time.monotonic() - begun < 10
    finally:
        process.kill()
        process.wait()
    assert ended(worker)
    log = worker.log.read_text()
    assert "Traceback" not in log
    assert "entry.ingested" not in log
    site.add("a", "/endless", page("Endless", prose("heron")))
    site.add("b", "/feed", feed())
    assert worker.once().new == 2
    assert {record["_ingest"]["extraction"] for record in worker.records()} == {"ok", "skipped"}


def test_one_process_holds_a_state(site: Site, worker: Worker) -> None:
    """A second one says who holds it, ends with 2, and sends nothing."""
    worker.configure([site.add("a", "/feed", feed())])
    process = worker.start("run")
    until(lambda: site.requests)
    refused = worker.run("once", status=2)
    assert f"process {process.pid}" in refused.stderr
    assert stopped(process)[0] == 0
    assert len(site.requests) == 1


def test_systemd_is_told_when_it_is_ready_and_that_it_lives(
    site: Site, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """READY, then the watchdog each second, then STOPPING."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        worker.configure([site.add("a", "/feed", feed())])
        process = worker.start("run")
        heard = [listener.recv(100).decode() for _ in range(3)]
        assert stopped(process)[0] == 0
        listener.setblocking(False)
        while "STOPPING=1" not in heard:
            heard.append(listener.recv(100).decode())
    assert heard[:3] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_every_line_of_a_job_names_its_feed_and_entry(site: Site, worker: Worker) -> None:
    """JSON, a line an event, APScheduler's and httpx's among them where they speak."""
    page = site.add("b", "/1", Answer(status=404))
    body = f"<rss version='2.0'><channel><item><guid>g</guid><link>{page}</link></item></channel></rss>"
    worker.configure([{"url": site.add("a", "/feed", Answer(body=body.encode())), "id": "mine"}])
    done = worker.apart("once")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"feed.polled", "entry.ingested", "segment.published", "once.finished"} <= {line["event"] for line in lines}
    for line in lines:
        assert line["timestamp"].endswith("Z")
        if line["event"].startswith(("feed.", "entry.")):
            assert line["feed"] == "mine"
        if line["event"].startswith("entry."):
            assert len(line["entry"]) == 32
            assert line["url"] == page


def throttling(_: Request) -> Answer:
    return Answer(status=429, headers={"Retry-After": "3600"})


@pytest.mark.parametrize(
    ("route", "said"),
    [
        pytest.param(Answer(status=404), "404", id="gone"),
        pytest.param(Answer(status=500), "500", id="broken server"),
        pytest.param(Answer(body=b""), "empty", id="empty"),
        pytest.param(Answer(body=b"<!doctype html><title>Hi</title><p>A page."), "HTML", id="a page"),
        pytest.param(Answer(body=b"\x89PNG\r\n\x1a\n\0\0\0", content_type="image/png"), "not a feed", id="a picture"),
        pytest.param(throttling, "patience", id="throttled"),
        pytest.param(Answer(status=302, headers={"Location": "/feed"}), "redirect", id="a loop"),
        pytest.param(Answer(status=301, headers={"Location": "file:///etc/passwd"}), "", id="redirect to a file"),
        pytest.param(Answer(body=b"x" * 3_000_000), "", id="too large"),
    ],
)
def test_a_feed_that_cannot_be_read_says_why(
    site: Site, worker: Worker, route: Answer | Callable[[Request], Answer], said: str
) -> None:
    """In `status`, with its failures in a row; the next poll is further off, and other feeds go on."""
    worker.configure([site.add("a", "/feed", route), site.add("b", "/feed", feed())], fetch={"max_feed": "2MB"})
    assert worker.once().new == 1
    bad, good = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert said.lower() in bad["error"].lower()
    assert bad["error"]
    assert good["error"] is None
    assert bad["next_poll_at"] > good["next_poll_at"] or said == "patience"
    assert bad["errors"] == (0 if said == "patience" else 1)
    assert bad["error"].split()[0] in worker.run("status").stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("http://no-such-name.invalid/feed", "no-such-name.invalid", id="DNS"),
        pytest.param("http://refused.localhost:1/feed", "refused", id="nobody listens"),
        pytest.param("https://a.localhost:{port}/feed", "TLS", id="no TLS there"),
        pytest.param("http://10.1.2.3/feed", "allow_addresses", id="a private address"),
    ],
)
def test_a_feed_that_cannot_be_reached_says_why(site: Site, worker: Worker, url: str, said: str) -> None:
    """DNS, TCP, TLS and forbidden addresses are told apart; with no other feed, `once` ends with 1."""
    worker.configure([url.format(port=site.port)])
    worker.run("once", status=1)
    (feed_,) = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert said.lower() in feed_["error"].lower()


def test_a_malformed_feed_keeps_its_entries(site: Site, worker: Worker) -> None:
    """What can be read is taken, and the log says what was wrong. So do `status` and `why`, as long as the server has
    no other document."""
    body = FEED % (1, b"words " * 60)
    broken = body.replace(b"</channel>", b"</chanel>")
    url = site.add("a", "/feed", conditional(broken, content_type="application/rss+xml", etag='"broken"'))
    worker.configure([url])
    done = worker.run("once")
    assert "feed.malformed" in done.stderr
    assert len(worker.records()) == 1
    for _ in range(2):
        (told,) = json.loads(worker.run("status", "--json").stdout)["feeds"]
        assert "not well-formed" in told["flaw"]
        assert told["error"] is None
        for command in (["status"], ["feeds"], ["why", told["id"]]):
            assert "flawed" in worker.run(*command).stdout
        worker.run("once", "--all")
    assert told["status"] == 304
    site.add("a", "/feed", conditional(body, content_type="application/rss+xml", etag='"whole"'))
    worker.run("once", "--all")
    (told,) = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert told["flaw"] is None


def test_what_a_truncated_feed_lacked_comes_with_the_next_poll(site: Site, worker: Worker) -> None:
    """The answer was cut off, not the document: its validators, once kept, would have the server say 304 of what was
    never read."""
    body = FEED.replace(b"</channel>", b"<item><guid>2</guid><title>U</title></item></channel>") % (1, b"words " * 60)
    whole = conditional(body, content_type="application/rss+xml", etag='"whole"')
    cut = conditional(body[: body.rindex(b"<item>") + 20], content_type="application/rss+xml", etag='"whole"')
    url = site.add("a", "/feed", cut)
    worker.configure([url])
    assert worker.once().new == 1
    assert worker.once(every=True).new == 0
    site.add("a", "/feed", whole)
    assert worker.once(every=True).new == 1
    assert worker.once(every=True).unchanged == 1
    assert [request.headers.get("if-none-match") for request in site.requests] == [None, None, None, '"whole"']


def test_a_throttled_host_is_left_alone_for_as_long_as_it_asks(site: Site, worker: Worker) -> None:
    """Retry-After holds for the host's other feeds, and across a restart."""
    worker.configure([site.add("a", "/1", throttling), site.add("a", "/2", throttling)])
    for _ in range(2):
        worker.log.unlink(missing_ok=True)
        with running(worker):
            until(lambda: site.requests and "run.started" in worker.log.read_text())
            time.sleep(1.5)  # for a tick or two
    assert len(site.requests) == 1


def test_a_server_that_puts_polls_off_is_told_as_it_is(site: Site, worker: Worker) -> None:
    """It is no failure, and did not say how long where it did not; `once` still ends with 1 when it had nothing."""
    asking = site.add("a", "/feed", Answer(status=429, headers={"Retry-After": "3600"}))
    worker.configure([asking, site.add("b", "/feed", Answer(status=503))])
    done = worker.run("once", status=1)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    ended = next(line for line in lines if line["event"] == "once.finished")
    assert (ended["polls"], ended["failed_polls"], ended["throttled"]) == (2, 0, 2)
    assert {line["event"] for line in lines if line["event"].startswith("feed.")} == {"feed.throttled"}
    told = {feed_["url"]: feed_ for feed_ in json.loads(worker.run("status", "--json").stdout)["feeds"]}
    first, second = told[asking], told[site.url("b", "/feed")]
    assert (first["error"], first["why"]) == ("429: the server asks for patience (60 min)", "Retry-After: 1h")
    assert second["error"] == "503: the server refuses for now"
    assert "Retry-After: " not in (second["why"] or "")
    assert "failures in a row" not in worker.run("status").stdout
    assert json.loads(worker.run("status", "--json", "--failing").stdout)["feeds"] == []
    assert json.loads(worker.run("feeds", "--json", "--failing").stdout)["feeds"] == []


def test_failures_in_a_row_are_counted_as_such(site: Site, worker: Worker) -> None:
    """The last of them is told, and that it is not the only one; not that all were the same."""
    worker.configure([site.add("a", "/feed", Answer(status=410))])
    worker.run("once", status=1)
    site.add("a", "/feed", Answer(status=500))
    worker.run("once", "--all", status=1)
    said = " ".join(
        worker.run("why", json.loads(worker.run("status", "--json").stdout)["feeds"][0]["id"]).stdout.split()
    )
    assert "500 Internal Server Error (2 failures in a row, over" in said


def test_one_fetch_at_a_time_a_host_with_its_delay(site: Site, worker: Worker) -> None:
    """However many feeds a host has, and whatever is due."""
    urls = [site.add("a", f"/{n}", feed(n)) for n in range(5)]
    worker.configure(urls, fetch={"per_host": {"delay": "300ms"}})
    worker.once()
    times = [request.at for request in site.requests]
    assert len(times) == 5
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.28
    assert site.most_at_once == 1


def test_an_output_directory_that_cannot_be_written_is_named(site: Site, worker: Worker) -> None:
    """Before anything is fetched."""
    worker.configure([site.add("a", "/feed", feed())])
    worker.out.write_text("a file")
    refused = worker.run("once", status=1)
    assert str(worker.out) in refused.stderr
    assert not site.requests


def test_records_wait_in_the_state_while_the_output_fails(site: Site, worker: Worker) -> None:
    """Nothing is lost when the manifest can't be written in the middle of a run; all is there when it can again."""
    counter = iter(range(1, 1000))
    worker.configure(
        [{"url": site.add("a", "/feed", lambda _: feed(next(counter))), "every": "1s"}], output={"seal_after": "0s"}
    )
    process = worker.start("run")
    until(lambda: list(worker.out.glob("manifest/*.jsonl")))
    (worker.out / "manifest").rename(worker.folder / "aside")
    (worker.out / "manifest").write_text("in the way")
    asked = len(site.requests)
    until(lambda: len(site.requests) >= asked + 3)
    until(lambda: json.loads(worker.run("status", "--json").stdout)["totals"]["unpublished"])
    until(lambda: json.loads(worker.run("status", "--json").stdout)["troubles"])
    assert "Records can't be sealed: " in worker.run("status").stdout
    with closing(sqlite3.connect(worker.state)) as state:
        (waiting,) = state.execute(
            "SELECT lower(hex(record_id)) FROM entry ORDER BY first_seen_at + revised_after DESC"
        ).fetchone()
    assert "records can't be sealed: " in worker.run("why", waiting).stdout
    status, log = stopped(process)
    assert status == 1
    assert log.count('"publish.failed"') == 1  # though it was tried each second
    settings = load(worker.folder / "worker.yaml", os.environ)
    (trouble,) = app.troubles(settings)  # nobody is there to have any, but it would be had
    assert trouble.startswith("no worker would start: can't read ")
    (worker.out / "manifest").unlink()
    (worker.folder / "aside").rename(worker.out / "manifest")
    assert not app.troubles(settings)
    worker.once()
    assert sorted(record["_ingest"]["entry_id"] for record in worker.records()) == sorted(
        str(n) for n in range(1, next(counter))
    )


def test_validators_are_sent_back_as_they_came(site: Site, worker: Worker) -> None:
    """A weak ETag and an odd date, verbatim, both."""
    odd = {"ETag": 'W/"a b"', "Last-Modified": "Yesterday"}
    worker.configure([site.add("a", "/feed", Answer(body=feed().body, headers=odd))])
    worker.once()
    worker.once(every=True)
    second = site.requests[1].headers
    assert (second["if-none-match"], second["if-modified-since"]) == ('W/"a b"', "Yesterday")


def test_a_304_without_validators_keeps_the_old_ones(site: Site, worker: Worker) -> None:
    """They are sent a third time."""
    answers = iter([Answer(body=feed().body, headers={"ETag": '"1"'}), Answer(status=304), Answer(status=304)])
    worker.configure([site.add("a", "/feed", lambda _: next(answers))])
    for _ in range(3):
        worker.once(every=True)
    assert [r.headers.get("if-none-match") for r in site.requests] == [None, '"1"', '"1"']


def test_a_feed_taken_off_the_list_and_put_back_repeats_nothing(site: Site, worker: Worker) -> None:
    """It is not polled in between, and its history stays."""
    urls = [site.add(h, "/feed", conditional(feed(n).body, content_type="", etag=f'"{h}"')) for n, h in enumerate("ab")]
    worker.configure(urls)
    assert worker.once().new == 2
    worker.configure(urls[:1])
    worker.once(every=True)
    assert len(site.asked("b")) == 1
    worker.configure(urls)
    assert worker.once(every=True).new == 0
    assert len(worker.records()) == 2
