"""Feeds, entries and drafts with made-up keys, and a run of work over a store on a made-up clock."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from worker import urls
from worker.model import (
    ALL_ROLES,
    Draft,
    Due,
    Feed,
    FeedId,
    FeedVersion,
    Finished,
    HostPolicy,
    Ingest,
    IngestDone,
    Member,
    Millis,
    Poll,
    PollDone,
    SeenEntry,
    Server,
    State,
    Validators,
    Work,
)
from worker.schedule import Next, Polled
from worker.store import OutboxRow, Store

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
START = Millis(1_795_406_706_000)  # 2026-11-23T04:05:06Z, a Monday
LEASE_MS = 10 * MINUTE
WINDOW_MS = 30 * DAY
KEEP_MS = 400 * DAY
NO_PATIENCE = HostPolicy(concurrency=10, delay_ms=0)
"""For tests that are not about politeness."""
URL = "(SELECT text FROM name WHERE no = origin_no) || path"
FEED = "(SELECT text FROM name WHERE no = feed_no)"
"""Of an entry, for queries by hand."""


def ask(state: State, sql: str, *values: object) -> list[Any]:
    """What a query by hand finds in a state, in either database; `?` stands for values."""
    if isinstance(state, Server):
        with psycopg.connect(state.url) as connection:
            return connection.execute(sql.replace("?", "%s").encode(), values).fetchall()
    with closing(sqlite3.connect(state)) as database:
        return database.execute(sql, values).fetchall()


def key(*parts: object) -> bytes:
    """16 bytes, as `dedup` makes them."""
    return hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def make_feed(feed_id: str = "a", url: str | None = None) -> Feed:
    return Feed(id=FeedId(feed_id), url=url or f"https://{feed_id}.example/feed")


def make_entry(name: str, *, feed: str = "a", url: str | None = "", words: str = "", **changes: Any) -> SeenEntry:
    """The entry `name` of a feed, with a guid and a page of its own; other `words` are another version of it.
    url: "" is a page on the feed's host; None, no page at all."""
    url = f"https://{feed}.example/{name}" if url == "" else url
    own = key("guid", feed, name)
    values: dict[str, Any] = {
        "look_up": (own,),
        "own": own,
        "has_guid": True,
        "url_key": url and key("url", url),
        "title_key": key("title", name),
        "version": key("version", name, words),
        "url": url,
        "page": url,
        "host": urls.host_of(url or f"https://{feed}.example/"),
        "entry": f"{name} {words}".strip().encode(),
    }
    return SeenEntry(**(values | changes))


def make_draft(text: str, **changes: Any) -> Draft:
    """The record of an article that says `text`."""
    values: dict[str, Any] = {
        "body": f"record: {text}".encode(),
        "text_key": key("text", text),
        "title_key": key("title", text),
        "revision_key": key("revision", text),
        "hashed_key": key("hashed", text),
        "undated_key": key("undated", text),
        "extraction": "ok",
    }
    return Draft(**(values | changes))


def make_version(name: str, *, elements: tuple[bytes, ...] | None = (), **changes: Any) -> FeedVersion:
    """What is learned of a feed document called `name`."""
    values: dict[str, Any] = {
        "url": "https://a.example/feed",
        "validators": Validators(etag=f'"{name}"', last_modified=f"on the day of {name}"),
        "body_hash": key("body", name),
        "elements": elements,
    }
    return FeedVersion(**(values | changes))


class Plans:
    """A schedule that is told when polls are due, and notes what it is asked by."""

    def __init__(self) -> None:
        self.due: dict[FeedId, Millis] = {}
        self.asked: list[Polled] = []

    def __call__(self, feed_id: FeedId, polled: Polled) -> Next:
        self.asked.append(polled)
        return Next(due_at=self.due.get(feed_id, Millis(polled.now + HOUR)), reason="as told")


