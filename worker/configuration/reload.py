"""A configuration that is saved, or that SIGHUP asks for, is taken up by the worker that runs.

    saved? ─► read in a process of its own ─► refused whole: the old one stays in force, and `status` tells why
                                          └─► compared ─► what can't change live waits for the next start
                                                      └─► in force ─► store, in pieces ─► feeds that left are let go

It may be killed at any instant: the next start takes up what is in the files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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
"""From one look at the files to the next. A file is taken up when it was the same at two of them: then it is saved
whole. By their stamps, since file systems of networks and mounted ConfigMaps have no events."""
PIECE = 500
"""Feeds, or hosts, in one transaction: leases and commits get their turn between two."""
_MOST_SAID = 20

T = TypeVar("T")

log = structlog.stdlib.get_logger("feedmill.reload")


@dataclass(frozen=True, kw_only=True)
class Reload:
    """How a worker is told to read its configuration again."""

    config: Path
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by SIGHUP; cleared when it is heard."""
    began: Callable[[], None] = lambda: None
    ended: Callable[[], None] = lambda: None


class Reloader:
    """Watches the files of a configuration, and takes up what is saved there."""

    def __init__(
        self,
        reload: Reload,
        *,
        current: Current,
        store: Store,
        clock: Callable[[], Millis],
        follow: Callable[[], Awaitable[None]] | None = None,
        look_s: float = LOOK_S,
    ) -> None:
        """follow: moves what listens to where the settings in force say; raises FeedmillError where it can't."""
        self._reload, self._current, self._store, self._clock, self._look_s = reload, current, store, clock, look_s
        self._follow = follow
        self._refused: frozenset[Path] = frozenset()
        """Files with mistakes, which may not be among those of the settings in force."""

    async def run(self) -> None:
        """Until it is cancelled."""
        taken = before = await self._stamps()
        if not await asyncio.to_thread(lambda: all(map(is_unchanged, self._current.settings.listed))):
            self._reload.asked.set()  # a list was saved while the worker started
        while True:
            asked = await self._look()
            seen = await self._stamps()
            if asked or (seen == before and seen != taken):
                # Stamps of before it is read: what is saved meanwhile is read again. So are lists that are new in it.
                taken = seen
                try:
                    await self.take_up()
                except Exception:  # a defect of ours: the worker goes on with what it has
                    log.exception("reload.broken")
            before = seen

    async def _stamps(self) -> Mapping[Path, object]:
        return await asyncio.to_thread(stamps, self._current.settings, self._refused)

    async def _look(self) -> bool:
        """Waits for the next look; whether somebody asked."""
        try:
            await asyncio.wait_for(self._reload.asked.wait(), self._look_s)
        except TimeoutError:
            return False
        self._reload.asked.clear()
        return True

    async def take_up(self) -> None:
        """Reads the configuration, and takes it up or refuses it whole."""
        self._reload.began()
        try:
            known = self._current.known()
            await self._take_up(await asyncio.to_thread(read_elsewhere, self._reload.config, before=known))
        except FeedmillError as error:
            await self._refuse(error)
        finally:
            self._reload.ended()

    async def _refuse(self, error: FeedmillError) -> None:
        problems = [str(problem) for problem in error.problems] if isinstance(error, ConfigError) else [str(error)]
        self._refused = frozenset(
            Path(problem.file) for problem in (error.problems if isinstance(error, ConfigError) else ())
        )
        more = [f"… and {len(problems) - _MOST_SAID} more"] if len(problems) > _MOST_SAID else []
        said = [*problems[:_MOST_SAID], *more]
        log.error("reload.refused", problems=said)
        await self._insist(
            lambda: self._store.note_reload("\n".join(["refused, the configuration before is in force:", *said]))
        )

    async def _take_up(self, new: Settings) -> None:
        old = self._current.settings
        if new.is_blank and not old.is_blank:  # more likely cut off, as before it is written, than meant
            raise ConfigError([Problem(file=str(new.files[0]), message="is empty", hint="{} if that is meant")])
        taken = taken_up(old, new)
        settings = taken.settings
        difference = await asyncio.to_thread(_difference, old, settings)
        listed = {feed.id for feed in settings.feeds}
        left = [feed for feed_id, feed in self._current.known().items() if feed_id not in listed]
        await asyncio.to_thread(self._current.take_up, settings, leaving=left)
        # Secrets of feeds that left may still be in what is under way.
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
        """Why the page is not where it is to be."""
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
        """Until the state takes it: what is in force here must not differ from what stands there."""
        told = None
        while True:
            try:
                return await call()
            except StateError as error:
                if str(error) != told:
                    told = str(error)
                    log.error("store.unusable", error=told)
                await asyncio.sleep(1)


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """What a new list is against the one before."""

    added: Mapping[FeedId, Feed]
    moved: Mapping[FeedId, Feed]
    gone: frozenset[FeedId]
    repaced: list[Feed]
    """Their interval or cron line is another."""
    changed: int
    """Feeds of which anything is."""

    @property
    def changes(self) -> Mapping[FeedId, Feed | None]:
        return {**dict.fromkeys(self.gone), **self.moved, **self.added}

    @property
    def counts(self) -> Mapping[str, int]:
        return {"added": len(self.added), "removed": len(self.gone), "changed": self.changed}


def _difference(old: Settings, new: Settings) -> _Difference:
    before = {feed.id: feed for feed in old.feeds}
    after = {feed.id: feed for feed in new.feeds}
    changed = [(was, feed) for feed in new.feeds if (was := before.get(feed.id, feed)) != feed]
    return _Difference(
        added={feed_id: feed for feed_id, feed in after.items() if feed_id not in before},
        moved={feed.id: feed for was, feed in changed if was.url != feed.url},
        gone=frozenset(before.keys() - after.keys()),
        repaced=[feed for was, feed in changed if was.pace != feed.pace],
        changed=len(changed),
    )
