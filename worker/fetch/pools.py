"""Sends httpx's requests over kept connections, each to one site, directly or through a proxy.

The number in use is not bounded here, because fetches are counted above, and no request must ever queue here.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Sequence

import httpcore
import httpx

from worker import urls
from worker.fetch.addresses import Network
from worker.fetch.backend import GuardedBackend, left_s, refuse_private
from worker.fetch.connection import Connection, open_tunnel
from worker.fetch.request import Headers
from worker.fetch.resolve import NoAddress, Resolver

_KEEP_ALIVE_S = 4.0  # less than the 5 s after which Apache and Node.js hang up, so that no request runs into that
_OWN_DNS_S = 2.0
"""How long to wait for our own lookup of a name that the proxy looks up anyway: behind a proxy there may be no DNS."""

Route = tuple[urls.Origin, str | None]
"""The origin, and the proxy it is reached through (None: directly)."""


class Pools(httpx.AsyncBaseTransport):
    """httpx's transport, with all our guards. Keeps reusable connections for a while, or until `aclose`."""

    def __init__(
        self, *, context: ssl.SSLContext, resolver: Resolver, allow: Sequence[Network], max_connections: int
    ) -> None:
        """`max_connections`: how many are in use at a time; twice as many are kept."""
        context.set_alpn_protocols(["http/1.1"])
        self._context, self._resolver, self._allow = context, resolver, tuple(allow)
        self._most = 2 * max_connections
        self._sites = GuardedBackend(resolver=resolver, allow=allow)
        self._proxies = GuardedBackend(resolver=resolver, to_proxy=True)
        self._kept: dict[Connection, tuple[Route, float]] = {}
        """With the time at which each was left (time.monotonic()), oldest first."""
        self._ways: dict[Route, list[Connection]] = {}
        """The same connections by route."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the head of the answer, within the limits of the fetch. The caller reads the body and closes it.

        A GET on a kept connection that its server has just closed is sent again over a new one.

        Extensions of a request: `target`, as in httpx; `proxy`, the http(s) URL of the proxy to use, which may contain
        credentials. Raises what is in `failures.FOREIGN`; urls.BadUrl if the proxy's URL is invalid.
        """
        url = request.url
        origin = url.scheme, url.raw_host.decode("ascii"), url.port or urls.DEFAULT_PORTS[url.scheme]
        route = origin, request.extensions.get("proxy")
        while True:
            connection = await self._connection(route)
            try:
                answer = await connection.ask(request)
            except BaseException as error:
                await connection.aclose()
                if not _may_be_repeated(request, connection, error):
                    raise
            else:
                body = _Body(self, connection, route)
                return httpx.Response(answer.status_code, headers=[*answer.headers], stream=body)

    async def _connection(self, route: Route) -> Connection:
        """A connection that nothing else uses."""
        origin, proxy = route
        if proxy is not None:
            await self._refuse_private(origin[1])
        await self._close_old()
        while kept := self._ways.get(route):
            connection = self._dropped(kept[-1])
            if connection.begin_anew():
                return connection
            await connection.aclose()
        return await (self._direct(origin) if proxy is None else self._through(proxy, origin))

    async def leave(self, connection: Connection, route: Route) -> None:
        """Keeps the connection if it is reusable; closes it otherwise."""
        if not connection.reusable:
            await connection.aclose()
            return
        self._kept[connection] = route, time.monotonic()
        self._ways.setdefault(route, []).append(connection)

    async def aclose(self) -> None:
        for connection in list(self._kept):
            await self._dropped(connection).aclose()

    async def _close_old(self) -> None:
        """Closes connections kept too long, and more than may be kept: their sites may never be asked again."""
        while self._kept:
            connection, (_, left_at) = next(iter(self._kept.items()))
            if len(self._kept) < self._most and left_at + _KEEP_ALIVE_S > time.monotonic():
                return
            await self._dropped(connection).aclose()

    def _dropped(self, connection: Connection) -> Connection:
        route, _ = self._kept.pop(connection)
        self._ways[route].remove(connection)
        if not self._ways[route]:
            del self._ways[route]
        return connection

    async def _direct(self, origin: urls.Origin) -> Connection:
        scheme, host, port = origin
        stream = await self._sites.connect_tcp(host, port)
        return Connection(await stream.start_tls(self._context, host) if scheme == "https" else stream)

    async def _through(self, proxy: str, origin: urls.Origin) -> Connection:
        """Plain requests are forwarded in absolute form; TLS goes through a tunnel (RFC 9110 section 9.3.6)."""
        (its_scheme, its_host, its_port), (scheme, host, port) = urls.origin_of(proxy), origin
        stream = await self._proxies.connect_tcp(its_host, its_port, asked=host)
        if its_scheme == "https":
            stream = await stream.start_tls(self._context, its_host)
        if scheme == "http":
            return Connection(stream, prefix=urls.site(origin).encode("ascii"), fields=_credentials(proxy))
        name = f"[{host}]" if ":" in host else host
        try:
            await open_tunnel(stream, f"{name}:{port}".encode("ascii"), _credentials(proxy))
            return Connection(await stream.start_tls(self._context, host))
        except BaseException:
            await stream.aclose()
            raise

    async def _refuse_private(self, host: str) -> None:
        """We can't see which addresses the proxy will find for a name. It is refused if it is itself a private address,
        or if our own lookup gives one. A name that we can't look up is left to the proxy."""
        answer = await self._resolver.addresses(host.rstrip("."), within_s=left_s(_OWN_DNS_S))
        if not isinstance(answer, NoAddress):
            refuse_private(host, answer, self._allow)


class _Body(httpx.AsyncByteStream):
    """The rest of an answer, on its connection."""

    def __init__(self, pools: Pools, connection: Connection, route: Route) -> None:
        self._pools, self._connection, self._route = pools, connection, route

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._connection.body()

    async def aclose(self) -> None:
        await self._pools.leave(self._connection, self._route)


def _may_be_repeated(request: httpx.Request, connection: Connection, error: BaseException) -> bool:
    """Whether the server closed the kept connection just before it got the request (RFC 9112 section 9.3.1)."""
    hung_up = isinstance(error, httpcore.ReadError | httpcore.RemoteProtocolError)
    return hung_up and connection.is_silent and request.method == "GET"


def _credentials(proxy: str) -> Headers:
    """The credentials in the proxy's URL, as a header field for it."""
    given = urls.basic(proxy)
    return [(b"proxy-authorization", given.encode("ascii"))] if given else []
