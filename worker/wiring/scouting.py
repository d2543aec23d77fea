"""Builds the parts that look at feeds for a command. Nothing is written, except the turns taken at hosts, in the state
of a running worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from worker.configuration.current import Current
from worker.model import Feed, Millis
from worker.pipeline import Discoverer, Discovery, Looks, Trial, Tried, Turns
from worker.pipeline.turns import LONGEST_WAIT_S
from worker.settings import Settings
from worker.store import Turn, end_turn, is_there, take_turn
from worker.wiring import app
from worker.wiring.means import Means, asker, pool


@dataclass(frozen=True, kw_only=True)
class Scout:
    """Looks at feeds politely, one request at a time."""

    _current: Current
    _discoverer: Discoverer
    _trial: Trial

    async def discover(self, url: str) -> Discovery:
        """The feeds of a site; see `Discoverer.discover`. Raises urls.BadUrl."""
        return await self._discoverer.discover(url)

    async def tried(self, feed: Feed, settings: Settings) -> Tried:
        """What a feed would give with the rules in `settings`; see `Trial.of`. What was fetched before is not fetched
        again."""
        self._current.take_up(settings)
        return await self._trial.of(feed)


@asynccontextmanager
async def scouting(settings: Settings) -> AsyncIterator[Scout]:
    """A `Scout` with the guards, delays and limits of the settings. Raises StateError."""
    current = Current(settings)
    turns = Turns(
        policies=current.policy,
        take=lambda host: _turn(settings, host),
        give_back=lambda turn: end_turn(settings.state, turn, now=app.now()),
        clock=app.now,
    )
    async with pool(settings) as cpu, asker(settings, proxy=current.proxy) as client:
        means = Means(settings=settings, client=client, cpu=cpu, feeds=current.feeds, clock=app.now)
        looks = Looks(client=client, turns=turns, max_bytes=settings.fetch.max_feed_bytes)
        yield Scout(
            _current=current,
            _discoverer=Discoverer(looks=looks, cpu=cpu, clock=app.now),
            _trial=Trial(poller=means.poller(), ingester=means.ingester(), turns=turns, looks=looks, clock=app.now),
        )


def _turn(settings: Settings, host: str) -> Turn | Millis | None:
    """The host's next turn beside the worker, for as long as a fetch may take."""
    if not is_there(settings.state):
        return None
    for_ms, patience_ms = round(settings.fetch.timeout_s * 1000), round(LONGEST_WAIT_S * 1000)
    return take_turn(settings.state, host, now=app.now(), for_ms=for_ms, patience_ms=patience_ms)
