"""What keeping the state and writing the output cost, of all the CPU that ingesting takes:
`python -m tests.benchmarks.ledger` prints the table, and ends with 1 where they take a tenth or more of the first row.

A worker of its own process ingests what a loopback site serves, from nothing: the corpus' pages, each on its own
site's host, twenty to a feed, and the corpus' feeds by their own words alone, without a page; where the corpus is not
there, the demo's web. Counted is the CPU of the worker and of all the processes that it leads to, less that of a start
with nothing to do. Of it, `state` is what the thread of the store takes, and `output` what publishing does. The site's
own is not counted.

    CPU ms a record                    records       all     state    output     share
    the corpus' pages                      629      64.1      5.52      0.08      8.7%
      latest, feed.json, archive           629      59.2      4.71      3.12     13.2%
    the corpus' feeds                    2,653       5.8      1.15      0.03     20.3%
      latest, feed.json, archive         2,653       5.9      1.12      0.16     21.6%
    the demo's web                          50      22.4      4.53      0.09     20.6%
      latest, feed.json, archive            50      26.6      5.91      1.56     28.1%

It is the pages that have to be below a tenth, as configured by default: an archive packs each of them. An entry that
comes without a page costs a millisecond as any other, of which there is little else to do.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from time import thread_time
from typing import Any

import yaml

from tests import corpus
from tests.benchmarks.cost import cost_of
from tests.site import Answer, Site
from tests.whole.pages import RSS, item, rss
from worker.demo.server import DemoServer
from worker.output import Archive, OutputDirectory, read_records
from worker.settings import load
from worker.store.database.writing import Writing
from worker.wiring import app

ENTRIES = 20
"""Of a feed, as many show."""
PARTS = "parts.json"
EVERYTHING = {"latest": True, "feed_json": 100, "archive": "warc"}
MOST = 0.1


# --- what is served -------------------------------------------------------------------------------------------------


@contextmanager
def corpus_pages() -> Iterator[list[dict[str, object]]]:
    with Site() as site:
        items = []
        for number, line in enumerate((corpus.CORPUS / "pages.jsonl").read_text().splitlines()):
            page = json.loads(line)
            body = gzip.decompress((corpus.CORPUS / page["file"]).read_bytes())
            host = re.sub("[^a-z0-9]+", "-", page["site"].lower()).strip("-")
            url = site.add(host, f"/{number}", Answer(body=body, content_type=page["content_type"] or "text/html"))
            items.append(item(f"{number}", url, f"Page {number}"))
        feeds = [
            site.add(f"feed-{first}", "/feed", Answer(body=rss(*items[first : first + ENTRIES]), content_type=RSS))
            for first in range(0, len(items), ENTRIES)
        ]
        yield [{"url": url} for url in feeds]


@contextmanager
def corpus_feeds() -> Iterator[list[dict[str, object]]]:
    with Site() as site:
        urls = {
            name: site.add(name.replace("_", "-"), "/feed", Answer(body=body, content_type="application/xml"))
            for name, body in corpus.feeds().items()
        }
        yield [{"id": name, "url": url, "full_text": "never"} for name, url in urls.items()]


@contextmanager
def demo() -> Iterator[list[dict[str, object]]]:
    with DemoServer(datetime.now(UTC)) as server:
        yield [{"id": feed.id, "url": feed.url} for feed in server.site.feeds]


# --- the worker -----------------------------------------------------------------------------------------------------


def work(folder: Path) -> None:
    """Ingests what is due, and notes the CPU seconds of the state and of the output. In a process of its own."""
    logging.disable()
    spent = {"state": 0.0, "output": 0.0}

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            before = thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[part] += thread_time() - before

        return call

    for output in (OutputDirectory.publish, OutputDirectory.due, OutputDirectory.carry_out):
        setattr(OutputDirectory, output.__name__, timed("output", output))
    Archive.add = timed("output", Archive.add)  # type: ignore[method-assign]
    run = Writing.run
    Writing.run = lambda self, function: run(self, timed("state", function))  # type: ignore[assignment,method-assign]
    asyncio.run(app.work(load(folder / "worker.yaml", os.environ), stop=asyncio.Event(), until_idle=True))
    (folder / PARTS).write_text(json.dumps(spent))


def measured(folder: Path) -> tuple[float, dict[str, float]]:
    """CPU seconds of a worker with all that it leads to, and those of its parts."""
    whole = cost_of([sys.executable, "-m", "tests.benchmarks.ledger", folder])
    return whole.cpu_s, json.loads((folder / PARTS).read_bytes())


def row(name: str, feeds: list[dict[str, object]], output: dict[str, object]) -> float:
    """Prints one; the share of state and output."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        configuration = {
            "state": "sqlite:///state.db",
            "output": {"dir": "out", "min_free": "10MB", **output},
            "fetch": {"allow_addresses": ["127.0.0.0/8"], "per_host": {"delay": "0s"}, "retries": []},
            "schedule": {"first": "1d"},
            "log": {"level": "error"},
        }
        (folder / "worker.yaml").write_text(yaml.safe_dump(configuration))
        (folder / "feeds.yaml").write_text(yaml.safe_dump({"feeds": feeds}))
        whole, parts = measured(folder)
        start, at_start = measured(folder)  # nothing is due any more
        whole, parts = whole - start, {part: cpu - at_start[part] for part, cpu in parts.items()}
        records = sum(1 for _ in read_records(folder / "out"))
    share = sum(parts.values()) / whole
    each = "".join(f"{1000 * parts[part] / records:10.2f}" for part in ("state", "output"))
    print(f"{name:34}{records:8,}{1000 * whole / records:10.1f}{each}{share:10.1%}", flush=True)  # noqa: T201
    return share


def main() -> None:
    print(f"{'CPU ms a record':34}{'records':>8}{'all':>10}{'state':>10}{'output':>10}{'share':>10}")  # noqa: T201
    webs = {"the corpus' pages": corpus_pages, "the corpus' feeds": corpus_feeds, "the demo's web": demo}
    shares = []
    for name, web in webs.items():
        if web is demo or corpus.CORPUS.is_dir():
            with web() as feeds:
                shares.append(row(name, feeds, {}))
                shares.append(row("  latest, feed.json, archive", feeds, EVERYTHING))
    sys.exit(1 if shares[0] >= MOST else 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]))
    else:
        main()
