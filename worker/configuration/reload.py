"""A running worker takes up its configuration when that is saved, or on SIGHUP.

    saved? ─► read in a separate process ─► refused whole: the old one stays in force, and `status` says why
                                        └─► compared ─► keys that can't change while running wait for the next start
                                                    └─► in force ─► store, in pieces ─► removed feeds are dropped

The worker may be killed at any moment: the next start takes up what is in the files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import structlog

from worker import log as logs
from worker.configuration.current import Current
from worker.configuration.reading import read_elsewhere
from worker.errors import ConfigError, FeedmillError, Problem, StateError
from worker.model import Feed, FeedId, Millis
from worker.settings import Settings, is_unchanged, stamps, taken_up
from worker.store import Store

LOOK_S = 2.0
"""Time between two looks at the files. A change is taken up when a file looks the same twice, because then it has been
saved completely. Files are compared by their stamps, because network file systems and mounted ConfigMaps have no
events."""
PIECE = 500
"""How many feeds or hosts one transaction changes, so that leases and commits get their turn in between."""
_MOST_SAID = 20

T = TypeVar("T")

log = structlog.stdlib.get_logger("feedmill.reload")


@dataclass(frozen=True, kw_only=True)
class Reload:
    """How a worker is told to read its configuration again."""

    config: Path
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by SIGHUP; cleared when it is noticed."""
    began: Callable[[], None] = lambda: None
    ended: Callable[[], None] = lambda: None


