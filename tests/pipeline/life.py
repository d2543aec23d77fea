"""Sites whose feeds and pages change by order, and a worker's parts over them, on a made-up clock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, cast

from tests.store.samples import HOUR, START
from tests.whole.pages import RSS, item, page, rss
from worker.cpu.pool import Pool
from worker.fetch import Client
from worker.model import (
    NO_VALIDATORS,
    Done,
    Feed,
    FeedId,
    Fetched,
    FetchFailed,
    HandedBack,
    HostPolicy,
    Ingest,
    Lease,
    Millis,
    NotModified,
    Outcome,
    Poll,
    Redirected,
    State,
    Throttled,
    Validators,
    Work,
)
from worker.output import OutputDirectory, forgotten_keys, locked, read_records
from worker.output.writing.compaction import Keeping
from worker.pipeline import Ingester, Poller, Publisher, Shards, carry_out, removal_keys
from worker.record import Record
from worker.schedule import Next, Polled
from worker.store import Store
from worker.store.finish.ingestion import Near

LEASE_MS = 10 * 60_000
NO_DELAY = HostPolicy(concurrency=4, delay_ms=0)


def text_of(number: int, *, words: Literal["long", "short"] = "long") -> str:
    """Some sixty words, or eight, hardly one of which stands in another number's text."""
    chance = random.Random(number)
    count = 60 if words == "long" else 8
    said = ["".join(chance.choices("bdfgklmnprstv", k=1) + chance.choices("aeiou", k=1)) for _ in range(3 * count)]
    spoken = ["".join(said[place : place + 3]) for place in range(0, len(said), 3)]
    return ". ".join(" ".join(spoken[place : place + 10]).capitalize() for place in range(0, count, 10)) + "."


@dataclass(frozen=True, kw_only=True)
class Item:
    """What a feed says of an article."""

    guid: str | None = None
    link: str | None = None
    title: str
    text: str = ""
    date: str | None = None

    @property
    def xml(self) -> str:
        return item(self.guid, self.link, self.title, self.text, self.date)


@dataclass(frozen=True, kw_only=True)
class Page:
    title: str = ""
    text: str = ""
    status: int = 200
    to: str | None = None
    """Where it redirects to."""
    language: str = "en"

    @property
    def body(self) -> bytes:
        return page(self.title, self.text).body.replace(b"lang=en", f"lang={self.language}".encode())


Serving = Literal["whole", "cut", "404", "500", "503", "timeout"]


@dataclass(kw_only=True)
class Web:
    """In place of a client: what the sites answer now."""

    feeds: dict[str, dict[str, Item]] = field(default_factory=dict)
    """Of each feed, by its URL, what it shows, by names of the tests' own."""
    serving: dict[str, Serving] = field(default_factory=dict)
    """How; the whole document, unless this says otherwise."""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def document(self, url: str) -> bytes:
        return rss(*(shown.xml for shown in self.feeds[url].values()))

    async def get(self, url: str, *, validators: Validators = NO_VALIDATORS, **_: object) -> Outcome:
        self.asked.append(url)
        if url in self.feeds:
            return self._feed(url, validators)
        found = self.pages.get(url, Page(status=404))
        if found.to is not None:
            return Redirected(url=found.to, permanent=False)
        return _answered(url, found.status, found.body, "text/html", validators, cut=False)

    def _feed(self, url: str, validators: Validators) -> Outcome:
        serving = self.serving.get(url, "whole")
        if serving == "timeout":
            return FetchFailed(kind="timeout", reason="timeout")
        status = 200 if serving in ("whole", "cut") else int(serving)
        return _answered(url, status, self.document(url), RSS, validators, cut=serving == "cut")


def _answered(url: str, status: int, body: bytes, kind: str, validators: Validators, *, cut: bool) -> Outcome:
    if status == 503:
        return Throttled(status=503, retry_after_s=60)
    if status != 200:
        return FetchFailed(kind="status", reason=f"status {status}", status=status)
    its = Validators(etag=f'"{sha256(body).hexdigest()[:8]}"')
    if validators == its:
        return NotModified(validators=its)
    body = body[: len(body) * 2 // 3] if cut else body
    return Fetched(url=url, status=200, content_type=kind, validators=its, body=body)


class InPlace:
    """In place of the CPU processes."""

    timeout_s = 60.0

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)


