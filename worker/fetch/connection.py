"""One connection, HTTP/1.1 over h11: what is asked, the head of the answer, and its body a piece at a time.

httpcore does the same, and with it a 304 cost 0.50 ms of CPU, of which h11 was 0.1: locks and events for any event
loop, traces that nobody reads, URLs and headers that each layer makes its own of.
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
"""Of a head, or the header of a chunk."""


class Connection:
    """For one request after the other, over a stream that is connected.

    Its methods raise what is in `failures.FOREIGN`. After that, or where an answer was not read to its end, or its
    server will hang up, it is not `reusable`.
    """

    def __init__(self, stream: Stream, *, prefix: bytes = b"", fields: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """prefix, fields: what a proxy that forwards wants before each target, and to be told."""
        self._stream, self._prefix, self._fields = stream, prefix, tuple(fields)
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_EVENT_BYTES)
        self._is_broken = False
        self.is_silent = False
        """Asked again, and nothing has come: its server may have hung up before it read the request."""

    async def ask(self, request: httpx.Request) -> h11.Response | h11.InformationalResponse:
        """The head of the answer."""
        target = self._prefix + request.extensions.get("target", request.url.raw_path)
        headers = [*request.headers.raw, *self._fields]
        return await self.send(h11.Request(method=request.method, target=target, headers=headers), request.content)

    async def send(self, request: h11.Request, content: bytes = b"") -> h11.Response | h11.InformationalResponse:
        """The head of the answer to this."""
        said = self._state.send(request)
        if content:
            said += self._state.send(h11.Data(content))
        said += self._state.send(h11.EndOfMessage())
        try:
            await self._stream.write(said)
        except httpcore.WriteError:
            self._is_broken = True  # who does not want to read it all may have answered before hanging up
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            # To an Upgrade among the headers of a feed; what follows is of another protocol.
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event

    async def body(self) -> AsyncIterator[bytes]:
        """The body of the answer, as it comes."""
        while isinstance(event := await self._next(), h11.Data):
            yield event.data

    @property
    def reusable(self) -> bool:
        """Whether it was left so that something else can be asked."""
        ended = self._state.our_state is h11.DONE and self._state.their_state is h11.DONE
        return ended and not self._is_broken and not self._state.trailing_data[0]

    def begin_anew(self) -> bool:
        """Whether it still stands, for the next request: nothing has come since, be it the end."""
        self._state.start_next_cycle()
        self.is_silent = True
        return not self._stream.is_readable()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _next(self) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            data = await self._stream.read(_READ_BYTES)
            if not data and self._state.their_state is h11.SEND_RESPONSE:  # of which h11 tells its own states
                raise httpcore.RemoteProtocolError("Server disconnected without sending a response.")
            self._state.receive_data(data)
            self.is_silent = False
        return event


async def open_tunnel(stream: Stream, target: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Has the proxy at the other end make the stream a tunnel to `target` (host:port). fields: what the proxy is to be
    told. Raises FetchError where it refuses."""
    proxy = Connection(stream)
    headers = [(b"host", target), (b"accept", b"*/*"), *fields]
    answer = await proxy.send(h11.Request(method=b"CONNECT", target=target, headers=headers))
    if not 200 <= answer.status_code < 300:
        raise FetchError("connect", f"the proxy opens no tunnel: {named(answer.status_code)}")
