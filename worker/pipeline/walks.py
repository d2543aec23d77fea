"""walk(older page): one GET of a feed's older page, and those of its entries that are young enough.

The chain of pages is written by the site (its beginning possibly by the owner). It stays on its host, has at most
`store.walks.PAGES` pages, ends at the first page that brings nothing new (so a circle ends, too), and each page waits
for its host's turn like everything else. The same goes for the sitemaps of an index, each of which is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

import structlog

from worker import urls
from worker.cpu.pool import Pool
from worker.errors import TaskError
from worker.fetch import Client
from worker.model import (
    Feed,
    FeedId,
    Fetched,
    FetchFailed,
    Millis,
    Moved,
    NotAFeed,
    NotModified,
    Redirected,
    Retry,
    Throttled,
    Walk,
    Walked,
)
from worker.pipeline.gets import ACCEPT, PATIENCE_S, headers_for, held, moved, same_host, within_redirects
from worker.tasks import read_feed, without_secrets

MAX_TRIES = 3
"""Of a page that fails, `AGAIN_S` apart."""
MAX_WAITS = 12
"""How often the host may ask to wait before the walk ends."""
AGAIN_S = 600.0

log = structlog.stdlib.get_logger("feedmill.walk")


class Walker:
    """Reads older pages of feeds; holds what all of them need."""

    def __init__(
        self,
        *,
        client: Client,
        cpu: Pool,
        feeds: Mapping[FeedId, Feed],
        max_bytes: int,
        link_duplicates: bool,
        clock: Callable[[], Millis],
    ) -> None:
        self._client, self._cpu, self._feeds = client, cpu, feeds
        self._max_bytes, self._link_duplicates, self._clock = max_bytes, link_duplicates, clock

    async def walk(self, work: Walk) -> Walked | Moved | Retry:
        feed = self._feeds[work.feed_id]
        if feed.backfill_s is None:  # its owner has changed that since
            return self._ended(work, "older pages are not wanted any more")
        outcome = await self._client.get(
            work.url, max_bytes=self._max_bytes, accept=ACCEPT, headers=headers_for(feed, work.url)
        )
        match within_redirects(outcome, work.hops):
            case Fetched() as answer:
                return await self._fetched(work, feed, answer, feed.backfill_s)
            case Redirected(url=to) as redirect:
                if same_host(to, work.url) is None:
                    return self._ended(work, "it leads to another host")
                return moved(work, redirect, self._clock())
            case Throttled(status=status, retry_after_s=asked):
                reason = f"{status}: the server asks for patience"
                if work.waits >= MAX_WAITS:
                    return self._ended(work, reason)
                not_before = held(self._clock(), asked)
                due_at = not_before or Millis(self._clock() + round(PATIENCE_S * 1000))
                return Retry(lease=work.lease, due_at=due_at, reason=reason, throttled=True, not_before=not_before)
            case FetchFailed(reason=reason) as failed:
                if failed.lasting or work.tries + 1 >= MAX_TRIES:
                    return self._ended(work, reason)
                return Retry(lease=work.lease, due_at=Millis(self._clock() + round(AGAIN_S * 1000)), reason=reason)
            case NotModified():  # to a request without conditions
                return self._ended(work, "304 without being asked")
            case _ as never:
                assert_never(never)

    async def _fetched(self, work: Walk, feed: Feed, answer: Fetched, backfill_s: float) -> Walked:
        now = self._clock()
        since = Millis(now - round(backfill_s * 1000))
        try:
            read = await self._cpu.run(
                read_feed,
                answer.body,
                url=answer.url,
                content_type=answer.content_type,
                known=frozenset(),
                feed=without_secrets(feed),
                now=now,
                link_duplicates=self._link_duplicates,
                since=since if feed.backfill_from is not None else None,
            )
        except TaskError as error:
            return self._ended(work, f"the page could not be parsed: {error}")
        if isinstance(read, NotAFeed):
            return self._ended(work, f"not a feed: {read.reason}")
        if read.problem:
            log.warning("feed.malformed", problem=read.problem)
        young = tuple(entry for entry in read.entries if entry.published is None or entry.published >= since)
        return Walked(
            lease=work.lease,
            feed_id=work.feed_id,
            at=now,
            entries=young,
            # If one entry is too old, so are all on the pages before this one.
            older=same_host(read.older, answer.url) if len(young) == len(read.entries) else None,
            further=tuple(place for place in read.further if same_host(place, answer.url)),
            url=work.url,
            filters=feed.rules.filters_key,
        )

    def _ended(self, work: Walk, reason: str) -> Walked:
        log.warning("page.not_read", url=urls.without_credentials(work.url), error=reason)
        return Walked(lease=work.lease, feed_id=work.feed_id, at=self._clock(), url=work.url, error=reason)
