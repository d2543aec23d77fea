"""A worker beside a hub that is not ours (flask-websub's): subscribed, pushed to, and polling where it fails."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import yaml
from flask import Flask
from flask_websub.hub import Hub, SQLite3HubStorage

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, prose
from tests.whole.processes import free_port
from tests.whole.typed import typed
from worker.settings import load
from worker.store import read_status
from worker.wiring import app

FEED = "pub"


class Tasks:
    """What flask-websub wants of celery: each task in a thread of its own, once."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def task(self, function: Callable[..., Any] | None = None, *, bind: bool = False, **_: object) -> Any:
        if function is None:
            return lambda given: self.task(given, bind=bind)
        errors = self.errors

        class Task:
            request = type("R", (), {"retries": 0})()

            def delay(self, *args: Any, **kwargs: Any) -> None:
                threading.Thread(target=run, args=(args, kwargs)).start()

            def retry(self, **__: object) -> None:
                raise ConnectionError("the callback could not be reached")

        made = Task()

        def run(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            try:
                function(made, *args, **kwargs) if bind else function(*args, **kwargs)
            except BaseException as error:
                errors.append(error)

        return made


class Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def hub_of(folder: Path) -> Iterator[tuple[Hub, str, Tasks]]:
    """The hub, served; its URL."""
    tasks, flask = Tasks(), Flask(__name__)
    hub = Hub(SQLite3HubStorage(str(folder / "hub.sqlite3")), tasks, SIGNATURE_ALGORITHM="sha512")
    flask.register_blueprint(hub.build_blueprint(url_prefix="/hub"))
    with make_server("127.0.0.1", 0, flask, WSGIServer, Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hub, f"http://hub.localhost:{server.server_port}/hub", tasks
        finally:
            server.shutdown()
            thread.join()


@contextlib.asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[None]:
    """`run`, in this process."""
    stop = asyncio.Event()
    settings = load(worker.folder / "worker.yaml", os.environ)
    task = asyncio.create_task(app.work(settings, stop=stop, listen=True))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


class Publisher:
    """A feed on the site that names its hub in its Link fields, and tells it what is new."""

    def __init__(self, site: Site, hub: str) -> None:
        self.site, self.items = site, [1]
        self.url = site.url("pub", "/feed")
        links = f'<{hub}>; rel="hub", <{self.url}>; rel="self"'
        site.add("pub", "/feed", lambda _: Answer(body=self.body(), content_type=RSS, headers={"Link": links}))
        self.links = links

    def body(self) -> bytes:
        items = "".join(
            f"<item><guid>{n}</guid><title>T{n}</title><description>{prose(f'bird-{n}')}</description></item>"
            for n in self.items
        )
        return f'<rss version="2.0"><channel><title>P</title>{items}</channel></rss>'.encode()

    def notification(self) -> dict[str, object]:
        """What the hub sends on, as it would have had it from the feed."""
        headers = {"Link": self.links, "Content-Type": RSS}
        return {"headers": headers, "content": base64.b64encode(self.body()).decode("ascii")}

    def polls(self) -> int:
        return len(self.site.asked("pub", "/feed"))


def configured(worker: Worker, publisher: Publisher, **changes: Any) -> None:
    port = free_port()
    web = {"listen": f"127.0.0.1:{port}", "public_url": f"http://127.0.0.1:{port}"}
    worker.configure([{"url": publisher.url, "id": FEED}], web=web, output={"seal_after": "0s"}, **changes)


def got(worker: Worker, path: str) -> str:
    """What the page has at a path."""
    listen = yaml.safe_load((worker.folder / "worker.yaml").read_text())["web"]["listen"]
    with urllib.request.urlopen(f"http://{listen}{path}", timeout=20) as answer:  # loopback
        return str(answer.read(), "utf-8")


def titles(worker: Worker) -> set[object]:
    return {record["title"] for record in worker.records()} if (worker.out / "manifest").exists() else set()


async def test_a_push_becomes_a_record_in_a_second(site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """From subscription to record, over a hub that others wrote; without its word the feed would wait an hour."""
    # Else a push waits until the poll before is ten seconds old.
    monkeypatch.setattr("worker.store.work.pushes.GAP_MS", 0)
    with hub_of(worker.folder) as (hub, url, tasks):
        publisher = Publisher(site, url)
        configured(worker, publisher, fetch={"allow_addresses": ["127.0.0.0/8"]})
        async with at_work(worker):
            await until(lambda: list(hub.storage.get_callbacks(publisher.url)))
            await until(lambda: "T1" in titles(worker))
            publisher.items.append(2)
            begun = asyncio.get_running_loop().time()
            hub.send_change_notification.delay(publisher.url, publisher.notification())
            await until(lambda: publisher.polls() >= 2)
            heard = asyncio.get_running_loop().time() - begun
            await until(lambda: "T2" in titles(worker))
            page, metrics = [await asyncio.to_thread(got, worker, path) for path in (f"/feeds/{FEED}", "/metrics")]
        assert tasks.errors == []
        assert heard < 5
        assert titles(worker) == {"T1", "T2"}
    assert 'feedmill_hubs{state="subscribed"} 1' in metrics
    assert "tells of new entries" in page
    for command in ("status", "why"):
        told = typed(worker, command, publisher.url).stdout
        assert f"{url} tells of new entries for another" in told
    (feed,) = json.loads(typed(worker, "status", FEED, "--json").stdout)["feeds"]
    assert (feed["hub"]["url"], feed["hub"]["standing"], feed["hub"]["error"]) == (url, "subscribed", None)


@pytest.mark.parametrize("lost", ["nobody there", "private"])
async def test_a_hub_that_cannot_be_had_costs_nothing(site: Site, worker: Worker, lost: str) -> None:
    """The feed is polled as ever; a hub at an address that is not public is not asked at all (SSRF)."""
    publisher = Publisher(
        site, "http://127.0.0.1:9/hub" if lost == "nobody there" else f"http://127.0.0.2:{site.port}/"
    )
    configured(worker, publisher, fetch={"allow_addresses": ["127.0.0.1/32"]})
    async with at_work(worker):
        await until(lambda: "T1" in titles(worker))
        await until(lambda: read_status(worker.state)[0][0].next_poll_at is not None)
        await until(lambda: "its hub does not tell of new entries" in typed(worker, "status").stdout)
        assert 'feedmill_hubs{state="denied"} 1' in await asyncio.to_thread(got, worker, "/metrics")
    assert {request.host for request in site.requests} == {"pub.localhost"}
    assert read_status(worker.state)[0][0].error is None
