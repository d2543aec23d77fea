"""poll(feed): one conditional GET, and what is new in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import assert_never

import structlog

from worker import urls
from worker.cpu import Pool
from worker.errors import TaskError
from worker.fetch import Client
from worker.model import (
    Feed,
    FeedId,
    FeedVersion,
    Fetched,
    FetchFailed,
    Millis,
    Moved,
    NotAFeed,
    NotModified,
    Poll,
    PollDone,
    Redirected,
    Throttled,
    Validators,
)
from worker.pipeline.tasks import FeedRead, read_feed, without_secrets
from worker.schedule import Timing, next_poll

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
PATIENCE_S = 300.0
"""How long a host is left alone that asks for patience without saying how much."""

log = structlog.stdlib.get_logger("feedmill.poll")


class Poller:
    """Polls feeds; holds what every poll needs."""

    def __init__(
        self,
        *,
        client: Client,
        cpu: Pool,
        feeds: Mapping[FeedId, Feed],
        timing: Callable[[Feed], Timing],
        max_bytes: int,
        link_duplicates: bool,
        clock: Callable[[], Millis],
        chance: Callable[[], float],
    ) -> None:
        self._client, self._cpu, self._feeds, self._timing = client, cpu, feeds, timing
        self._max_bytes, self._link_duplicates, self._clock, self._chance = max_bytes, link_duplicates, clock, chance

    async def poll(self, work: Poll) -> PollDone | Moved:
        feed = self._feeds[work.feed_id]
        outcome = await self._client.get(
            work.url,
            max_bytes=self._max_bytes,
            accept=ACCEPT,
            validators=work.validators,
            headers=headers_for(feed, work.url),
            hops=work.hops,
        )
        match outcome:
            case Fetched():
                return await self._fetched(work, feed, outcome)
            case NotModified(validators=validators):
                return self._unchanged(work, feed, 304, validators)
            case Redirected():
                return Moved(lease=work.lease, url=outcome.url, host=urls.host_of(outcome.url), hops=outcome.hops)
            case Throttled(status=status, retry_after_s=asked):
                wait_s = PATIENCE_S if asked is None else asked
                now = self._clock()
                return PollDone(
                    lease=work.lease,
                    feed_id=work.feed_id,
                    at=now,
                    next_due=self._next(feed, now, retry_after_s=wait_s),
                    status=status,
                    error=f"{status}: the server asks for patience ({wait_s:g} s)",
                    throttled=True,
                    not_before=Millis(now + round(wait_s * 1000)),
                )
            case FetchFailed(reason=reason, status=status):
                return self._failed(work, feed, reason, status)
            case _:
                assert_never(outcome)

    async def _fetched(self, work: Poll, feed: Feed, answer: Fetched) -> PollDone:
        body_hash = hashlib.blake2b(answer.body, digest_size=16).digest()
        if body_hash == work.body_hash:
            return self._unchanged(work, feed, answer.status, answer.validators)
        try:
            read = await self._cpu.run(
                read_feed,
                answer.body,
                url=answer.url,
                content_type=answer.content_type,
                known=work.elements,
                feed=without_secrets(feed),
                now=self._clock(),
                link_duplicates=self._link_duplicates,
            )
        except TaskError as error:
            return self._failed(work, feed, f"the feed could not be parsed: {error}", answer.status)
        if isinstance(read, NotAFeed):
            return self._failed(work, feed, f"not a feed: {read.reason}", answer.status)
        return self._read(work, feed, answer, body_hash, read)

    def _read(self, work: Poll, feed: Feed, answer: Fetched, body_hash: bytes, read: FeedRead) -> PollDone:
        if read.problem:
            log.warning("feed.malformed", problem=read.problem)
        now = self._clock()
        return PollDone(
            lease=work.lease,
            feed_id=work.feed_id,
            at=now,
            next_due=self._next(feed, now),
            status=answer.status,
            version=FeedVersion(
                validators=answer.validators,
                body_hash=body_hash,
                elements=read.elements,
                title=read.title,
                site_url=read.site_url,
            ),
            entries=read.entries,
        )

    def _unchanged(self, work: Poll, feed: Feed, status: int, validators: Validators) -> PollDone:
        """A 304, or the same bytes again. Validators that the answer does not carry stand as they are."""
        now = self._clock()
        kept = Validators(
            etag=validators.etag or work.validators.etag,
            last_modified=validators.last_modified or work.validators.last_modified,
        )
        return PollDone(
            lease=work.lease,
            feed_id=work.feed_id,
            at=now,
            next_due=self._next(feed, now),
            status=status,
            version=FeedVersion(validators=kept, body_hash=work.body_hash, elements=None),
            unchanged=True,
        )

    def _failed(self, work: Poll, feed: Feed, reason: str, status: int | None) -> PollDone:
        now = self._clock()
        return PollDone(
            lease=work.lease,
            feed_id=work.feed_id,
            at=now,
            next_due=self._next(feed, now, errors=work.errors + 1),
            status=status,
            error=reason,
        )

    def _next(self, feed: Feed, now: Millis, *, errors: int = 0, retry_after_s: float | None = None) -> Millis:
        return next_poll(self._timing(feed), now=now, errors=errors, chance=self._chance(), retry_after_s=retry_after_s)


def headers_for(feed: Feed, url: str) -> Mapping[str, str]:
    """The feed's own headers, which may be secrets: for its own origin alone."""
    return feed.headers if feed.headers and urls.origin_of(url) == urls.origin_of(feed.url) else {}