class Reloader:
    """Watches the files of a configuration, and takes up what is saved."""

    def __init__(
        self,
        reload: Reload,
        *,
        current: Current,
        store: Store,
        clock: Callable[[], Millis],
        follow: Callable[[], Awaitable[None]] | None,
    ) -> None:
        """follow: moves the status page to where the new settings say; raises FeedmillError if it can't. None: there is
        none."""
        self._reload, self._current, self._store, self._clock = reload, current, store, clock
        self._follow = follow
        self._refused: frozenset[Path] = frozenset()
        """Files with mistakes, to be watched even if the settings in force don't use them."""

    async def run(self) -> None:
        """Runs until it is cancelled."""
        taken = before = await self._stamps()
        if not await asyncio.to_thread(lambda: all(map(is_unchanged, self._current.settings.listed))):
            self._reload.asked.set()  # a list was saved while the worker started
        while True:
            asked = await self._look()
            seen = await self._stamps()
            if asked or (seen == before and seen != taken):
                # These stamps are older than the reading, so what is saved meanwhile, or newly listed, is read again.
                taken = seen
                try:
                    await self.take_up()
                except Exception:  # a defect of ours: the worker goes on with what it has
                    log.exception("reload.broken")
            before = seen

    async def _stamps(self) -> Mapping[Path, object]:
        return await asyncio.to_thread(stamps, self._current.settings, self._refused)

    async def _look(self) -> bool:
        """Waits for the next look. Returns whether it was asked for."""
        try:
            await asyncio.wait_for(self._reload.asked.wait(), LOOK_S)
        except TimeoutError:
            return False
        self._reload.asked.clear()
        return True

    async def take_up(self) -> None:
        """Reads the configuration, and takes it up or refuses it as a whole."""
        self._reload.began()
        try:
            known = self._current.known()
            await self._take_up(await asyncio.to_thread(read_elsewhere, self._reload.config, before=known))
        except FeedmillError as error:
            await self._refuse(error)
        finally:
            self._reload.ended()

    async def _refuse(self, error: FeedmillError) -> None:
        found = error.problems if isinstance(error, ConfigError) else ()
        self._refused = frozenset(Path(problem.file) for problem in found)
        problems = [str(problem) for problem in found or (error,)]
        more = [f"… and {len(problems) - _MOST_SAID} more"] if len(problems) > _MOST_SAID else []
        said = [*problems[:_MOST_SAID], *more]
        log.error("reload.refused", problems=said)
        await self._insist(
            lambda: self._store.note_reload("\n".join(["refused, the configuration before is in force:", *said]))
        )

    async def _take_up(self, new: Settings) -> None:
        old = self._current.settings
        if new.is_blank and not old.is_blank:  # more likely a file about to be written than meant
            raise ConfigError([Problem(file=str(new.files[0]), message="is empty", hint="{} if that is meant")])
        taken = taken_up(old, new)
        settings = taken.settings
        difference = await asyncio.to_thread(_difference, old, settings)
        listed = {feed.id for feed in settings.feeds}
        left = [feed for feed_id, feed in self._current.known().items() if feed_id not in listed]
        await asyncio.to_thread(self._current.take_up, settings, leaving=left)
        # Work under way may still use the secrets of removed feeds.
        secrets = await asyncio.to_thread(lambda: settings.secrets | old.secrets)
        logs.configure(level=settings.log.level, form=settings.log.format, secrets=secrets)
        if (settings.fetch.per_host, settings.fetch.hosts) != (old.fetch.per_host, old.fetch.hosts):
            await self._change_policies()
        await self._change_feeds(difference)
        repaced = iter(difference.repaced)
        while piece := list(islice(repaced, PIECE)):
            await self._insist(partial(self._store.replan, piece))
        leaving = [feed for feed in left if feed.id in self._store.awaited]
        await asyncio.to_thread(self._current.take_up, settings, leaving=leaving)
        self._refused = frozenset()
        waiting = [f"waits for the next start: {', '.join(taken.waiting)}"] if taken.waiting else []
        said = "; ".join([*waiting, *await self._not_followed()]) or None
        await self._insist(lambda: self._store.note_reload(said))
        log.info("reload.done", **difference.counts)
        if taken.waiting:
            log.warning("reload.waiting", keys=list(taken.waiting))

    async def _not_followed(self) -> list[str]:
        """Moves the status page. Returns why it could not be moved."""
        try:
            if self._follow is not None:
                await self._follow()
        except FeedmillError as error:
            log.error("reload.incomplete", error=str(error))
            return [f"the status page is where it was: {error}"]
        return []

    async def _change_feeds(self, difference: _Difference) -> None:
        changes = iter(difference.changes.items())
        while piece := dict(islice(changes, PIECE)):
            await self._insist(partial(self._store.take_up, piece, now=self._clock()))

    async def _change_policies(self) -> None:
        last: int | None = 0
        while last is not None:
            last = await self._insist(partial(self._store.change_policies, after=last, limit=PIECE))

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeats the call until the state accepts it, because the settings in force here must not differ from what is
        stored there."""
        complaints = logs.Sparing()
        while True:
            try:
                return await call()
            except StateError as error:
                if complaints.is_news(str(error)):
                    log.error("store.unusable", error=str(error))
                await asyncio.sleep(1)


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """How the new lists differ from the ones before."""

    changes: Mapping[FeedId, Feed | None]
    """Feeds that are new or have another URL; None for those that are gone."""
    repaced: Sequence[Feed]
    """Feeds with a different interval or cron line."""
    counts: Mapping[str, int]
    """How many feeds were added, removed, or changed in any way."""


def _difference(old: Settings, new: Settings) -> _Difference:
    before = {feed.id: feed for feed in old.feeds}
    gone = before.keys() - {feed.id for feed in new.feeds}
    added = [feed for feed in new.feeds if feed.id not in before]
    changed = [(was, feed) for feed in new.feeds if (was := before.get(feed.id, feed)) != feed]
    moved = [feed for was, feed in changed if was.url != feed.url]
    return _Difference(
        changes={**dict.fromkeys(gone), **{feed.id: feed for feed in (*moved, *added)}},
        repaced=[feed for was, feed in changed if was.pace != feed.pace],
        counts={"added": len(added), "removed": len(gone), "changed": len(changed)},
    )
