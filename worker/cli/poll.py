"""poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import typer
from rich.text import Text

from worker import app, urls
from worker.cli.asking import said
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_and_log
from worker.cli.printing import clean, console, plain, print_json
from worker.cli.running import stop_on_signal
from worker.cli.standing import public, state_of
from worker.cli.steer import Names, Tag, ids_named
from worker.errors import StateError, StateLocked
from worker.model import FeedId, Millis
from worker.pipeline import of_feeds
from worker.settings import Settings
from worker.store import FeedStatus, HostStatus, is_there, read_feeds, read_hosts
from worker.words import ago

PATIENCE_S = 90.0
"""For a poll by the worker that runs: two tries of a host that is slow."""
_LOOK_S = 0.3


def poll(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Polls feeds now, due or not, paused or not, and says of each what came of it as soon as it is done.

    Politely: each at its host's turn; of hosts that asked to be left alone it says until when. Beside a running worker
    it asks that one, and waits for it; where none runs, their new entries are ingested, too, and what is due of other
    feeds is left. Ends with 1 where not one of them could be polled.

    Example: feedmill poll https://example.org/feed.xml
    """
    settings = load_and_log(config)
    ids = ids_named(settings, names, tag)
    coming = _Coming(settings, ids, aloud=not as_json)
    others = _others_do_it(settings, ids)
    if not others:
        try:
            asyncio.run(_polled(settings, ids, coming))
        except StateLocked:
            others = True
    if others:
        said(settings, "poll", of_feeds(ids))
        until = time.monotonic() + PATIENCE_S
        while coming.looked() and time.monotonic() < until:
            time.sleep(_LOOK_S)
    coming.tell_the_rest()
    polled = coming.feeds()
    if as_json:
        print_json({"feeds": [plain(feed) for feed in polled]})
    if not any(feed.error is None and (feed.polled_at or 0) >= coming.since for feed in polled):
        raise typer.Exit(1)


def _others_do_it(settings: Settings, ids: Sequence[FeedId]) -> bool:
    """Whether workers share the state, which are to be asked: this would be one more of them. Of a state that one
    process holds, its lock tells."""
    return settings.is_shared and asyncio.run(app.carry_out(settings, "poll", of_feeds(ids))) is None


async def _polled(settings: Settings, ids: Sequence[FeedId], coming: _Coming) -> None:
    async def watch() -> None:
        while True:
            with suppress(StateError):  # which is being made, or brought up to date
                await asyncio.to_thread(coming.looked)
            await asyncio.sleep(_LOOK_S)

    with stop_on_signal() as stop:
        watching = asyncio.create_task(watch())
        try:
            await app.work(settings, stop=stop, until_idle=True, only=ids)
        finally:
            watching.cancel()


class _Coming:
    """Feeds that are to be polled, of which is told what comes of each, when it does."""

    def __init__(self, settings: Settings, ids: Sequence[FeedId], *, aloud: bool) -> None:
        """aloud: it is told at all."""
        self._settings, self._ids, self._aloud = settings, frozenset(ids), aloud
        self._listed = {feed.id: feed for feed in settings.feeds if feed.id in self._ids}
        self._waiting = set(ids)
        self.since = app.now()

    def feeds(self) -> list[FeedStatus]:
        """As they may be told of now. Raises StateError."""
        return [public(feed, self._listed.get(feed.id)) for feed in self._known()]

    def _known(self) -> list[FeedStatus]:
        return [feed for feed in read_feeds(self._settings.state) if feed.id in self._ids]

    def looked(self) -> bool:
        """Tells what has come since the last time; whether there is more to wait for. Raises StateError."""
        if not is_there(self._settings.state):
            return True
        now = app.now()
        hosts = {host.name: host for host in read_hosts(self._settings.state, now=now)}
        for feed in self._known():
            if feed.id not in self._waiting:
                continue
            host = hosts.get(urls.host_of(feed.moved_to or feed.url))
            if (feed.polled_at or 0) >= self.since:
                told = public(feed, self._listed.get(feed.id))
                self._tell(feed.id, state_of(told, now) + f"; {feed.new_last} new")
            elif host is not None and host.not_before - now > host.delay_ms:
                self._tell(feed.id, Text("is due, and not polled yet: ") + _held(host, now))
        return bool(self._waiting)

    def tell_the_rest(self) -> None:
        """Of those for which nothing more is waited for."""
        self.looked()
        known = {feed.id for feed in self._known()}
        for feed_id in sorted(self._waiting):
            due = feed_id in known
            self._tell(feed_id, Text("is due, and its host's turn is still to come" if due else "is not taken up yet"))

    def _tell(self, feed_id: FeedId, what: Text) -> None:
        self._waiting.discard(feed_id)
        if self._aloud:
            console.print(clean(feed_id), what, soft_wrap=True)


def _held(host: HostStatus, now: Millis) -> Text:
    refused = "" if host.refused_at is None else f" asked for patience, the last time {ago(host.refused_at, now)}, and"
    return (
        Text("its host, ")
        + clean(host.name)
        + Text(f",{refused} is not asked again before {ago(host.not_before, now)}")
    )
