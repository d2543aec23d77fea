"""The connection to the broker: kept up for ever, and sparing with log lines."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client

from worker.log import Sparing
from worker.model import Broker

CONNECT_S, AGAIN_S, CLOSE_S = 2, 0.5, 2.0
_DENIED = "nats: permissions violation"

log = structlog.stdlib.get_logger("feedmill.bus")


def words_of(error: BaseException) -> str:
    """What the broker, or the client library, says is wrong."""
    if isinstance(error, nats.js.errors.ServiceUnavailableError) and error.description is None:
        return "nobody answers for JetStream: is it enabled (nats-server -js)?"
    return getattr(error, "description", None) or str(error) or type(error).__name__


class Connection:
    """One per process."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.client = Client()
        self.number = 0
        """Counts the connections made. After each new one the broker may have lost everything it knew."""
        self._complaints, self._denials = Sparing(), Sparing()
        self._well_in = -1
        """The number of the connection on which all was well last."""
        self._beside: set[asyncio.Task[None]] = set()
        self._closing = False

    def open(self) -> None:
        """Connects in the background."""
        self.beside(self._connect())

    async def close(self) -> None:
        """Flushes what was sent last, for at most `CLOSE_S`, and disconnects."""
        self._closing = True
        tasks = list(self._beside)
        # Repeated, because a cancellation can get lost: before Python 3.12, wait_for (in which the client connects) may
        # return its result instead, and the client tries for ever (https://github.com/python/cpython/issues/86296).
        while not all(task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=AGAIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError, nats.errors.Error):
            if self.client.is_connected:
                await asyncio.wait_for(self.client.flush(), CLOSE_S)
        with contextlib.suppress(TimeoutError, nats.errors.Error):
            await asyncio.wait_for(self.client.close(), CLOSE_S)

    def beside(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def complain(self, error: str) -> None:
        """Logs a problem if it is new, and then once a minute."""
        if self._complaints.is_news(error):
            log.warning("bus.unreachable", bus=str(self._broker), error=error)

    def well(self) -> None:
        """Logs that the broker is reached, for the first time or again. May be called often."""
        if self._complaints.over() or self._well_in != self.number:
            self._well_in = self.number
            log.info("bus.reached", bus=str(self._broker))

    async def _connect(self) -> None:
        broker = self._broker
        await self.client.connect(
            servers=list(broker.servers),
            name="feedmill",
            user=broker.user,
            password=broker.password,
            token=broker.token,
            tls=ssl.create_default_context() if broker.servers[0].startswith("tls:") else None,
            connect_timeout=CONNECT_S,
            reconnect_time_wait=AGAIN_S,  # type: ignore[arg-type]  # it goes to asyncio.sleep
            max_reconnect_attempts=-1,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            reconnected_cb=self._on_found,
        )
        self.number += 1

    async def _on_error(self, error: Exception) -> None:
        if not words_of(error).startswith(_DENIED):
            self.complain(words_of(error))
        elif self._denials.is_news():  # each names the subject, of which there may be one for each message
            log.error("bus.denied", bus=str(self._broker), error=words_of(error))

    async def _on_lost(self) -> None:
        if not self._closing:
            self.complain("the connection was lost")

    async def _on_found(self) -> None:
        self.number += 1
