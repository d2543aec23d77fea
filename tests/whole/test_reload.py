"""A worker that runs takes up what is saved, and loses nothing of what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests import warm
from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss
from tests.whole.processes import free_port, stopped, until
from tests.whole.typed import typed
from worker import watch
from worker.configuration.reload import Reload
from worker.settings import load
from worker.wiring import app


def events(worker: Worker, name: str) -> list[dict[str, object]]:
    lines = worker.log.read_bytes().splitlines() if worker.log.exists() else []
    return [line for raw in lines if raw.startswith(b"{") and (line := json.loads(raw))["event"] == name]


def save(worker: Worker, *feeds: object) -> None:
    """The feed list, as an editor saves it: all at once."""
    saved = worker.folder / ".feeds.yaml.saved"
    saved.write_text(yaml.safe_dump({"feeds": list(feeds)}))
    saved.replace(worker.folder / "feeds.yaml")


@contextlib.contextmanager
def run(worker: Worker) -> Iterator[warm.Process]:
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
    """Feeds that are new are polled, one that left is polled no more, what is in flight ends well; a broken list, or
    one that says nothing, is refused whole, and told; what can't change waits for the next start, and is told."""
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
        reload = partial(process.send_signal, signal.SIGHUP)  # sooner than it would look by itself
        until(lambda: site.asked("slow"))
        until(lambda: len(site.asked("one")) > 1)
        save(worker, {"url": one, "every": "1h"}, secret)
        reload()
        until(lambda: events(worker, "reload.done"))
        assert [(e["added"], e["removed"], e["changed"]) for e in events(worker, "reload.done")] == [(1, 1, 1)]
        until(lambda: len(site.asked("two")) == 1)
        until(lambda: len(json.loads(typed(worker, "status", "--json").stdout)["feeds"]) == 2)
        polled = len(site.asked("one"))

        (worker.folder / "feeds.yaml").write_text("feeds:\n  - not a URL\n  - url: https://a.example/\n    evry: 1h\n")
        until(lambda: events(worker, "reload.refused"))
        shown = typed(worker, "status").output
        assert "feeds.yaml:2" in shown
        assert "refused, the configuration before is in force:\n  " in shown
        assert "did you mean" in shown
        assert "two" in shown

        (worker.folder / "feeds.yaml").write_text("")  # as it is for a moment, or on a full disk
        reload()
        until(lambda: len(events(worker, "reload.refused")) == 2)
        assert "feeds.yaml: nothing is listed (feeds: [] if that is meant)" in typed(worker, "status").output
        settings = (worker.folder / "worker.yaml").read_text()
        save(worker, {"url": one, "every": "1h"}, secret)
        (worker.folder / "worker.yaml").write_text("")
        reload()
        until(lambda: "worker.yaml: is empty" in str(events(worker, "reload.refused")[-1]["problems"]))
        (worker.folder / "worker.yaml").write_text(settings)
        reload()
        until(lambda: "configuration:" not in typed(worker, "status").output)
        assert len(events(worker, "reload.done")) == 2
        assert events(worker, "reload.done")[1].items() >= {"added": 0, "removed": 0, "changed": 0}.items()

        save(worker, {"url": one, "every": "1h"}, secret)
        config = yaml.safe_load((worker.folder / "worker.yaml").read_text())
        config |= {"state": "sqlite:///other.db", "log": {"format": "json", "level": "debug"}}
        (worker.folder / "worker.yaml").write_text(yaml.safe_dump(config))
        reload()
        until(lambda: events(worker, "reload.waiting"))
        assert events(worker, "reload.waiting")[0]["keys"] == ["state"]
        assert not (worker.folder / "other.db").exists()
        (worker.folder / "worker.yaml").write_text(yaml.safe_dump(config | {"state": "sqlite:///state.db"}))
        reload()
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


def answer(port: int, token: str | None = None) -> int | None:
    """The status of the page there; None where nobody listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as page:  # noqa: S310  # loopback
            return int(page.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None


async def test_a_list_that_is_saved_while_the_worker_starts_is_taken_up(site: Site, worker: Worker) -> None:
    """Nobody watches it yet when it is read; a long one takes a while."""
    one, two = (feed(site, name, item(name, None, name, prose("wren"))) for name in ("one", "two"))
    worker.configure([one])
    stop, reload = asyncio.Event(), Reload(config=worker.folder / "worker.yaml")
    settings = load(reload.config, os.environ)
    save(worker, one, two)
    at_work = asyncio.create_task(app.work(settings, stop=stop, reload=reload))
    try:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(site.asked, "two"):
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await at_work


async def test_the_page_moves_to_where_a_saved_configuration_says(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its token; it stays where it was, with the token that it had, where that can't be had, and it is told.
    Whom silence is told changes, too."""
    monkeypatch.setattr(watch, "EVERY_S", 0.05)
    url = feed(site, "a", item("1", None, "One", prose("heron")))
    first, second = free_port(), free_port()

    def configure(**changes: object) -> None:
        worker.configure([{"url": url, "every": "1s", "expect": "1s"}], **changes)
        reload.asked.set()

    async def until_it(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)

    stop, reload = asyncio.Event(), Reload(config=worker.folder / "worker.yaml")
    configure(web={"listen": f"127.0.0.1:{first}"})
    reload.asked.clear()
    settings = load(reload.config, os.environ)
    at_work = asyncio.create_task(app.work(settings, stop=stop, listen=True, reload=reload))
    try:
        await until_it(lambda: answer(first) == 200)
        web = {"listen": f"127.0.0.1:{second}", "token": "open-sesame"}
        configure(web=web, alerts={"webhook": site.add("hook", "/", Answer(status=204))})
        await until_it(lambda: answer(second) == 401)
        assert await asyncio.to_thread(answer, second, "open-sesame") == 200
        assert await asyncio.to_thread(answer, first) is None
        await until_it(lambda: site.asked("hook"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            configure(web={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
            await until_it(lambda: "can't listen on" in typed(worker, "status").output)
            assert await asyncio.to_thread(answer, second) == 401
            assert await asyncio.to_thread(answer, second, "open-sesame") == 200
        configure(web={"listen": None})
        await until_it(lambda: answer(second) is None)
        await until_it(lambda: "configuration:" not in typed(worker, "status").output)
        configure(web={"listen": f"127.0.0.1:{first}"})
        await until_it(lambda: answer(first) == 200)
    finally:
        stop.set()
        await at_work
