"""The server: uvicorn within the worker's own loop, on a socket that is bound before anything else happens."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from worker.errors import WebError
from worker.settings import Endpoint

GRACE_S = 1
"""How long answers under way may take after a stop."""
HEAD_S = 10.0
"""How long a connection may take for the head of its first request, and after each answer for that of the next."""
READ_S = 30.0
"""How long an answer that is not read is kept for its client."""
MOST_CONNECTIONS = 100
"""A page needs one or two; beyond this, the answer is 503."""

log = structlog.stdlib.get_logger("feedmill.web")


class _Protocol(H11Protocol):
    """Ends connections that don't go on: uvicorn would wait for ever for the end of a head that has begun, for the rest
    of a body that it has answered without, and for an answer to be read."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._wait(HEAD_S, self._hang_up)

    def on_response_complete(self) -> None:
        if not self.flow.write_paused:
            self._wait(HEAD_S, self._hang_up)
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait(READ_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wait(HEAD_S, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, then)

    def _hang_up(self) -> None:
        cycle = getattr(self, "cycle", None)  # None without a request, although uvicorn's types don't say so
        if cycle is None or cycle.response_complete:
            self.transport.close()
            self._wait(READ_S, self.transport.abort)  # for what was written is still to be read


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does nothing: the command handles signals."""
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, endpoint: Endpoint, *, stop: asyncio.Event) -> AsyncIterator[str]:
    """Serves until the end, or until `stop` is set. Gives the URL. Raises WebError if the port can't be used."""
    listener = bound(endpoint)
    url = f"http://{Endpoint(host=endpoint.host, port=listener.getsockname()[1])}"
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    served = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(_end(server, stop))
    log.info("web.listening", url=url)
    try:
        yield url
    finally:
        stopped.cancel()
        server.should_exit = True
        await served


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def bound(endpoint: Endpoint) -> socket.socket:
    """A listening socket at that address. Raises WebError, which says what to do."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that a port just released can be used again
        listener.bind((endpoint.host, endpoint.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        busy = "another program, perhaps another feedmill, listens there"
        why = busy if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise WebError(
            f"can't listen on {endpoint}: {why}; give web.listen another port, or null for no status page"
        ) from error
    listener.setblocking(False)
    return listener