class Run:
    """What an engine does with a store, on a clock that stands still until it is moved."""

    def __init__(self, store: Store, plans: Plans, now: Millis = START) -> None:
        self.store, self.plans, self.now = store, plans, now
        self.held: list[Work] = []

    def later(self, by_ms: int) -> None:
        """Moves the clock; leases may end by it."""
        self.now = Millis(self.now + by_ms)
        self.held = [work for work in self.held if work.lease.expires_at > self.now]

    async def start(self, *listed: str | Feed, poll_all: bool = False) -> None:
        self.held.clear()
        feeds = [make_feed(feed) if isinstance(feed, str) else feed for feed in listed]
        await self.store.start(feeds, now=self.now, poll_all=poll_all)

    async def claim(self, limit: int = 100, *, due: Due | None = None) -> list[Work]:
        claimed = await self.store.claim(limit, now=self.now, lease_ms=LEASE_MS, due=due)
        self.held += claimed
        return claimed

    async def claim_all(self) -> list[Work]:
        """All that can be claimed now; each claim gives one piece of work a host."""
        works: list[Work] = []
        while claimed := await self.claim():
            works += claimed
        return works

    async def poll_of(self, feed: str = "a") -> Poll:
        """The poll of a feed, leased."""
        while True:
            for work in self.held:
                if isinstance(work, Poll) and work.feed_id == feed:
                    return work
            assert await self.claim(), f"{feed} is not to be polled"

    async def ingest_of(self, name: str, *, feed: str = "a") -> Ingest:
        """The work of an entry, leased."""
        while True:
            for work in self.held:
                if isinstance(work, Ingest) and (work.feed_id, work.entry.decode().split()[0]) == (feed, name):
                    return work
            assert await self.claim(), f"{name} is not to be ingested"

    async def finish(self, *batch: Any, due: Due | None = None) -> list[Finished]:
        leases = {done.lease for done in batch}
        self.held = [work for work in self.held if work.lease not in leases]
        return await self.store.finish(batch, now=self.now, due=due)

    def polled(self, poll: Poll, *entries: SeenEntry, next_due: Millis | None = None, **changes: Any) -> PollDone:
        """How a poll ends that found `entries`; the next is in an hour."""
        self.plans.due[poll.feed_id] = next_due or Millis(self.now + HOUR)
        values: dict[str, Any] = {"at": self.now, "status": 200, "refresh": poll.refresh}
        return PollDone(lease=poll.lease, feed_id=poll.feed_id, entries=entries, **(values | changes))

    def ingested(self, ingest: Ingest, draft: Draft, **changes: Any) -> IngestDone:
        return IngestDone(lease=ingest.lease, entry_id=ingest.entry_id, at=self.now, draft=draft, **changes)

    async def poll(self, feed: str, *entries: SeenEntry, **changes: Any) -> Finished:
        """Polls a feed that is due; the next poll is due in an hour."""
        return (await self.finish(self.polled(await self.poll_of(feed), *entries, **changes)))[0]

    async def ingest(self, name: str, draft: Draft | None = None, *, feed: str = "a") -> Finished:
        """Ingests an entry that is queued; without a draft, its text is its name."""
        return (await self.finish(self.ingested(await self.ingest_of(name, feed=feed), draft or make_draft(name))))[0]

    async def publish(self, *, limit: int = 1_000) -> list[OutboxRow]:
        """Publishes all there is; the rows in the order of the segments."""
        rows: list[OutboxRow] = []
        while (segment := await self.store.number(now=self.now, limit=limit)) is not None:
            await self.store.mark(segment.id, path=f"records/{segment.id}.jsonl", sha256="0" * 64)
            rows += segment.rows
        return rows


def make_member(name: str, *, seen_at: Millis = START, **changes: Any) -> Member:
    """A process that does all, as it tells of itself."""
    values: dict[str, Any] = {"host": "mill-1", "pid": 7, "version": "1.2.3", "roles": ALL_ROLES, "started_at": START}
    return Member(name=name, seen_at=seen_at, **(values | changes))
