"""Whether feedmill has become slower: `python -m tests.benchmarks.slipped`, in about two minutes of CPU.

Made-up feeds and pages, the same each time, from nginx on loopback. What counts is CPU, of all processes, against a
plain script that does the least of it on the same bytes in the same run: ratios, which another machine, or one that
others load, moves little. Ends with 1 where one is a third above what is recorded here, three times in a row: what
disturbs a run only adds to it. Who made it faster records the new one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path

from tests.benchmarks import web
from tests.benchmarks.cost import Cost, cost_of
from tests.benchmarks.ingest import TRAFILATURA, Feedmill

FEEDS, ENTRIES, PAGES = 40, 40, 200
UNCHANGED = 2000
RECORDED: Mapping[str, float] = {"cold polls": 3.2, "unchanged polls": 0.8, "whole ingest": 1.4}
"""What they were when they were measured last: against httpx and feedparser, against httpx alone, and against
trafilatura. The first and last have room over what was found on two cores at rest, 2.5 to 2.7 and 1.2 to 1.3: beside
a load of eight it was 3.0 and 1.5; the other was found as 0.58 to 1.03 beside that. Of fewer pages the start, which is
taken off, would be most of it: 60 of them gave 1.5 to 3.0."""
SLIPPED = 4 / 3
TRIES = 3
PLAIN = """
import io, sys
import feedparser, httpx
with httpx.Client() as client, open(sys.argv[1]) as urls:
    for url in urls.read().split():
        feedparser.parse(io.BytesIO(client.get(url).content))
"""
CONDITIONAL = """
import sys
import httpx
with httpx.Client() as client, open(sys.argv[1]) as known:
    for line in known:
        url, _, version = line.strip().partition(" ")
        assert client.get(url, headers={"if-modified-since": version}).status_code == 304, url
"""


def cold_polls(folder: Path) -> float:
    """Feeds with their texts in them, polled for the first time, every entry a record."""
    port = web.free_port()
    sites = web.made_feeds(folder / "www", FEEDS, ENTRIES, port)
    (folder / "urls").write_text("\n".join(sites.feeds))
    (folder / "none").write_text("")
    worker = Feedmill(folder / "feedmill", sites.feeds, full_text="never")
    with web.served(sites.folder, port):
        cost = worker.poll().without(worker.start())
        return against(cost, _script(PLAIN, folder / "urls").without(_script(PLAIN, folder / "none")))


def unchanged_polls(folder: Path) -> float:
    """Feeds that answer 304, of which there is all to be told and planned that there is of others."""
    port = web.free_port()
    sites = web.made_feeds(folder / "www", UNCHANGED, 1, port)
    versions = [(sites.folder / url.rpartition("/")[2]).stat().st_mtime for url in sites.feeds]
    known = [f"{url} {formatdate(at, usegmt=True)}" for url, at in zip(sites.feeds, versions, strict=True)]
    (folder / "known").write_text("\n".join(known))
    (folder / "none").write_text("")
    worker = Feedmill(folder / "feedmill", sites.feeds, full_text="never")
    with web.served(sites.folder, port):
        worker.poll()
        cost = worker.poll().without(worker.start())
        return against(cost, _script(CONDITIONAL, folder / "known").without(_script(CONDITIONAL, folder / "none")))


def whole_ingest(folder: Path) -> float:
    """Pages, from the poll that names them to their records."""
    port = web.free_port()
    sites = web.with_pages(folder / "www", PAGES, port, corpus=False)
    worker = Feedmill(folder / "feedmill", sites.feeds)
    with web.served(sites.folder, port):
        cost = worker.poll().without(worker.start())
    (folder / "none").mkdir()
    alone = _script(TRAFILATURA, sites.folder / "pages").without(_script(TRAFILATURA, folder / "none"))
    return against(cost, alone)


def against(cost: Cost, other: Cost) -> float:
    return cost.cpu_s / other.cpu_s


def _script(text: str, *args: Path) -> Cost:
    return cost_of([sys.executable, "-c", text, *args])


RATIOS = (("cold polls", cold_polls), ("unchanged polls", unchanged_polls), ("whole ingest", whole_ingest))


def main() -> None:
    if web.nginx() is None:
        sys.exit("nginx is not installed (Debian: nginx-light)")
    slipped = []
    for name, measured in RATIOS:
        limit = SLIPPED * RECORDED[name]
        for _ in range(TRIES):
            with tempfile.TemporaryDirectory() as folder:
                ratio = measured(Path(folder))
            print(f"{name:16} {ratio:6.2f}  recorded {RECORDED[name]:6.2f}", flush=True)  # noqa: T201
            if ratio <= limit:
                break
        else:
            slipped.append(name)
    if slipped:
        sys.exit(f"slower by a third or more: {', '.join(slipped)}")


if __name__ == "__main__":
    main()
