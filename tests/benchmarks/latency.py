"""How long an entry takes from the poll that finds it to its record in a sealed segment:
`python -m tests.benchmarks.latency [SECONDS]`.

A worker of its own process, `seal_after: 1s`, polls forty feeds every two seconds, of which one has a new entry every
twentieth of a second; once with a page to fetch for each, and once with the text in the feed. A record is there when
the manifest names its segment, as a consumer goes by. Found is an entry when the site has sent the first document that
shows it.

The times are those of a machine that does nothing else: on one that does, see `load`, over its processors. On two
cores that four others loaded, when records were sealed at the next second, and since they are as soon as they are old
enough:

                    entries   p50 s   p99 s   max s  segments worker CPU   load
    pages               238    1.13    2.27    2.44        14        5.1    6.2
    text in feeds       236    0.68    2.02    2.06        12        4.4    7.5
    pages               398    0.74    1.58    1.67        26        7.8    9.3
    text in feeds       400    0.59    1.07    1.08        27        6.6    8.0
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import yaml

from tests.benchmarks.web import made_page, prose
from tests.site import Answer, Request, Site
from tests.whole.pages import RSS, item, rss

FEEDS, EVERY_S, A_SECOND = 40, 2, 20
SHOWN = 20
"""Entries of a document."""
WARM_S = 8
"""The start of the worker, and what it finds first."""


class Growing:
    """Feeds that gain an entry, each in its turn."""

    def __init__(self, site: Site, *, pages: bool) -> None:
        self._site, self._pages = site, pages
        self._entries: dict[str, list[str]] = {f"feed-{number}": [] for number in range(FEEDS)}
        self._items: dict[str, str] = {}
        self._number = 0
        self.found: dict[str, float] = {}
        """When each entry, by its title, was first sent."""
        self.urls = [site.add(host, "/feed", self._document) for host in self._entries]

    def grow(self) -> None:
        host = f"feed-{self._number % FEEDS}"
        title, chance = f"Entry {self._number}", random.Random(self._number)
        url = self._site.url(host, f"/{self._number}")
        if self._pages:
            self._site.add(host, f"/{self._number}", Answer(body=made_page(self._number)))
        self._items[title] = item(title, url, title, prose(chance, 200))
        self._entries[host] = [title, *self._entries[host]][:SHOWN]
        self._number += 1

    def _document(self, request: Request) -> Answer:
        titles = self._entries[request.host.partition(".")[0]]
        now = time.time()
        for title in titles:
            self.found.setdefault(title, now)
        return Answer(body=rss(*(self._items[title] for title in titles)), content_type=RSS)


@contextmanager
def running(folder: Path, feeds: Sequence[str], *, full_text: str) -> Iterator[subprocess.Popen[bytes]]:
    configuration = {
        "state": "sqlite:///state.db",
        "output": {"dir": "out", "min_free": "10MB", "seal_after": "1s"},
        "fetch": {"allow_addresses": ["127.0.0.0/8"], "per_host": {"delay": "0s", "concurrency": 2}, "robots": False},
        "schedule": {"min": "1s", "jitter": 0},
        "web": None,
        "log": {"level": "error"},
    }
    (folder / "worker.yaml").write_text(yaml.safe_dump(configuration))
    listed = {"defaults": {"full_text": full_text, "every": f"{EVERY_S}s"}, "feeds": list(feeds)}
    (folder / "feeds.yaml").write_text(yaml.safe_dump(listed))
    worker = subprocess.Popen([sys.executable, "-m", "worker.cli", "run", "--config", folder / "worker.yaml"])
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(30)


class Consumer(threading.Thread):
    """Looks at the manifest fifty times a second, and reads what it names."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self._out, self._read = out, 0
        self.sealed: dict[str, float] = {}
        """When each record was there, by its title."""
        self.segments = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for file in sorted((self._out / "manifest").glob("*.jsonl")):
                with file.open("rb") as lines:
                    lines.seek(self._read)
                    new = lines.read()
                whole, _, _ = new.rpartition(b"\n")
                self._read += len(whole) + 1 if whole else 0
                now = time.time()
                for line in whole.splitlines():
                    self.segments += 1
                    for record in (self._out / orjson.loads(line)["path"]).read_bytes().splitlines():
                        self.sealed.setdefault(orjson.loads(record)["title"], now)


def measured(folder: Path, seconds: int, *, pages: bool) -> str:
    with Site() as site:
        growing = Growing(site, pages=pages)
        consumer = Consumer(folder / "out")
        with running(folder, growing.urls, full_text="always" if pages else "never") as worker:
            consumer.start()
            begun = time.time()
            for number in range((WARM_S + seconds) * A_SECOND):
                time.sleep(max(0.0, begun + number / A_SECOND - time.time()))
                growing.grow()
            until = time.time()
            time.sleep(EVERY_S + 5)
            cpu_s = sum(map(int, Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / 100
        consumer.over.set()
    waited = sorted(
        consumer.sealed.get(title, float("inf")) - found
        for title, found in growing.found.items()
        if begun + WARM_S <= found < until
    )
    p50, p99 = waited[len(waited) // 2], waited[len(waited) * 99 // 100]
    return (
        f"{'pages' if pages else 'text in feeds':14} {len(waited):8,} {p50:7.2f} {p99:7.2f} {waited[-1]:7.2f}"
        f" {consumer.segments:9} {cpu_s:10.1f} {os.getloadavg()[0]:6.1f}"
    )


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    columns = f"{'p50 s':>7} {'p99 s':>7} {'max s':>7} {'segments':>9} {'worker CPU':>10} {'load':>6}"
    print(f"{'':14} {'entries':>8} {columns}")  # noqa: T201
    for pages in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            print(measured(Path(folder), seconds, pages=pages), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
