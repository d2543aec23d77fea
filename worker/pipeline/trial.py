"""Tries out a feed: what it would give with the same polling and ingestion, without storing anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from worker import rules, urls
from worker.model import (
    EntryId,
    Feed,
    Ingest,
    IngestDone,
    Lease,
    Millis,
    Moved,
    Poll,
    PollDone,
    Retry,
    RobotsCopy,
    RobotsRead,
    SeenEntry,
)
from worker.pipeline.ingests import Ingester
from worker.pipeline.polls import Poller
from worker.pipeline.turns import Looks, Turns

ARTICLES = 3
MAX_STEPS = 12
"""Requests for one article, including redirects and robots.txt."""
_NO_LEASE = Lease(work_id=0, host_id=0, slot=0, token=0, expires_at=Millis(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a feed would give."""

    title: str | None = None
    entries: int = 0
    articles: Sequence[Article] = ()
    """Of the first entries that the feed's rules want, as far as the feed shows that."""
    left_out: Sequence[Article] = ()
    """Entries that the rules leave out."""
    error: str | None = None
    """Why the feed gave nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An entry with the record it would get or, without one, why it would not come or not yet."""

    url: str | None
    record: dict[str, Any] | None
    reason: str | None = None


class Trial:
    """Tries out feeds, for a command."""

    def __init__(
        self, *, poller: Poller, ingester: Ingester, turns: Turns, looks: Looks, clock: Callable[[], Millis]
    ) -> None:
        """looks: requests sent before; what they fetched is not fetched again."""
        self._poller, self._ingester, self._turns, self._clock = poller, ingester, turns, clock
        self._looks = looks
        self._robots: dict[str, RobotsCopy] = {}

    async def of(self, feed: Feed, *, articles: int = ARTICLES) -> Tried:
        """What the feed would give now, as seen by a worker that does not know it."""
        done = await self._polled(feed)
        if isinstance(done, str):
            return Tried(error=done)
        if done.error is not None:
            return Tried(error=done.error)
        title = done.version.title if done.version else None
        wanted = [seen for seen in done.entries if seen.skipped is None]
        behind = rules.left_out([seen.published for seen in wanted], feed.rules.backlog, self._clock())
        out = [Article(url=seen.url, record=None, reason=seen.skipped) for seen in done.entries if seen.skipped]
        out += [Article(url=wanted[place].url, record=None, reason=reason) for place, reason in behind.items()]
        first = [seen for place, seen in enumerate(wanted) if place not in behind][:articles]
        found = [await self._article(feed, seen, title) for seen in first]
        return Tried(title=title, entries=len(done.entries), articles=found, left_out=out)

    async def _polled(self, feed: Feed) -> PollDone | str:
        work = Poll(lease=_NO_LEASE, feed_id=feed.id, url=feed.url)
        had = None if feed.headers else self._looks.had(feed.url)  # which was fetched without them
        for _ in range(MAX_STEPS):
            if had is not None:
                done = await self._poller.poll(work, had=had)
            else:
                async with self._turns.at(urls.host_of(work.url)) as refusal:
                    if refusal is not None:
                        return refusal
                    done = await self._poller.poll(work)
            if isinstance(done, PollDone):
                return done
            if not isinstance(done, Moved):
                break
            work = replace(work, url=done.url, hops=done.hops, permanent=done.permanent)
        return "it leads in circles"

    async def _article(self, feed: Feed, seen: SeenEntry, title: str | None) -> Article:
        work = Ingest(
            lease=_NO_LEASE,
            entry_id=EntryId(0),
            record_id=seen.own.hex(),
            feed_id=feed.id,
            feed_title=title,
            url=seen.page,
            host=seen.host,
            entry=seen.entry,
            first_seen_at=self._clock(),
        )
        for _ in range(MAX_STEPS):
            if work.url is None:
                done = await self._ingester.ingest(work)
            else:
                copy = self._robots.get(urls.robots_url(work.url))
                work = replace(work, robots=copy or RobotsCopy(url=urls.robots_url(work.url)))
                async with self._turns.at(work.host) as refusal:
                    if refusal is not None:
                        return Article(url=work.url, record=None, reason=refusal)
                    done = await self._ingester.ingest(work)
            match done:
                case IngestDone() if done.draft.skipped is not None:
                    return Article(url=seen.url, record=None, reason=done.draft.skipped)
                case IngestDone():
                    return Article(url=seen.url, record=orjson.loads(done.draft.body), reason=done.draft.reason)
                case Moved():
                    work = replace(work, url=done.url, host=done.host, hops=done.hops)
                case RobotsRead():
                    self._learned(work, done)
                    work = replace(work, host=done.host)
                case Retry():
                    return Article(url=seen.url, record=None, reason=f"{done.reason}; it would be tried again")
                case _:
                    break
        return Article(url=seen.url, record=None, reason="its page leads in circles")

    def _learned(self, work: Ingest, done: RobotsRead) -> None:
        if work.url is None:
            return
        see = RobotsCopy(url=done.see) if done.see is not None else None
        self._robots[urls.robots_url(work.url)] = see or RobotsCopy(url=done.url, text=done.text, problem=done.problem)
