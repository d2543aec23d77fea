"""The settings in force. Parts of a running worker read them anew each time; they are replaced as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from worker.model import Feed, FeedId, HostPolicy
from worker.schedule import Next, Pace, Polled, plan
from worker.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    settings: Settings
    feeds: Mapping[FeedId, Feed]
    common: Pace


class Current:
    """The settings, and what follows from them. `take_up` replaces all of it in one step, so that readers see either
    the old or the new settings, never a mixture. May be read from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._now = _derived(settings, ())
        self.feeds: Mapping[FeedId, Feed] = _Feeds(self)
        """Feeds that are listed, and feeds that left the lists but still have work under way."""

    @property
    def settings(self) -> Settings:
        return self._now.settings

    def take_up(self, settings: Settings, *, leaving: Collection[Feed] = ()) -> None:
        """Puts `settings` in force. `leaving` feeds stay known although they are no longer listed."""
        self._now = _derived(settings, leaving)

    def policy(self, host: str) -> HostPolicy:
        """Delay and concurrency of a host."""
        found = self._now.settings.fetch.for_host(host)
        return HostPolicy(concurrency=found.concurrency, delay_ms=round(found.delay_s * 1000))

    def proxy(self, host: str) -> str | None:
        """The proxy through which a host is asked; None for none."""
        return self._now.settings.fetch.proxy_for(host)

    def plan(self, feed_id: FeedId, polled: Polled) -> Next:
        """When a feed is polled next."""
        now = self._now
        feed = now.feeds.get(feed_id)
        return plan(now.common if feed is None else _pace(now.common, feed), polled)

    def known(self) -> Mapping[FeedId, Feed]:
        """Like `feeds`, but does not change with later settings."""
        return self._now.feeds


class _Feeds(Mapping[FeedId, Feed]):
    def __init__(self, current: Current) -> None:
        self._current = current

    def __getitem__(self, feed_id: FeedId) -> Feed:
        return self._current.known()[feed_id]

    def __iter__(self) -> Iterator[FeedId]:
        return iter(self._current.known())

    def __len__(self) -> int:
        return len(self._current.known())


def _derived(settings: Settings, leaving: Collection[Feed]) -> _Now:
    schedule = settings.schedule
    common = Pace(
        timezone=schedule.timezone,
        min_s=schedule.min_s,
        max_s=schedule.max_s,
        first_s=schedule.first_s,
        jitter=schedule.jitter,
    )
    feeds = {feed.id: feed for feed in leaving} | {feed.id: feed for feed in settings.feeds}
    return _Now(settings=settings, feeds=feeds, common=common)


def _pace(common: Pace, feed: Feed) -> Pace:
    """A feed expected to bring something within a time (`expect`) is polled at least once in that time."""
    if feed.every_s is None and feed.cron is None and feed.expect_s is None:
        return common
    most = common.max_s if feed.expect_s is None else max(common.min_s, min(common.max_s, feed.expect_s))
    return replace(common, every_s=feed.every_s, cron=feed.cron, max_s=most)
