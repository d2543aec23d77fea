"""poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import typer
from rich.text import Text

from worker import urls
from worker.cli.asking import said
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_and_log
from worker.cli.printing import clean, plain, print_json, print_line
from worker.cli.running import stop_on_signal
from worker.cli.standing import public, state_of
from worker.cli.steer import Names, Tag, ids_named
from worker.engine import running
from worker.errors import StateError, StateLocked
from worker.model import FeedId, Millis
from worker.pipeline import of_feeds
from worker.settings import Settings
from worker.store import FeedStatus, HostStatus, is_there, read_feeds, read_hosts
from worker.telemetry.vitals import WORDS
from worker.wiring import app
from worker.words import ago

PATIENCE_S = 90.0
"""How long to wait for the running worker to poll: two tries at a slow host."""
_LOOK_S = 0.3


def poll(names: Names = None, tag: Tag = None, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Polls feeds now, whether due or not and paused or not, and prints the result of each as soon as it is there.

    As politely as ever: each host has its turn, and hosts that asked to be left alone are not polled; until when is
    printed. If a worker runs, it does the work, and this command waits. If not, new entries are ingested as well; other
    feeds are left alone. Exits with 1 if no feed could be polled.

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
        while coming.looked() and time.monotonic() < until and _stopped_by(settings) is None:
            time.sleep(_LOOK_S)
    coming.tell_the_rest()
    polled = coming.feeds()
    if as_json:
        print_json({"feeds": [plain(feed) for feed in polled]})
    if not any(feed.error is None and (feed.polled_at or 0) >= coming.since for feed in polled):
        raise typer.Exit(1)


def _stopped_by(settings: Settings) -> str | None:
    """Why no worker polls anything for now, as a line for people; None if it does."""
    return next((trouble for trouble in app.troubles(settings) if trouble.startswith(WORDS["room"])), None)


def _others_do_it(settings: Settings, ids: Sequence[FeedId]) -> bool:
    """Whether other workers do the polling. Only asked of a shared state, where this process would be one more worker;
    a state that a single process may use has a lock to tell that."""
    return settings.is_shared and asyncio.run(app.carry_out(settings, "poll", of_feeds(ids))) is None


async def _polled(settings: Settings, ids: Sequence[FeedId], coming: _Coming) -> None:
    async def watch() -> None:
        while True:
            with suppress(StateError):  # the state is being created or migrated
                await asyncio.to_thread(coming.looked)
            await asyncio.sleep(_LOOK_S)

    with stop_on_signal() as stop:
        async with running(watch()):
            await app.work(settings, stop=stop, until_idle=True, only=ids)


class _Coming:
    """Feeds that are being polled. Prints the result of each as it comes."""

    def __init__(self, settings: Settings, ids: Sequence[FeedId], *, aloud: bool) -> None:
        """aloud: print at all."""
        self._settings, self._ids, self._aloud = settings, frozenset(ids), aloud
        self._waiting = set(ids)
        self.since = app.now()

    def feeds(self) -> list[FeedStatus]:
        """Their status now, without secrets. Raises StateError."""
        return [*public(self._settings, self._known()).values()]

    def _known(self) -> list[FeedStatus]:
        return [feed for feed in read_feeds(self._settings.state) if feed.id in self._ids]

    def looked(self) -> bool:
        """Prints new results. Returns whether there are more to wait for. Raises StateError."""
        if not is_there(self._settings.state):
            return True
        now = app.now()
        hosts = {host.name: host for host in read_hosts(self._settings.state, now=now)}
        known = self._known()
        told = public(self._settings, known)
        for feed in known:
            if feed.id not in self._waiting:
                continue
            host = hosts.get(urls.host_of(feed.moved_to or feed.url))
            if (feed.polled_at or 0) >= self.since:
                self._tell(feed.id, state_of(told[feed.id], now) + f"; {feed.new_last} new")
            elif host is not None and host.not_before - now > host.delay_ms:
                self._tell(feed.id, Text("is due, and not polled yet: ") + _held(host, now))
        return bool(self._waiting)

    def tell_the_rest(self) -> None:
        """Prints where the feeds stand that are no longer waited for."""
        self.looked()
        known = {feed.id for feed in self._known()}
        stopped = _stopped_by(self._settings) if self._waiting else None
        turn = Text("its host's turn is still to come") if stopped is None else clean(stopped)
        for feed_id in sorted(self._waiting):
            self._tell(feed_id, Text("is due, and ") + turn if feed_id in known else Text("is not taken up yet"))

    def _tell(self, feed_id: FeedId, what: Text) -> None:
        self._waiting.discard(feed_id)
        if self._aloud:
            print_line(clean(feed_id), what)


def _held(host: HostStatus, now: Millis) -> Text:
    refused = "" if host.refused_at is None else f" asked for patience, the last time {ago(host.refused_at, now)}, and"
    return Text("its host, ") + clean(host.name) + Text(f",{refused} is asked again {ago(host.not_before, now)}")
