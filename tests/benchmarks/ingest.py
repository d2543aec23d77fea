"""What polling and ingesting cost: `python -m tests.benchmarks.ingest [--feeds N] [--pages N] [--reader PYTHON]`.

Real worker processes against nginx on loopback; CPU seconds are those of all their processes. What `feedmill once`
costs with nothing due is taken off, so that a start counts in none of them. Times are noise here; ratios within one run
are what counts.

PYTHON is an interpreter that has lemon24's reader, which does the same beside it; it fetches no pages.

    python3 -m venv /tmp/reader && /tmp/reader/bin/pip install reader sgmllib3k
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.benchmarks import web
from tests.benchmarks.cost import Cost, cost_of

READER = """
import sys
from reader import make_reader
feeds = make_reader(sys.argv[1])
with open(sys.argv[2]) as urls:
    for url in urls.read().split():
        feeds.add_feed(url, exist_ok=True)
for outcome in feeds.update_feeds_iter(scheduled=False, workers=4):
    pass
"""
TRAFILATURA = """
import pathlib, sys
import trafilatura
for path in pathlib.Path(sys.argv[1]).iterdir():
    trafilatura.bare_extraction(
        path.read_bytes(),
        url="http://127.0.0.1/",
        with_metadata=True,
        date_extraction_params={"extensive_search": False},
    )
"""
"""All that a script of one's own would do with a page."""


class Feedmill:
    """A configuration, a state and an output directory in `folder`."""

    name = "feedmill"

    def __init__(self, folder: Path, feeds: Sequence[str], **every_feed: object) -> None:
        folder.mkdir(parents=True)
        self._config = folder / "worker.yaml"
        self._config.write_text(
            yaml.safe_dump(
                {
                    "state": "sqlite:///state.db",
                    "output": {"dir": "out"},
                    "fetch": {"allow_addresses": ["127.0.0.0/8"], "per_host": {"delay": "0s"}, "robots": False},
                    "log": {"level": "warning"},
                }
            )
        )
        (folder / "feeds.yaml").write_text(yaml.safe_dump({"defaults": every_feed, "feeds": list(feeds)}))

    def poll(self) -> Cost:
        """Every feed, and all that is new."""
        return self._once("--all")

    def start(self) -> Cost:
        """A run with nothing due: what comes on top of each other one."""
        return self._once()

    def _once(self, *options: str) -> Cost:
        return cost_of([sys.executable, "-m", "worker.cli", "once", "--config", self._config, *options])


class Reader:
    """lemon24's reader with a database in `folder`."""

    name = "reader"

    def __init__(self, python: Path, folder: Path, feeds: Sequence[str]) -> None:
        folder.mkdir(parents=True)
        self._python, self._folder = python, folder
        (folder / "urls").write_text("\n".join(feeds))
        (folder / "none").write_text("")

    def poll(self) -> Cost:
        return cost_of([self._python, "-c", READER, self._folder / "db", self._folder / "urls"])

    def start(self) -> Cost:
        return cost_of([self._python, "-c", READER, self._folder / "empty", self._folder / "none"])


def polls(folder: Path, feeds: int, reader: Path | None) -> list[str]:
    """Cold, unchanged, and one new entry in each of them."""
    port = web.free_port()
    rows = []
    sites = web.real_feeds(folder / "www", feeds, port)
    with web.served(sites.folder, port):
        clients: list[Feedmill | Reader] = [Feedmill(folder / "feedmill", sites.feeds, full_text="never")]
        if reader is not None:
            clients.append(Reader(reader, folder / "reader", sites.feeds))
        cold = {client.name: client.poll() for client in clients}
        start = {client.name: client.start() for client in clients}
        same = {client.name: client.poll() for client in clients}
        web.add_entries(sites)
        one = {client.name: client.poll() for client in clients}
    for title, costs in (("cold", cold), ("one new entry each", one), ("unchanged (304)", same)):
        for client in clients:
            cost = costs[client.name].without(start[client.name])
            against = cold[client.name].without(start[client.name])
            rows.append(
                f"{title:20} {client.name:12} {cost.cpu_s:8.2f} {cost.wall_s:8.2f} {1000 * cost.cpu_s / feeds:9.2f}"
                f" {cost.cpu_s / against.cpu_s:7.3f}"
            )
    return rows


def pages(folder: Path, count: int) -> list[str]:
    """The whole ingest of pages, against trafilatura alone on the same bytes in one process."""
    port = web.free_port()
    sites = web.with_pages(folder / "www", count, port)
    worker = Feedmill(folder / "feedmill", sites.feeds)
    with web.served(sites.folder, port):
        whole = worker.poll()
        whole = whole.without(worker.start())
    alone = cost_of([sys.executable, "-c", TRAFILATURA, sites.folder / "pages"])
    alone = alone.without(cost_of([sys.executable, "-c", "import trafilatura"]))
    rows = [("whole ingest", "feedmill", whole), ("", "trafilatura", alone)]
    return [
        f"{title:20} {name:12} {cost.cpu_s:8.2f} {cost.wall_s:8.2f} {1000 * cost.cpu_s / count:9.2f}"
        f" {cost.cpu_s / alone.cpu_s:7.3f}"
        for title, name, cost in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--reader", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        print(f"{'':20} {'':12} {'CPU s':>8} {'wall s':>8} {'ms each':>9} {'ratio':>7}")  # noqa: T201
        for row in polls(folder / "polls", options.feeds, options.reader):
            print(row)  # noqa: T201
        for row in pages(folder / "pages", options.pages):
            print(row)  # noqa: T201
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
