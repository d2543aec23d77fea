"""The demo's run: the real engine, over real HTTP, on the site that ships with the package.

It has settings of its own, written as a user would write them (loopback allowed, no delays, state in a temporary
folder), and two rounds: everything is new; then one article has been corrected, and everything is asked again.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from worker import settings
from worker.demo.folder import prepare
from worker.demo.server import DemoServer
from worker.model import FeedId
from worker.output import read_records
from worker.record import Record
from worker.store import read_feeds
from worker.telemetry.meters import Meters, Tally
from worker.wiring import app


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of polls, done."""

    tally: Tally
    answers: dict[int, int]
    """How often the site answered with each HTTP status."""
    failed: dict[FeedId, str]
    """What is wrong with the feeds whose last poll failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The results of the demo."""

    rounds: tuple[Round, ...]
    records: int
    repeats: int
    """How many records had an (id, revision) that was written before; expected to be 0."""
    shown: Record
    """One record to show."""
    updated: Record | None
    """The corrected article, as its second revision."""


Watch = Callable[[int, int], AbstractAsyncContextManager[Callable[[Meters], None]]]
"""Entered for each round, with its number (from 1) and that of the feeds; what it gives is called with the meters."""


async def run(out: Path, *, watch: Watch, stop: asyncio.Event) -> Demo | None:
    """Runs the demo into `out`, which is emptied first if an earlier demo made it; None if it was stopped.

    Raises OutputError.
    """
    prepare(out)
    with tempfile.TemporaryDirectory(prefix="feedmill-demo-") as folder, DemoServer(datetime.now(UTC)) as server:
        configured = settings.load(_configuration(Path(folder), out, server), os.environ)
        rounds = [await _round(1, configured, server, watch, stop)]
        if not stop.is_set():
            server.correct(datetime.now(UTC))
            rounds.append(await _round(2, configured, server, watch, stop))
    if stop.is_set():
        return None
    records = list(read_records(out))
    revisions = {(record["id"], record["_ingest"]["revision"]) for record in records}
    return Demo(
        rounds=tuple(rounds),
        records=len(records),
        repeats=len(records) - len(revisions),
        shown=max(records, key=_worth_showing),
        updated=next((record for record in records if record["_ingest"]["op"] == "update"), None),
    )


def _configuration(folder: Path, out: Path, server: DemoServer) -> Path:
    """The demo's worker.yaml and feeds.yaml in `folder`; the path of the first."""
    worker_yaml = {
        "state": f"sqlite:///{folder / 'state.db'}",
        "output": {"dir": str(out.resolve()), "min_free": "10MB"},
        "fetch": {
            "contact": "demo@feedmill.example",
            "allow_addresses": ["127.0.0.0/8"],
            "per_host": {"concurrency": 2, "delay": "0s"},
            "retries": [],
        },
        "log": {"level": "error"},
    }
    feeds_yaml = {"feeds": [{"id": f.id, "url": f.url, "tags": list(f.tags)} for f in server.site.feeds]}
    path = folder / "worker.yaml"
    path.write_text(yaml.safe_dump(worker_yaml))
    (folder / "feeds.yaml").write_text(yaml.safe_dump(feeds_yaml, allow_unicode=True), encoding="utf-8")
    return path


async def _round(
    number: int, configured: settings.Settings, server: DemoServer, watch: Watch, stop: asyncio.Event
) -> Round:
    async with watch(number, len(configured.feeds)) as started:
        with _counted(server) as answers:
            tally = await app.work(configured, stop=stop, until_idle=True, poll_all=True, started=started)
    failed = {feed.id: feed.error for feed in read_feeds(configured.state) if feed.error}
    return Round(tally=tally, answers=answers, failed=failed)


@contextmanager
def _counted(server: DemoServer) -> Iterator[dict[int, int]]:
    """Answers by status from entry to exit; filled in at exit."""
    before, answers = server.counts(), dict[int, int]()
    yield answers
    answers.update({s: n - before.get(s, 0) for s, n in server.counts().items() if n > before.get(s, 0)})


def _worth_showing(record: Record) -> tuple[bool, bool, int]:
    """A page's article with authors and tags shows more of what a record holds than one without."""
    ingest = record["_ingest"]
    return (
        ingest["extraction"] == "ok" and record.get("language", "").startswith("en"),
        bool(record["authors"]) and bool(record["tags"]),
        len(record),
    )