class Life:
    """A worker over some sites, one step at a time: what is claimed is asked for and committed by order.

    Everything is called from outside a loop.
    """

    def __init__(
        self, state: State, out: Path, feeds: Iterable[Feed], *, linked: bool = False, near: Near = "link"
    ) -> None:
        """linked: duplicates have records that name the first."""
        self.state, self.out, self.linked, self.near = state, out, linked, near
        self.web = Web()
        self.now = START
        self.known: dict[FeedId, Feed] = {feed.id: feed for feed in feeds}
        self.listed = dict(self.known)
        self.every_ms = HOUR
        self.standing: dict[Lease, Work] = {}
        self.done: dict[Lease, Done] = {}
        """What was asked for, and is not committed."""
        self._runner = asyncio.Runner()
        for feed in self.known.values():
            self.web.feeds[feed.url] = {}
        self.open()

    # --- the process ---

    def open(self, *, poll_all: bool = False) -> None:
        self.store = Store(
            self.state,
            policies=lambda _: NO_DELAY,
            planner=self._plan,
            window_ms=30 * 24 * HOUR,
            keep_ms=400 * 24 * HOUR,
            near=self.near,
            wall=lambda: self.now,
        )
        self.call(self.store.__aenter__())
        client, cpu = cast(Client, self.web), cast(Pool, InPlace())
        self.poller = Poller(
            client=client,
            cpu=cpu,
            feeds=self.known,
            max_bytes=10_000_000,
            link_duplicates=self.linked,
            clock=lambda: self.now,
            chance=lambda: 0.5,
        )
        self.ingester = Ingester(
            client=client,
            cpu=cpu,
            gate=None,
            archiver=None,
            feeds=self.known,
            max_bytes=10_000_000,
            retries_s=(600.0,),
            link_duplicates=self.linked,
            effort="fast",
            clock=lambda: self.now,
        )
        self.shards = Shards(self.out, 1, self._publisher)
        self.call(self.shards.take())
        self.call(self.store.start(list(self.listed.values()), now=self.now, poll_all=poll_all))

    def close(self) -> None:
        self.shards.__exit__(None, None, None)
        self.call(self.store.__aexit__())

    def end(self) -> None:
        self.close()
        self._runner.close()

    def restart(self, *, poll_all: bool = False) -> None:
        """The process ends with all that it has under way, and another begins."""
        self.close()
        self.standing.clear()
        self.done.clear()
        self.open(poll_all=poll_all)

    def call(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(call)

    async def _publisher(self, shard: int, held: ExitStack) -> Publisher:
        held.enter_context(locked(self.out))
        directory = OutputDirectory.open(self.out, schema=b"{}", keys_of=removal_keys)
        await self.store.keep_out([*forgotten_keys(self.out)])
        return Publisher(
            store=self.store,
            directory=directory,
            archive=None,
            seal_after_ms=0,
            seal_records=1_000,
            keeping=cast(Keeping, None),
            shard=shard,
        )

    def _plan(self, _: FeedId, polled: Polled) -> Next:
        return Next(due_at=Millis(polled.now + self.every_ms), reason="as told")

    # --- what its owner does ---

    def list(self, *feeds: Feed) -> None:
        """The lists are saved with these feeds, and taken up."""
        now = {feed.id: feed for feed in feeds}
        changes: dict[FeedId, Feed | None] = dict.fromkeys(self.listed.keys() - now.keys())
        changes |= {feed_id: feed for feed_id, feed in now.items() if feed_id not in self.listed}
        self.listed = now
        self.known.update(now)
        self.call(self.store.take_up(changes, now=self.now))

    def ask(self, verb: str, subject: str) -> str:
        return str(
            self.call(carry_out(verb, subject, store=self.store, shards=self.shards, feeds=self.listed, now=self.now))
        )

    # --- work ---

    def later(self, by_ms: int) -> None:
        self.now = Millis(self.now + by_ms)
        for lease in [lease for lease in self.standing if lease.expires_at <= self.now]:
            del self.standing[lease]
            self.done.pop(lease, None)

    def claim(self, limit: int = 100) -> list[Work]:
        works: list[Work] = []
        while claimed := self.call(self.store.claim(limit, now=self.now, lease_ms=LEASE_MS)):
            works += claimed
        self.standing.update((work.lease, work) for work in works)
        return works

    def perform(self, work: Work) -> Done:
        """What the sites answer now; kept for the commit."""
        if work.lease not in self.done:
            asked: Awaitable[Done] = self.poller.poll(work) if isinstance(work, Poll) else self._ingest(work)
            self.done[work.lease] = self.call(cast(Coroutine[Any, Any, Done], asked))
        return self.done[work.lease]

    def _ingest(self, work: Work) -> Awaitable[Done]:
        assert isinstance(work, Ingest)
        return self.ingester.ingest(work)

    def commit(self, *works: Work) -> None:
        self._finish([self.perform(work) for work in works])

    def hand_back(self, *works: Work) -> None:
        self._finish([HandedBack(lease=work.lease) for work in works])

    def _finish(self, batch: list[Done]) -> None:
        self.call(self.store.finish(batch, now=self.now))
        for done in batch:
            self.standing.pop(done.lease, None)
            self.done.pop(done.lease, None)

    def work(self, *, for_ms: int = 0) -> None:
        """All that is due, and that comes to be due in that time."""
        until = self.now + for_ms
        for _ in range(1_000):
            for work in [*self.standing.values(), *self.claim()]:
                if work.lease in self.standing:
                    self.commit(work)
            if self.standing:
                continue
            due_at = self.call(self.store.next_claim_at())
            if due_at > until:
                break
            self.later(max(0, due_at - self.now))
        else:
            raise AssertionError("there is no end to the work")
        self.later(max(0, until - self.now))

    def publish(self) -> None:
        self.call(self.shards.publish(now=self.now, everything=True))

    def records(self) -> list[Record]:
        self.publish()
        return list(read_records(self.out))

    def newest(self) -> dict[str, Record]:
        """The last record of each article, by its id."""
        return {record["id"]: record for record in self.records()}

    def live(self) -> list[Record]:
        """Of those, the ones that have a content."""
        return [record for record in self.newest().values() if record["_ingest"]["op"] in ("new", "update")]
