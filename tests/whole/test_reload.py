"""A worker that runs takes up what is saved, and loses nothing of what is under way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss
from tests.whole.processes import stopped, until
from tests.whole.typed import typed


def events(worker: Worker, name: str) -> list[dict[str, object]]:
    lines = worker.log.read_bytes().splitlines() if worker.log.exists() else []
    return [line for raw in lines if raw.startswith(b"{") and (line := json.loads(raw))["event"] == name]


def save(worker: Worker, *feeds: object) -> None:
    """The feed list, as an editor saves it: all at once."""
    saved = worker.folder / ".feeds.yaml.saved"
    saved.write_text(yaml.safe_dump({"feeds": list(feeds)}))
    saved.replace(worker.folder / "feeds.yaml")


@contextlib.contextmanager
def run(worker: Worker) -> Iterator[subprocess.Popen[bytes]]:
    """`run`, from its start to an end that must be well."""
    process = worker.launch("run")
    try:
        until(lambda: events(worker, "run.started"))
        yield process
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()


def test_a_saved_list_is_taken_up_while_feeds_are_fetched(site: Site, worker: Worker) -> None:
    """Feeds that are new are polled, one that left is polled no more, what is in flight ends well; a broken list is
    refused whole, and told; what can't change waits for the next start, and is told."""
    article = site.add("p", "/1", page("One", prose("heron")))
    one = feed(site, "one", item("1", article, "One"))
    slow = site.add("slow", "/feed", Answer(body=rss(item("s", None, "S", prose("owl"))), content_type=RSS, delay_s=6))
    secret = {
        "url": feed(site, "two", item("2", None, "Two", prose("rook"))),
        "id": "two",
        "headers": {"X": "hush-hush"},
    }
    worker.configure([{"url": one, "every": "1s"}, slow], output={"seal_after": "0s"})
    with run(worker) as process:
        until(lambda: site.asked("slow"))
        until(lambda: len(site.asked("one")) > 1)
        save(worker, {"url": one, "every": "1h"}, secret)
        process.send_signal(signal.SIGHUP)  # sooner than it would look by itself
        until(lambda: events(worker, "reload.done"))
        assert [(e["added"], e["removed"], e["changed"]) for e in events(worker, "reload.done")] == [(1, 1, 1)]
        until(lambda: len(site.asked("two")) == 1)
        until(lambda: len(json.loads(typed(worker, "status", "--json").stdout)["feeds"]) == 2)
        polled = len(site.asked("one"))

        (worker.folder / "feeds.yaml").write_text("feeds:\n  - not a URL\n  - url: https://a.example/\n    evry: 1h\n")
        until(lambda: events(worker, "reload.refused"))
        shown = typed(worker, "status").output
        assert "feeds.yaml:2" in shown
        assert "refused, the configuration before is in force" in shown
        assert "did you mean" in shown
        assert "two" in shown

        save(worker, {"url": one, "every": "1h"}, secret)
        config = yaml.safe_load((worker.folder / "worker.yaml").read_text())
        config |= {"state": "sqlite:///other.db", "log": {"format": "json", "level": "debug"}}
        (worker.folder / "worker.yaml").write_text(yaml.safe_dump(config))
        process.send_signal(signal.SIGHUP)
        until(lambda: events(worker, "reload.waiting"))
        assert events(worker, "reload.waiting")[0]["keys"] == ["state"]
        assert not (worker.folder / "other.db").exists()
        (worker.folder / "worker.yaml").write_text(yaml.safe_dump(config | {"state": "sqlite:///state.db"}))
        until(lambda: "configuration:" not in typed(worker, "status").output)
        assert len(site.asked("one")) == polled
    assert {record["title"] for record in worker.records()} == {"One", "Two"}
    log = worker.log.read_text()
    assert "hush-hush" not in log
    for event in ("job.broken", "reload.broken", "commit.broken", "Traceback"):
        assert event not in log
    assert len(site.asked("slow")) == 1
    worker.run("verify")


@pytest.mark.slow
def test_a_worker_that_is_killed_while_it_reloads_goes_on_from_the_files(site: Site, worker: Worker) -> None:
    """At whatever point of it: each feed is polled, and its article is written once."""
    urls = [feed(site, f"f{n}", item(str(n), None, f"T{n}", prose(f"bird-{n}"))) for n in range(30)]
    worker.configure(urls[:10])
    for starts, last in enumerate((9, 19, 29), 1):
        process = worker.launch("run")
        try:
            until(partial(lambda starts: len(events(worker, "run.started")) == starts, starts))
            save(worker, *urls[last - 9 : last + 1])
            process.send_signal(signal.SIGHUP)
            until(partial(site.asked, f"f{last}"))  # amid the taking up of what is new
        finally:
            process.kill()
            process.wait()
    save(worker, *urls)
    worker.once(every=True)
    assert sorted(str(record["title"]) for record in worker.records()) == sorted(f"T{n}" for n in range(30))
    worker.run("verify")


def test_systemd_is_told_of_a_reload(
    site: Site, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RELOADING with the time, then READY, as Type=notify-reload wants it; also where it is refused."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        worker.configure([feed(site, "a")])
        process = worker.start("run")
        heard: list[str] = []
        while "READY=1" not in heard:
            heard.append(listener.recv(200).decode())
        (worker.folder / "feeds.yaml").write_text("feeds: [x]")
        os.kill(process.pid, signal.SIGHUP)
        heard.clear()
        while "READY=1" not in heard:
            heard.append(listener.recv(200).decode())
        assert stopped(process)[0] == 0
    told = [message for message in heard if message != "WATCHDOG=1"]
    assert told[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert told[1] == "READY=1"
