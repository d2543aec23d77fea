"""A worker's state and output with something of everything, hostile texts among it, and the site over them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.output.conftest import make_row
from tests.store.samples import (
    DAY,
    HOUR,
    KEEP_MS,
    MINUTE,
    NO_PATIENCE,
    START,
    WINDOW_MS,
    Plans,
    Run,
    make_draft,
    make_entry,
    make_feed,
    make_version,
)
from worker.cpu.pool import Load
from worker.model import Broken, FeedId, Millis, Poll
from worker.output import OutputDirectory, Segment, segment_path
from worker.pipeline import Streamed
from worker.schedule import Silence
from worker.store import Reader, Store
from worker.store.finish.commit import MAX_ERRORS
from worker.telemetry.meters import Meters
from worker.telemetry.vitals import Vitals
from worker.web import Activity, Figures, Sources, site
from worker.web.rendering import assets, environment

ATTACK = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">\"'&"
NOW = Millis(START + 14 * HOUR)
FEEDS = (
    make_feed("a"),
    make_feed("bad"),
    replace(
        make_feed("secret", "https://secret.example/feed?key=geheim"), public_url="https://secret.example/feed?key=***"
    ),
    replace(make_feed("quiet"), expect_s=3600.0),
)


@dataclass
class Desk:
    """What the site is made of, and who asks it."""

    sources: Sources
    store: Store
    silent: dict[FeedId, Silence]

    def client(self, *, token: str | None = None, host: str = "127.0.0.1:8787") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=site(self.sources, token=token))
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@pytest.fixture(scope="session", autouse=True)
def templates() -> Iterator[None]:
    """They are compiled once in this process, and not for each site that a test makes."""
    made = environment(assets())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.web.pages.environment", lambda _: made)
        yield


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a state and an output, made once: tests take copies."""
    folder = tmp_path_factory.mktemp("web")
    asyncio.run(_furnish(folder))
    return folder


@pytest.fixture
async def desk(tmp_path: Path, furnished: Path) -> AsyncIterator[Desk]:
    folder = Path(shutil.copytree(furnished, tmp_path / "worker"))
    silent: dict[FeedId, Silence] = {}
    async with made_store(folder, Plans()) as store:
        with Reader(folder / "feedmill.db") as reader:
            yield Desk(sources=made_sources(folder, reader, store.ask, silent), store=store, silent=silent)


def made_store(folder: Path, plans: Plans) -> Store:
    path = folder / "feedmill.db"
    return Store(path, policies=lambda _: NO_PATIENCE, planner=plans, window_ms=WINDOW_MS, keep_ms=KEEP_MS)


async def _furnish(folder: Path) -> None:
    plans = Plans()
    async with made_store(folder, plans) as store:
        await _fill(Run(store, plans, START))
    _publish(folder / "out")


async def _fill(run: Run) -> None:
    """Feed `a` has three articles (one queued, one put aside), `bad` fails and is a stranger's, the rest are new."""
    await run.start(*FEEDS)
    polls = {poll.feed_id: poll for poll in await run.claim() if isinstance(poll, Poll)}
    entries = [make_entry(name) for name in ("one", "two", "three")]
    copy = make_entry("copy", feed="secret", url="https://a.example/one")
    await run.finish(run.polled(polls[FeedId("a")], *entries))
    flawed = run.polled(polls[FeedId("quiet")], version=make_version("v1", flaw=f"not well-formed: {ATTACK}"))
    await run.finish(run.polled(polls[FeedId("secret")], copy), flawed)
    await run.finish(
        run.polled(polls[FeedId("bad")], status=500, error=f"500 {ATTACK}", failure="server", refresh=False)
    )
    await run.ingest("one", make_draft("one"))
    for _ in range(MAX_ERRORS):
        run.later(DAY // 8)
        broken = await run.ingest_of("two")
        await run.finish(Broken(lease=broken.lease, at=run.now, error=f"KeyError: {ATTACK}"))
        run.held.clear()


def _publish(out: Path) -> None:
    """Two records, the second an attack in every text."""
    rows = []
    for seq, title in ((1, "The lighthouse is lit again"), (2, ATTACK)):
        row = make_row(seq, f"{title}\nSecond paragraph.")
        body = json.loads(row.body)
        body |= {"title": title, "url": "https://a.example/one", "language": "en", "summary": title}
        if seq == 2:
            body |= {"url": "javascript:alert(1)", "language": '"><script>'}
            body["_ingest"] |= {"feed_title": ATTACK}
        rows.append(replace(row, body=json.dumps(body).encode()))
    path = segment_path(at=START, date="2026-11-23", writer="w1", first_seq=1)
    OutputDirectory.open(out, schema=b"{}").publish(Segment(path=path, writer="w1", first_seq=1, rows=tuple(rows)))


def made_sources(
    folder: Path,
    reader: Reader,
    ask: Callable[[str, str], Awaitable[int]],
    silent: dict[FeedId, Silence],
) -> Sources:
    meters = Meters()
    return Sources(
        version="1.2.3",
        state=folder / "feedmill.db",
        output=folder / "out",
        seal_after_ms=MINUTE,
        vitals=Vitals(started_at=START, ticked_at=NOW, most=64),
        meters=meters,
        cpu=Load(workers=2),
        streamed=Streamed(),
        reader=reader,
        figures=Figures(reader),
        activity=Activity(meters),
        feeds=lambda: {feed.id: feed for feed in FEEDS},
        silent=lambda: silent,
        ask=ask,
        clock=lambda: NOW,
    )
