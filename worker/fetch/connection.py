"""One HTTP/1.1 connection, using h11: sends a request, gives the head of the answer, then its body in pieces.

httpcore does the same, but with it a 304 took 0.50 ms of CPU, of which h11 was 0.1: locks and events for any event
loop, traces that nobody reads, URLs and headers that each layer converts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import h11
import httpcore
import httpx

from worker.fetch.failures import FetchError, named
from worker.fetch.sockets import Stream

_READ_BYTES = 64 * 1024
_EVENT_BYTES = 100 * 1024
"""Maximum size of a head, or of the header of a chunk."""


class Connection:
    """Sends one request after the other over a connected stream.

    Methods raise what is in `failures.FOREIGN`. It is no longer `reusable` after that, or if an answer was not read to
    its end, or the server is going to close the connection.
    """

    def __init__(self, stream: Stream, *, prefix: bytes = b"", fields: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """prefix, fields: for a forwarding proxy, what comes before each target, and header fields for the proxy."""
        self._stream, self._prefix, self._fields = stream, prefix, tuple(fields)
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_EVENT_BYTES)
        self._is_broken = False
        self.is_silent = False
        """A further request was sent and nothing has come back: the server may have hung up before reading it."""

    async def ask(self, request: httpx.Request) -> h11.Response | h11.InformationalResponse:
        """Sends the request. Returns the head of the answer."""
        target = self._prefix + request.extensions.get("target", request.url.raw_path)
        headers = [*request.headers.raw, *self._fields]
        return await self.send(h11.Request(method=request.method, target=target, headers=headers), request.content)

    async def send(self, request: h11.Request, content: bytes = b"") -> h11.Response | h11.InformationalResponse:
        """Sends a request of h11. Returns the head of the answer."""
        said = self._state.send(request)
        if content:
            said += self._state.send(h11.Data(content))
        said += self._state.send(h11.EndOfMessage())
        try:
            await self._stream.write(said)
        except httpcore.WriteError:
            self._is_broken = True  # a server that won't read all of it may still have answered before hanging up
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            # The answer to an Upgrade among a feed's configured headers; another protocol follows.
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event

    async def body(self) -> AsyncIterator[bytes]:
        """The body of the answer, in pieces as they arrive."""
        while isinstance(event := await self._next(), h11.Data):
            yield event.data

    @property
    def reusable(self) -> bool:
        """Whether another request can be sent."""
        ended = self._state.our_state is h11.DONE and self._state.their_state is h11.DONE
        return ended and not self._is_broken and not self._state.trailing_data[0]

    def begin_anew(self) -> bool:
        """Prepares for the next request. Returns whether the connection still stands, which means that nothing has
        arrived since, not even its end."""
        self._state.start_next_cycle()
        self.is_silent = True
        return not self._stream.is_readable()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _next(self) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            data = await self._stream.read(_READ_BYTES)
            if not data and self._state.their_state is h11.SEND_RESPONSE:  # h11 would name its internal states instead
                raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
            self._state.receive_data(data)
            self.is_silent = False
        return event


async def open_tunnel(stream: Stream, target: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Makes the proxy at the other end turn the stream into a tunnel to `target` (host:port). fields: header fields for
    the proxy. Raises FetchError if it refuses."""
    proxy = Connection(stream)
    headers = [(b"host", target), (b"accept", b"*/*"), *fields]
    answer = await proxy.send(h11.Request(method=b"CONNECT", target=target, headers=headers))
    if not 200 <= answer.status_code < 300:
        raise FetchError("connect", f"the proxy opens no tunnel: {named(answer.status_code)}")
