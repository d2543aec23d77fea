"""Watches over feeds of which something new is expected: which are silent, and who has to be told.

Independent of the engine and never in its way: it reads the state itself, once a minute. A message that can't be
delivered is not kept. The next look reports what has changed since the last delivered message, so a receiver that was
away for an hour gets one message about how things are now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from worker.errors import StateError
from worker.model import Feed, FeedId, Millis
from worker.record import rfc3339
from worker.schedule import Silence, silence
from worker.store import Reader, quiet_since
from worker.words import counted, span

EVERY_S = 60.0
LONGEST_PAUSE_S = 3600.0
"""The longest time between two attempts to deliver a message; it doubles from `EVERY_S` on."""
MOST_TOLD = 100
"""The most feeds in one message; the rest comes with the next."""

log = structlog.stdlib.get_logger("feedmill.watch")

Tell = Callable[[Mapping[str, object]], Awaitable[str | None]]
"""Delivers a message. Returns why it was not accepted, None if it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What has to be reported: feeds that have fallen silent, and feeds that no longer are."""

    silent: Sequence[Silence]
    back: Sequence[FeedId]

    def __bool__(self) -> bool:
        return bool(self.silent or self.back)


class Watch:
    """`silent` is as of the last look."""

    def __init__(
        self,
        *,
        reader: Reader,
        feeds: Callable[[], Mapping[FeedId, Feed]],
        clock: Callable[[], Millis],
        tell: Callable[[], Tell | None],
    ) -> None:
        """feeds: those listed now. tell: what delivers messages now; None: nothing. A new one has not been told
        anything yet."""
        self._reader, self._feeds, self._clock, self._tell = reader, feeds, clock, tell
        self._listener: Tell | None = None
        self._from = clock()
        self._told: frozenset[FeedId] = frozenset()
        self._failures = 0
        self._quiet_until = Millis(0)
        self.silent: Mapping[FeedId, Silence] = {}

    async def run(self) -> None:
        """Looks once a minute, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Looks once. Errors are logged, and the next look tries again."""
        now = self._clock()
        self._from = min(self._from, now)  # as the clock may have been set back
        expected = {feed.id: feed.expect_s for feed in self._feeds().values() if feed.expect_s is not None}
        try:
            self.silent = await self._read(expected, now) if expected else {}
        except StateError as error:
            log.warning("watch.blind", error=str(error))
            return
        if (listener := self._tell()) is not self._listener:
            self._listener, self._told, self._failures, self._quiet_until = listener, frozenset(), 0, Millis(0)
        change = changed(self._told, self.silent)
        # If it is later than that, the clock was set back.
        quiet = 0 < self._quiet_until - now <= LONGEST_PAUSE_S * 1000
        if change and self._listener is not None and not quiet:
            await self._deliver(change, self._listener, now)

    async def _read(self, expected: Mapping[FeedId, float], now: Millis) -> Mapping[FeedId, Silence]:
        before = Millis(now - round(min(expected.values()) * 1000))
        found: dict[FeedId, Silence] = {}
        for news in await self._reader(quiet_since, before):
            expect_s = expected.get(news.feed_id)
            if expect_s is None:
                continue
            is_silent = silence(
                feed_id=news.feed_id,
                expect_ms=round(expect_s * 1000),
                added_at=news.added_at,
                new_at=news.new_at,
                polled_at=news.polled_at,
                watched_from=self._from,
                now=now,
            )
            if is_silent is not None:
                found[news.feed_id] = is_silent
        return found

    async def _deliver(self, change: Change, tell: Tell, now: Millis) -> None:
        problem = await tell(message(change, self._feeds(), now))
        if problem is None:
            self._failures = 0
            self._told = self._told.union(gone.feed_id for gone in change.silent).difference(change.back)
            log.info("watch.told", silent=len(change.silent), back=len(change.back))
            return
        self._failures += 1
        pause_s = min(EVERY_S * 2**self._failures, LONGEST_PAUSE_S)
        self._quiet_until = Millis(now + round(pause_s * 1000))
        log.warning("watch.untold", problem=problem, again_in_s=pause_s)


def changed(told: frozenset[FeedId], silent: Mapping[FeedId, Silence]) -> Change:
    """What to report to a receiver that knows of `told`, longest silent first; at most `MOST_TOLD` of each kind."""
    fresh = sorted((one for feed_id, one in silent.items() if feed_id not in told), key=lambda one: one.since)
    back = sorted(told.difference(silent))
    return Change(silent=fresh[:MOST_TOLD], back=back[:MOST_TOLD])


def message(change: Change, feeds: Mapping[FeedId, Feed], now: Millis) -> dict[str, object]:
    """The JSON message. Its `text` is for people, in the key that Slack, Mattermost and others display."""
    lines = [
        f"{one.feed_id}: nothing new for {span(now - (one.new_at or one.since - one.expect_ms))}"
        f" (expected every {span(one.expect_ms)})"
        for one in change.silent
    ]
    lines += [f"{feed_id}: back" for feed_id in change.back]
    heads = []
    if change.silent:
        heads.append(f"{counted(len(change.silent), 'feed')} silent")
    if change.back:
        heads.append(f"{counted(len(change.back), 'feed')} back")
    return {
        "event": "feeds",
        "at": rfc3339(now),
        "silent": [
            {
                **_named(one.feed_id, feeds),
                "since": rfc3339(one.since),
                "last_new_at": None if one.new_at is None else rfc3339(one.new_at),
                "expect_s": one.expect_ms / 1000,
            }
            for one in change.silent
        ],
        "back": [_named(feed_id, feeds) for feed_id in change.back],
        "text": "feedmill: " + ", ".join(heads) + "\n" + "\n".join(lines),
    }


def _named(feed_id: FeedId, feeds: Mapping[FeedId, Feed]) -> dict[str, object]:
    feed = feeds.get(feed_id)
    return {"feed": feed_id, "url": feed and feed.public_url, "title": feed and feed.title}
