"""The parts beside the engine for people and programs outside: the watch over silent feeds, and the status page.

Both go by the settings in force: `follow` moves the page to the address they name now, and the watch notifies the
webhook they name now.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from worker import __version__
from worker.configuration.current import Current
from worker.cpu.pool import Pool
from worker.engine import Engine, running
from worker.errors import WebError
from worker.fetch import post_json, user_agent
from worker.model import Millis
from worker.pipeline import Hubs, Streamed
from worker.settings import Endpoint, Settings
from worker.store import Reader, Store
from worker.watch import Tell, Watch

if TYPE_CHECKING:  # importing it takes half a second, which only matters when the page is served
    from starlette.routing import BaseRoute

    from worker import web

TELL_S = 10.0
"""Time limit for notifying a webhook."""


class Outside:
    """Runs until `parts` are closed or `stop` is set."""

    def __init__(
        self,
        current: Current,
        *,
        engine: Engine,
        store: Store,
        cpu: Pool,
        streamed: Streamed | None,
        clock: Callable[[], Millis],
        parts: AsyncExitStack,
        stop: asyncio.Event,
    ) -> None:
        self._current, self._engine, self._store, self._cpu = current, engine, store, cpu
        self._streamed = streamed
        self._clock, self._parts, self._stop = clock, parts, stop
        self._reader = parts.enter_context(Reader(current.settings.state, damaged=store.lose))
        self._watch = Watch(reader=self._reader, feeds=lambda: current.feeds, clock=clock, tell=self._tell)
        self._sources: web.Sources | None = None
        self._world: Sequence[BaseRoute] = ()
        self._served = AsyncExitStack()
        self._there: tuple[Endpoint | None, str | None] = None, None
        """The page's present address, and the token it requires."""

    async def start(self) -> None:
        """Raises WebError if the address can't be used."""
        await self._parts.enter_async_context(running(self._watch.run()))
        self._parts.push_async_callback(lambda: self._served.aclose())
        await self.follow()

    async def follow(self) -> None:
        """Serves the page at the address and with the token that the settings in force name. If that fails, it stays
        where it was, with its old token: raises WebError."""
        wanted, there = self._wanted(), self._there
        if wanted == there:
            return
        await self._leave()
        try:
            await self._listen(*wanted)
        except WebError:
            await self._listen(*there)
            raise

    def _wanted(self) -> tuple[Endpoint | None, str | None]:
        web = self._current.settings.web
        return web.listen, web.token

    async def _leave(self) -> None:
        self._there = None, None
        await self._served.aclose()

    async def _listen(self, endpoint: Endpoint | None, token: str | None) -> None:
        if endpoint is None:
            return
        web = await asyncio.to_thread(importlib.import_module, "worker.web")
        if self._sources is None:
            self._sources = await self._all_of_it()
        self._served = AsyncExitStack()
        page = web.site(self._sources, token=token, world=self._world)
        await self._served.enter_async_context(web.serving(page, endpoint, stop=self._stop))
        self._there = endpoint, token

    async def _all_of_it(self) -> web.Sources:
        """Everything the page shows."""
        from worker import web

        settings, engine = self._current.settings, self._engine
        activity = web.Activity(engine.meters)
        await self._parts.enter_async_context(running(activity.run(self._clock)))
        if callback(settings) is not None:
            hubs = Hubs(store=self._store, clock=self._clock, wake=engine.wake)
            self._world = web.callbacks(hubs, max_bytes=settings.fetch.max_feed_bytes)
        return web.Sources(
            version=__version__,
            state=settings.state,
            output=settings.output.dir,
            seal_after_ms=round(settings.output.seal_after_s * 1000),
            vitals=engine.vitals,
            meters=engine.meters,
            cpu=self._cpu.load,
            streamed=self._streamed,
            reader=self._reader,
            figures=web.Figures(self._reader),
            activity=activity,
            feeds=lambda: self._current.feeds,
            silent=lambda: self._watch.silent,
            ask=self._store.ask,
            clock=self._clock,
        )

    def _tell(self) -> Tell | None:
        settings = self._current.settings
        url = settings.alerts.webhook
        return None if url is None else _teller(url, user_agent(settings.fetch.contact, __version__))


@functools.lru_cache(maxsize=1)
def _teller(url: str, who: str) -> Tell:
    """Cached, so that it stays the same object as long as the webhook is the same: by this the watch knows whom it has
    notified."""
    return lambda value: post_json(url, value, user_agent=who, timeout_s=TELL_S)


def callback(settings: Settings) -> Callable[[str], str] | None:
    """The URL at which hubs reach us, given a subscription's token; None: they can't."""
    root = settings.web.public_url
    if root is None or settings.web.listen is None:
        return None
    return lambda token: f"{root.rstrip('/')}/websub/{token}"
