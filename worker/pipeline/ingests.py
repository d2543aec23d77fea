"""ingest(entry): makes the draft of a record from its page, or from the feed's own content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

import structlog

from worker import urls
from worker.cpu.pool import Pool
from worker.errors import TaskCrashed, TaskError, TaskTimeout
from worker.fetch import Client
from worker.model import (
    AsBefore,
    Draft,
    Effort,
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
    RobotsRead,
    Throttled,
    Validators,
)
from worker.output import Page
from worker.pipeline import spared
from worker.pipeline.archiving import Archiver
from worker.pipeline.gets import ACCEPT_PAGE, PATIENCE_S, headers_for, held, moved, within_redirects
from worker.pipeline.robots import Barred, Gate
from worker.record import Raw
from worker.schedule import NOT_HAD_S, next_look, next_try
from worker.tasks import Source, draft_from_entry, draft_from_page, draft_without_text, without_secrets

MAX_WAITS = 12
"""How often a page's host may ask to wait before the feed's own content is used."""

log = structlog.stdlib.get_logger("feedmill.ingest")


class Ingester:
    """Ingests entries; holds what all of them need."""

    def __init__(
        self,
        *,
        client: Client,
        cpu: Pool,
        gate: Gate | None,
        archiver: Archiver | None,
        feeds: Mapping[FeedId, Feed],
        max_bytes: int,
        retries_s: Sequence[float],
        link_duplicates: bool,
        effort: Effort,
        clock: Callable[[], Millis],
    ) -> None:
        """gate: obeys robots.txt; None lets every page pass. archiver: keeps every page; None keeps none."""
        self._client, self._cpu, self._gate, self._feeds, self._max_bytes = client, cpu, gate, feeds, max_bytes
        self._retries_s, self._link_duplicates, self._clock = retries_s, link_duplicates, clock
        self._effort = effort
        self._archiver = archiver
        self._spared_hosts, self._spared_feeds = spared.hosts(), spared.feeds()

    async def ingest(self, work: Ingest) -> IngestDone | AsBefore | Moved | RobotsRead | Retry:
        feed = self._feeds[work.feed_id]
        source = Source(
            record_id=work.record_id,
            feed=without_secrets(feed),
            feed_title=work.feed_title,
            entry=work.entry,
            first_seen_at=work.first_seen_at,
            link_duplicates=self._link_duplicates,
            effort=self._effort,
        )
        if work.url is None:
            return self._done(work, await self._from_entry(source, None))
        if whose := self._spares(work):
            reason = f"pages of its {whose} took too long or too much memory to read"
            return self._done(work, await self._from_entry(source, reason))
        match await self._gate.stops(work, work.url) if self._gate else None:
            case Moved() | RobotsRead() as instead:
                return instead
            case Throttled() as throttled:
                return await self._patient(work, source, throttled, what="robots.txt of its site")
            case Barred(reason=reason, for_good=True):
                return self._done(work, await self._from_entry(source, reason))
            case Barred(reason=reason):
                return await self._later(work, source, reason, None)
            case None:
                return await self._page(work, work.url, feed, source)

    async def _page(self, work: Ingest, url: str, feed: Feed, source: Source) -> IngestDone | AsBefore | Moved | Retry:
        outcome = await self._client.get(
            url,
            max_bytes=self._max_bytes,
            accept=ACCEPT_PAGE,
            validators=work.validators,
            headers=headers_for(feed, url),
        )
        match within_redirects(outcome, work.hops):
            case Fetched() as page:
                try:
                    return self._had(work, await self._from_page(work, source, page), page.validators)
                except TaskCrashed as error:  # perhaps out of memory, and not this page's fault
                    return await self._later(work, source, f"extraction failed: {error}", page.status)
            case Redirected() as redirect:
                return moved(work, redirect, self._clock())
            case Throttled() as throttled:
                return await self._patient(work, source, throttled, what="the page")
            case FetchFailed(reason=reason, status=status) as failed if failed.lasting:
                return self._not_had(work, await self._from_entry(replace(source, status=status), reason))
            case FetchFailed(reason=reason, status=status):
                return await self._later(work, source, reason, status)
            case NotModified():
                look_at = self._next_look(work, self._feeds[work.feed_id].recheck_s)
                return AsBefore(lease=work.lease, entry_id=work.entry_id, at=self._clock(), look_at=look_at)
            case _ as never:
                assert_never(never)

    async def _patient(self, work: Ingest, source: Source, answer: Throttled, *, what: str) -> IngestDone | Retry:
        """The host asked to wait: the page waits, without using up a try, until that has happened `MAX_WAITS` times."""
        now = self._clock()
        reason, not_before = f"{what} answered {answer.status}", held(now, answer.retry_after_s)
        if work.waits < MAX_WAITS:
            due_at = not_before or Millis(now + round(PATIENCE_S * 1000))
            return Retry(lease=work.lease, due_at=due_at, reason=reason, throttled=True, not_before=not_before)
        draft = await self._from_entry(replace(source, status=answer.status), reason)
        return self._not_had(work, draft, not_before)

    async def _later(self, work: Ingest, source: Source, reason: str, status: int | None) -> IngestDone | Retry:
        """Another try or, after enough of them, the feed's own content."""
        due_at = next_try(now=self._clock(), tries=work.tries + 1, waits_s=self._retries_s)
        if due_at is not None:
            return Retry(lease=work.lease, due_at=due_at, reason=reason)
        return self._not_had(work, await self._from_entry(replace(source, status=status), reason))

    def _spares(self, work: Ingest) -> str | None:
        """Whose pages are not read for now, "host" or "feed"; None: they are read."""
        now = self._clock()
        if self._spared_hosts.spares(work.host, now):
            return "host"
        return "feed" if self._spared_feeds.spares(work.feed_id, now) else None

    def _killed(self, work: Ingest) -> None:
        now = self._clock()
        self._spared_hosts.killed(work.host, now)
        self._spared_feeds.killed(work.feed_id, now)

    async def _from_page(self, work: Ingest, source: Source, answer: Fetched) -> Draft:
        source = replace(source, url=answer.url, status=answer.status, fetched_at=self._clock())
        source = replace(source, raw=await self._kept(source, answer))
        page = replace(source, content_type=answer.content_type, body=answer.body)
        try:
            draft = await self._cpu.run(draft_from_page, page)
        except TaskCrashed:
            self._killed(work)
            raise
        except TaskError as error:
            if isinstance(error, TaskTimeout):
                self._killed(work)
            log.warning("page.unreadable", url=urls.without_credentials(answer.url), error=str(error))
            return await self._from_entry(source, f"extraction failed: {error}")
        self._spared_hosts.read(work.host)
        self._spared_feeds.read(work.feed_id)
        return draft

    async def _kept(self, source: Source, answer: Fetched) -> Raw | None:
        """Archives the page. Returns where; None if no pages are kept, or none of this article."""
        if self._archiver is None or source.fetched_at is None:
            return None
        page = Page(
            record_id=source.record_id,
            url=answer.url,
            status=answer.status,
            content_type=answer.content_type,
            validators=answer.validators,
            fetched_at=source.fetched_at,
            body=answer.body,
        )
        return await self._archiver.keep(page)

    async def _from_entry(self, source: Source, reason: str | None) -> Draft:
        try:
            try:
                return await self._cpu.run(draft_from_entry, source, reason)
            except TaskCrashed:  # perhaps out of memory, or killed from outside: then it works now
                return await self._cpu.run(draft_from_entry, source, reason)
        except TaskError as error:
            log.warning("entry.unreadable", error=str(error))
            return draft_without_text(source, reason or f"the feed's content could not be read: {error}")

    def _had(self, work: Ingest, draft: Draft, validators: Validators) -> IngestDone:
        """The page was read. It is looked at again for edits if the operator wants that."""
        if draft.retry and draft.skipped is None:
            return self._not_had(work, draft)
        look_at = self._next_look(work, self._feeds[work.feed_id].recheck_s)
        return replace(self._done(work, draft), look_at=look_at, validators=validators)

    def _not_had(self, work: Ingest, draft: Draft, not_before: Millis | None = None) -> IngestDone:
        """The page could not be had, or does not have the article; a later look may succeed."""
        look_at = self._next_look(work, (*NOT_HAD_S, *self._feeds[work.feed_id].recheck_s))
        return replace(self._done(work, draft), look_at=look_at, not_before=not_before)

    def _done(self, work: Ingest, draft: Draft) -> IngestDone:
        followed = bool(self._feeds[work.feed_id].recheck_s)
        return IngestDone(lease=work.lease, entry_id=work.entry_id, at=self._clock(), draft=draft, followed=followed)

    def _next_look(self, work: Ingest, ages_s: Sequence[float]) -> Millis | None:
        return next_look(now=self._clock(), first_seen_at=work.first_seen_at, ages_s=ages_s)
