"""ingest(entry): its page, or the feed's own content, as the draft of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

import structlog

from worker import urls
from worker.cpu import Pool
from worker.errors import TaskCrashed, TaskError
from worker.fetch import Client
from worker.model import (
    Draft,
    Feed,
    FeedId,
    Fetched,
    FetchFailed,
    Ingest,
    IngestDone,
    Millis,
    Moved,
    NotModified,
    Redirected,
    Retry,
    Throttled,
)
from worker.pipeline.polls import PATIENCE_S, headers_for
from worker.pipeline.tasks import Source, draft_from_entry, draft_from_page, draft_without_text, without_secrets
from worker.schedule import next_try

ACCEPT = "text/html, application/xhtml+xml, application/xml;q=0.9, text/plain;q=0.8, */*;q=0.1"

log = structlog.stdlib.get_logger("feedmill.ingest")


class Ingester:
    """Ingests entries; holds what every one of them needs."""

    def __init__(
        self,
        *,
        client: Client,
        cpu: Pool,
        feeds: Mapping[FeedId, Feed],
        max_bytes: int,
        retries_s: Sequence[float],
        link_duplicates: bool,
        clock: Callable[[], Millis],
    ) -> None:
        self._client, self._cpu, self._feeds, self._max_bytes = client, cpu, feeds, max_bytes
        self._retries_s, self._link_duplicates, self._clock = retries_s, link_duplicates, clock

    async def ingest(self, work: Ingest) -> IngestDone | Moved | Retry:
        feed = self._feeds[work.feed_id]
        source = Source(
            record_id=work.record_id,
            feed=without_secrets(feed),
            feed_title=work.feed_title,
            entry=work.entry,
            first_seen_at=work.first_seen_at,
            link_duplicates=self._link_duplicates,
        )
        if work.url is None:
            return self._done(work, await self._from_entry(source, None))
        outcome = await self._client.get(
            work.url,
            max_bytes=self._max_bytes,
            accept=ACCEPT,
            headers=headers_for(feed, work.url),
            hops=work.hops,
        )
        match outcome:
            case Fetched():
                try:
                    return self._done(work, await self._from_page(source, outcome))
                except TaskCrashed as error:  # perhaps for want of memory, and no fault of this page's
                    return await self._later(work, source, f"extraction failed: {error}", outcome.status)
            case Redirected():
                return Moved(lease=work.lease, url=outcome.url, host=urls.host_of(outcome.url), hops=outcome.hops)
            case Throttled(status=status, retry_after_s=asked):
                wait_s = PATIENCE_S if asked is None else asked
                return await self._later(work, source, f"the page answered {status}", status, wait_s=wait_s)
            case FetchFailed(reason=reason, status=status) if outcome.lasting:
                return self._done(work, await self._from_entry(replace(source, status=status), reason))
            case FetchFailed(reason=reason, status=status):
                return await self._later(work, source, reason, status)
            case NotModified():
                return await self._later(work, source, "the page answered 304 to a request without validators", 304)
            case _:
                assert_never(outcome)

    async def _later(
        self, work: Ingest, source: Source, reason: str, status: int | None, *, wait_s: float | None = None
    ) -> IngestDone | Retry:
        """Another try, or the feed's own content when there were enough."""
        now = self._clock()
        not_before = None if wait_s is None else Millis(now + round(wait_s * 1000))
        due_at = next_try(now=now, tries=work.tries + 1, waits_s=self._retries_s)
        if due_at is not None:
            due_at = max(due_at, not_before or due_at)
            return Retry(lease=work.lease, due_at=due_at, reason=reason, not_before=not_before)
        draft = await self._from_entry(replace(source, status=status), reason)
        return self._done(work, draft, not_before)

    async def _from_page(self, source: Source, answer: Fetched) -> Draft:
        source = replace(source, url=answer.url, status=answer.status, fetched_at=self._clock())
        page = replace(source, content_type=answer.content_type, body=answer.body)
        try:
            return await self._cpu.run(draft_from_page, page)
        except TaskCrashed:
            raise
        except TaskError as error:
            log.warning("page.unreadable", url=urls.without_credentials(answer.url), error=str(error))
            return await self._from_entry(source, f"extraction failed: {error}")

    async def _from_entry(self, source: Source, reason: str | None) -> Draft:
        try:
            return await self._cpu.run(draft_from_entry, source, reason)
        except TaskError as error:
            log.warning("entry.unreadable", error=str(error))
            return draft_without_text(source, reason or f"the feed's content could not be read: {error}")

    def _done(self, work: Ingest, draft: Draft, not_before: Millis | None = None) -> IngestDone:
        return IngestDone(
            lease=work.lease, entry_id=work.entry_id, at=self._clock(), draft=draft, not_before=not_before
        )
