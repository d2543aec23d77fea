"""poll(feed): one conditional GET, and what it brings."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

import structlog

from worker import feeds, urls
from worker.cpu.pool import Pool
from worker.errors import TaskCrashed, TaskError, TaskTimeout
from worker.fetch import Client
from worker.model import (
    NO_VALIDATORS,
    FailureClass,
    Feed,
    FeedId,
    FeedVersion,
    Fetched,
    FetchFailed,
    Freshness,
    Millis,
    Moved,
    NotAFeed,
    NotModified,
    Outcome,
    Poll,
    PollDone,
    Redirected,
    Sought,
    Subscribed,
    Throttled,
    Validators,
)
from worker.pipeline.gets import ACCEPT, ACCEPT_PAGE, PATIENCE_S, headers_for, held, moved, same_host, within_redirects
from worker.pipeline.websub import subscribe
from worker.schedule import class_of
from worker.tasks import Drafting, FeedRead, read_feed, without_secrets
from worker.words import span

log = structlog.stdlib.get_logger("feedmill.poll")


class Poller:
    """Polls feeds; holds what every poll needs."""

    def __init__(
        self,
        *,
        client: Client,
        cpu: Pool,
        feeds: Mapping[FeedId, Feed],
        max_bytes: int,
        link_duplicates: bool,
        clock: Callable[[], Millis],
        chance: Callable[[], float],
        callback: Callable[[str], str] | None = None,
    ) -> None:
        """callback: the URL at which a hub reaches us, given the token of a subscription; None: hubs can't reach us."""
        self._client, self._cpu, self._feeds = client, cpu, feeds
        self._max_bytes, self._link_duplicates, self._clock, self._chance = max_bytes, link_duplicates, clock, chance
        self._callback = callback

    async def poll(self, work: Poll, *, had: Fetched | None = None) -> PollDone | Sought | Subscribed | Moved:
        """had: the feed's document, if it has just been fetched, so that it is not fetched again."""
        feed = self._feeds[work.feed_id]
        if work.filters != feed.rules.filters_key:
            # Entries left out by the old filters are judged anew, as far as the feed still shows them.
            work = replace(work, validators=NO_VALIDATORS, body_hash=b"", packed=b"", refresh=True)
        if work.subscribe is not None:
            return await subscribe(
                work, work.subscribe, client=self._client, callback=self._callback, clock=self._clock
            )
        outcome: Outcome = had or await self._client.get(
            work.url,
            max_bytes=self._max_bytes,
            accept=ACCEPT_PAGE if work.seek else ACCEPT,
            validators=work.validators,
            headers=headers_for(feed, work.url),
        )
        outcome = within_redirects(outcome, work.hops)
        if isinstance(outcome, Redirected):
            return moved(work, outcome, self._clock())
        if work.seek:
            return await self._sought(work, outcome)
        match outcome:
            case Fetched():
                return await self._fetched(work, feed, outcome)
            case NotModified():
                # Validators missing from the answer stay as they are.
                kept = Validators(
                    etag=outcome.validators.etag or work.validators.etag,
                    last_modified=outcome.validators.last_modified or work.validators.last_modified,
                )
                return self._unchanged(work, feed, 304, kept, outcome.fresh)
            case Throttled(status=status, retry_after_s=asked):
                wanted = "refuses for now" if asked is None else f"asks for patience ({span(math.ceil(asked) * 1000)})"
                return self._failed(
                    work,
                    "throttled",
                    f"{status}: the server {wanted}",
                    status,
                    retry_after_s=asked,
                    patience_s=PATIENCE_S if asked is None else None,
                    hold=held(self._clock(), asked),
                )
            case FetchFailed():
                return self._failed(work, class_of(outcome), outcome.reason, outcome.status)
            case _:
                assert_never(outcome)

    async def _fetched(self, work: Poll, feed: Feed, answer: Fetched) -> PollDone:
        body_hash = hashlib.sha256(answer.body).digest()[:16]  # twice as fast as BLAKE2 if the CPU supports it
        if body_hash == work.body_hash:
            return self._unchanged(work, feed, answer.status, answer.validators, answer.fresh)
        now = self._clock()
        try:
            try:
                read = await self._parsed(work, feed, answer, now, self._drafting(work))
            except (TaskTimeout, TaskCrashed):  # perhaps because of the drafts, which can be made singly
                read = await self._parsed(work, feed, answer, now, None)
        except TaskError as error:
            return self._failed(work, "parse", f"the feed could not be parsed: {error}", answer.status)
        if isinstance(read, NotAFeed):
            reason = f"not a feed: {read.reason}{_named(read, feed)}"
            return self._failed(work, "parse", reason, answer.status)
        return self._read(work, feed, answer, now, body_hash, read)

    def _drafting(self, work: Poll) -> Drafting | None:
        """None if nearly all entries will be known, so that drafts would be wasted."""
        if work.refresh and not work.first:
            return None
        return Drafting(first=work.first, feed_title=work.feed_title, seconds=self._cpu.timeout_s / 2)

    async def _parsed(
        self, work: Poll, feed: Feed, answer: Fetched, now: Millis, drafting: Drafting | None
    ) -> FeedRead | NotAFeed:
        return await self._cpu.run(
            read_feed,
            answer.body,
            url=answer.url,
            content_type=answer.content_type,
            known=work.elements,
            feed=without_secrets(feed),
            now=now,
            link_duplicates=self._link_duplicates,
            drafting=drafting,
        )

    def _read(self, work: Poll, feed: Feed, answer: Fetched, at: Millis, body_hash: bytes, read: FeedRead) -> PollDone:
        if read.problem:
            log.warning("feed.malformed", problem=read.problem)
        return PollDone(
            lease=work.lease,
            feed_id=work.feed_id,
            at=at,
            chance=self._chance(),
            status=answer.status,
            fresh=answer.fresh,
            version=FeedVersion(
                url=work.url,
                # With the validators of a document that breaks off, the missing rest would count as read.
                validators=NO_VALIDATORS if read.breaks_off else answer.validators,
                body_hash=b"" if read.breaks_off else body_hash,
                elements=read.elements,
                entries=read.total,
                hints=read.hints,
                hub=answer.hub or read.hub,
                title=read.title,
                site_url=read.site_url,
                flaw=read.problem,
            ),
            entries=read.entries,
            refresh=work.refresh,
            audit=work.audit,
            filters=feed.rules.filters_key,
            backlog=feed.rules.backlog,
            older=_older(feed, read, answer.url),
            led_to=_led_to(work, feed),
        )

    def _unchanged(
        self, work: Poll, feed: Feed, status: int, validators: Validators, fresh: Freshness | None
    ) -> PollDone:
        """After a 304, or the same bytes again."""
        return PollDone(
            lease=work.lease,
            feed_id=work.feed_id,
            at=self._clock(),
            chance=self._chance(),
            status=status,
            fresh=fresh,
            version=FeedVersion(url=work.url, validators=validators, body_hash=work.body_hash, elements=None),
            unchanged=True,
            refresh=work.refresh,
            audit=work.audit,
            led_to=_led_to(work, feed),
        )

    def _failed(
        self,
        work: Poll,
        failure: FailureClass,
        reason: str,
        status: int | None,
        *,
        retry_after_s: float | None = None,
        patience_s: float | None = None,
        hold: Millis | None = None,
    ) -> PollDone:
        return PollDone(
            lease=work.lease,
            feed_id=work.feed_id,
            at=self._clock(),
            chance=self._chance(),
            status=status,
            error=reason,
            failure=failure,
            retry_after_s=retry_after_s,
            patience_s=patience_s,
            not_before=hold,
        )

    async def _sought(self, work: Poll, outcome: Outcome) -> Sought:
        """Looks for a lost feed's new address in the page of its site."""
        hold = held(self._clock(), outcome.retry_after_s) if isinstance(outcome, Throttled) else None
        found = None
        if isinstance(outcome, Fetched):
            try:
                candidates = await self._cpu.run(
                    feeds.discover, outcome.body, url=outcome.url, content_type=outcome.content_type
                )
                found = next((candidate.url for candidate in candidates), None)
            except TaskError as error:
                log.warning("page.unreadable", url=urls.without_credentials(outcome.url), error=str(error))
        return Sought(lease=work.lease, feed_id=work.feed_id, found=found, not_before=hold)


def _named(page: NotAFeed, feed: Feed) -> str:
    """A note on where the feed may be instead; empty if the page names none."""
    if not page.named:
        return ""
    first, *others = (urls.without_credentials(found.url) for found in page.named)
    more = {0: "", 1: " and one more"}.get(len(others), f" and {len(others)} more")
    asked = feed.public_url or urls.without_credentials(feed.url)
    return f"; it names {first}{more} (feedmill discover {asked} looks at {'them' if others else 'it'})"


def _older(feed: Feed, read: FeedRead, url: str) -> str | None:
    """Where to read older entries after the first poll or a gap; None if the owner does not want that."""
    if feed.backfill_s is None:
        return None
    return feed.backfill_from or same_host(read.older, url)


def _led_to(work: Poll, feed: Feed) -> str | None:
    """Where redirects led, if all were permanent. Those that end without TLS are followed, but not remembered."""
    return work.url if work.hops and work.permanent and not urls.loses_tls(feed.url, work.url) else None
