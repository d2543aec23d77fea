"""The pages of the status page: each is read, put together and rendered here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast, get_args
from urllib.parse import parse_qs

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from worker import urls
from worker.errors import FeedmillError
from worker.model import HOUR_MS, ROLES, FeedId, Millis
from worker.output import file_with, kept_out, newest
from worker.record import is_id
from worker.store import (
    FeedStatus,
    Story,
    Which,
    all_members,
    copies,
    entries_by_day,
    entries_of,
    feeds_by_id,
    feeds_page,
    hub_of,
    key_of,
    quarantine,
    read_answer,
    story_of,
    told_alike,
)
from worker.web.activity import series
from worker.web.articles import Shown, shown
from worker.web.body import body_of
from worker.web.figures import bytes_of_state, free_bytes
from worker.web.proof import Proof
from worker.web.rendering import Asset, environment
from worker.web.sources import Sources
from worker.web.troubles import read_troubles
from worker.words import ago

PAGE = 50
RECORDS = 30
TITLED = 300
"""The titles of so many of the newest records are known; the state does not store titles."""
EVERY_S = 5
MAX_FORM_BYTES = 20_000
FORM_S = 10.0
"""How long a form may take to arrive."""
_BACK = re.compile(r"/(feeds/[A-Za-z0-9._-]+|quarantine|why\?q=[0-9a-f]{32})")

log = structlog.stdlib.get_logger("feedmill.web")


class Pages:
    """One method per page. Raises StateError and OutputError, for which `site` shows a page."""

    def __init__(self, sources: Sources, assets: Mapping[str, Asset]) -> None:
        self._of = sources
        self._templates = environment(assets)
        self._proof = Proof()

    async def overview(self, request: Request) -> Response:
        of, now = self._of, self._of.clock()
        state = await of.figures.overview(now)
        lag = state.poll_due_at and max(0, now - state.poll_due_at)
        return await self._page(
            request,
            "overview.html",
            here="/",
            hour=of.activity.last_hour(),
            lately="last hour" if now - (of.vitals.started_at or now) >= HOUR_MS else "since the start",
            median=of.meters.sealed_s.quantile(0.5),
            lag=lag or None,
            sealed_at=of.meters.sealed_at,
            vitals=of.vitals,
            cpu=of.cpu,
            state_bytes=await bytes_of_state(of.state, of.reader),
            free=await asyncio.to_thread(free_bytes, output=of.output),
            troubles=await read_troubles(of, state, now),
            records=series(of.activity.buckets(), now, lambda one: (one.records, 0)),
            polls=series(of.activity.buckets(), now, lambda one: (one.polls, one.failed)),
            newest=await self._newest(8),
            members=await of.reader(all_members),
            roles=ROLES,
        )

    async def feeds(self, request: Request) -> Response:
        of, asked = self._of, request.query_params
        which, text, after = asked.get("which", "all"), asked.get("text", "").strip()[:200], asked.get("after", "")
        if which == "silent":
            ids = [feed_id for feed_id in sorted(of.silent()) if feed_id > after][: PAGE + 1]
            found = await of.reader(feeds_by_id, ids)
        else:
            kind = cast(Which, which) if which in get_args(Which) else "all"
            called = self._called(text, after)
            found = await of.reader(feeds_page, which=kind, text=text, called=called, after=after, limit=PAGE + 1)
            which = kind
        feeds = found[:PAGE]
        days = await of.reader(entries_by_day, [feed.id for feed in feeds], now=of.clock())
        return await self._page(
            request,
            "feeds.html",
            here="/feeds",
            which=which,
            text=text,
            after=after,
            feeds=feeds,
            days=days,
            told={feed.id: self._told(feed) for feed in feeds},
            more=feeds[-1].id if len(found) > PAGE else None,
        )

    async def feed(self, request: Request) -> Response:
        of, feed_id, now = self._of, FeedId(request.path_params["feed_id"]), self._of.clock()
        found = await of.reader(feeds_by_id, [feed_id])
        if not found:
            return await self.problem(request, "No such feed", f"No feed with the id {feed_id} is listed.", 404)
        feed, listed = found[0], of.feeds().get(feed_id)
        before = _number(request, "before")
        instant = None if before is None else Millis(before)
        entries = await of.reader(entries_of, feed_id, before=instant, limit=PAGE + 1)
        return await self._page(
            request,
            "feed.html",
            here="/feeds",
            feed=feed,
            feed_subject=orjson.dumps([feed_id]).decode(),
            told=self._told(feed),
            tags=listed.tags if listed else (),
            expect=listed and listed.expect_s and round(listed.expect_s * 1000),
            quiet=of.silent().get(feed_id),
            hub=await of.reader(hub_of, feed_id, now=now),
            days=(await of.reader(entries_by_day, [feed_id], now=now))[feed_id],
            before=instant,
            entries=entries[:PAGE],
            more=entries[PAGE - 1].first_seen_at if len(entries) > PAGE else None,
            titles=await self._titles(),
        )

    async def records(self, request: Request) -> Response:
        return await self._page(request, "records.html", here="/records", newest=await self._newest(RECORDS))

    async def duplicates(self, request: Request) -> Response:
        return await self._page(
            request,
            "duplicates.html",
            here="/duplicates",
            stories=await self._of.reader(told_alike, limit=PAGE),
            copies=await self._of.reader(copies, limit=PAGE),
            titles=await self._titles(),
        )

    async def quarantine(self, request: Request) -> Response:
        aside = await self._of.reader(quarantine, after=_number(request, "after") or 0, limit=PAGE + 1)
        more = aside[PAGE - 1].work_id if len(aside) > PAGE else None
        return await self._page(request, "quarantine.html", here="/quarantine", aside=aside[:PAGE], more=more)

    async def why(self, request: Request) -> Response:
        of, q = self._of, request.query_params.get("q", "").strip()[:2000]
        story = await of.reader(story_of, q)
        typed = urls.absolute(q)
        host = urls.host_of(typed) if typed else None
        near: Sequence[FeedStatus] = ()
        if host and not story.entries and not story.feeds:
            of_host = await of.reader(feeds_page, text=host, limit=PAGE)
            near = [feed for feed in of_host if urls.host_of(feed.url) == host][:5]
        key = key_of(q) if story.forgotten else None
        return await self._page(
            request,
            "why.html",
            here="/why",
            q=q,
            story=story,
            files=await asyncio.to_thread(self._files, story),
            feeds=await of.reader(feeds_by_id, story.feeds),
            host=host,
            near=near,
            taken_down=key is not None and await asyncio.to_thread(kept_out, of.output, key) is not None,
            titles=await self._titles(),
        )

    def _files(self, story: Story) -> Mapping[str, str]:
        """The files that have the last records of its entries, by record id."""
        out, sealed = self._of.output, [entry for entry in story.entries if not entry.unpublished]
        found = {entry.record_id: file_with(out, entry.paths, entry.record_id) for entry in sealed}
        return {record_id: str(file) for record_id, file in found.items() if file is not None}

    async def act(self, request: Request) -> Response:
        """Leaves a request for the engine, and returns to the page it came from."""
        body = None
        with suppress(TimeoutError):
            body = await body_of(request, max_bytes=MAX_FORM_BYTES, within_s=FORM_S)
        if body is None:
            return await self.problem(request, "Refused", "That is no form of this page.", 413)
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        objection = self._proof.objection(
            request.headers, form.get("proof", ""), by_token=request.scope.get("by_token", False)
        )
        if objection is not None:
            return await self.problem(request, "Refused", f"Nothing was done: {objection}.", 403)
        verb, subject, back = form.get("verb", ""), form.get("subject", ""), form.get("back", "/")
        if not _is_known(verb, subject):
            return await self.problem(request, "Refused", f"feedmill is not asked to {verb[:20]!r} here.", 400)
        number = await self._of.ask(verb, subject)
        log.info("web.asked", verb=verb, subject=subject)
        path = back if _BACK.fullmatch(back) else "/"
        return RedirectResponse(f"{path}{'&' if '?' in path else '?'}asked={number}", status_code=303)

    async def problem(self, request: Request, heading: str, reason: str, status: int) -> Response:
        """A page that says what is wrong; it works without the state."""
        return await self._page(request, "problem.html", status=status, here="", heading=heading, reason=reason)

    async def _page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        of, now = self._of, self._of.clock()
        try:
            state = await of.figures.overview(now)
            number = _number(request, "asked")
            answer = None if number is None else await of.reader(read_answer, number)
        except FeedmillError:
            if status == 200:
                raise
            state, number, answer = None, None, None
        started_at = of.vitals.started_at
        common = {
            "now": now,
            "every": EVERY_S,
            "version": of.version,
            "up": "not yet" if started_at is None else ago(started_at, now).removesuffix(" ago"),
            "state": state,
            "silent": of.silent(),
            "seal_after": of.seal_after_ms,
            "quarantined": state.quarantined if state else 0,
            "proof": self._proof.text,
            "asked": number is not None,
            "answer": answer,
            "q": None,
            "name_of": of.name_of,
        }
        return HTMLResponse(self._templates.get_template(template).render(common | values), status_code=status)

    async def _newest(self, limit: int) -> list[Shown]:
        return [shown(record) for record in await asyncio.to_thread(newest, self._of.output, limit)]

    async def _titles(self) -> Mapping[str, str]:
        return {one.id: one.title for one in reversed(await self._newest(TITLED)) if one.title}

    def _called(self, text: str, after: str) -> Sequence[FeedId]:
        """The next feeds with `text` in the name their lists give them, which the state does not know."""
        text, listed = text.lower(), self._of.feeds().values()
        if not text:
            return ()
        return sorted(one.id for one in listed if one.id > after and text in (one.title or "").lower())[: PAGE + 1]

    def _told(self, feed: FeedStatus) -> str:
        """The feed's URL without secrets."""
        listed = self._of.feeds().get(feed.id)
        return listed.public_url if listed and listed.public_url else urls.without_credentials(feed.url)


def _number(request: Request, name: str) -> int | None:
    """The number in the query under this name; None if there is none."""
    said = request.query_params.get(name, "")
    return int(said) if re.fullmatch("[0-9]{1,15}", said) else None


def _is_known(verb: str, subject: str) -> bool:
    """Whether it is a request that the pages have a button for; see `pipeline.requests`."""
    if verb == "retry":
        return subject == "" or is_id(subject)
    if verb not in ("poll", "pause", "resume"):
        return False
    try:
        ids = orjson.loads(subject)
    except orjson.JSONDecodeError:
        return False
    return isinstance(ids, list) and len(ids) == 1 and isinstance(ids[0], str)
