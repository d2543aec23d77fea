"""The page of a worker that runs, from outside."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.processes import running, until

FEED = (
    b"<rss version='2.0'><channel><title>Tide tables</title>"
    b"<item><guid>1</guid><title>Springs</title></item></channel></rss>"
)


def url_of(log: Path) -> str:
    """Where the worker says that it listens."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return next(str(line["url"]) for line in lines if line["event"] == "web.listening")


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 # of loopback
        return str(answer.read().decode())


def test_a_worker_is_seen_while_it_runs_and_ends_in_time(site: Site, worker: Worker) -> None:
    """Probes, metrics and the page, from the first poll on; nothing answers afterwards."""
    worker.configure(
        [site.add("a", "/feed", Answer(body=FEED, content_type="application/rss+xml"))],
        web={"listen": "127.0.0.1:0"},
        output={"seal_after": "0s"},
    )
    with running(worker):
        until(lambda: worker.log.exists() and "segment.published" in worker.log.read_text())
        url = url_of(worker.log)
        assert read(f"{url}/healthz") == read(f"{url}/readyz") == "ok\n"
        assert 'feedmill_polls_total{outcome="read"} 1.0' in read(f"{url}/metrics")
        assert "Springs" in read(url)
        begun = time.monotonic()
    assert time.monotonic() - begun < 10


def test_a_port_that_is_taken_ends_the_start_with_a_way_out(worker: Worker) -> None:
    """Nothing is polled by a worker that is not seen as it was wished."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker.configure([], web={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
        refused = worker.run("run", status=1)
    assert "give web.listen another port" in refused.stderr
