"""The connections that are kept: a pool for each site that is being asked, and one for each proxy.

httpcore goes through all connections of a pool at each request, and asks the system about those that are idle: with a
hundred sites in one pool that is the larger part of what a 304 costs. So a site has its own, for as long as its
connections may be kept.

httpx's transport takes no network backend, so its pool is replaced; pyproject.toml keeps httpx to a version that has
it. A pool has no bound of its own: who fetches is counted above, and no request is ever to queue in a pool.
"""

from __future__ import annotations

import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

import httpcore
import httpx

from worker import urls
from worker.fetch.addresses import Network
from worker.fetch.backend import GuardedBackend, left_s, refuse_private
from worker.fetch.resolve import NoAddress, Resolver

_KEEP_ALIVE_S = 4.0  # below the 5 s after which Apache and Node.js hang up, so that no request meets the hanging up
_OWN_DNS_S = 2.0
"""Waited for our own look-up of a name that the proxy looks up anyway: where there are proxies there may be no DNS."""


Origin = tuple[str, str, int]
"""Scheme, host and port."""


@dataclass(slots=True)
class _Pool:
    transport: httpx.AsyncHTTPTransport
    requests: int = 0
    """Under way."""
    used_at: float = 0.0
    """When the last one ended, by time.monotonic()."""


class Pools:
    """Makes a pool when it is first asked for, and keeps it while its connections may be kept, or until `aclose`."""

    def __init__(
        self, *, context: ssl.SSLContext, resolver: Resolver, allow: Sequence[Network], max_connections: int
    ) -> None:
        """`max_connections`: to be kept, idle; as many again by each proxy's pool."""
        self._context, self._resolver, self._allow = context, resolver, tuple(allow)
        self._max_connections = max_connections
        self._sites: OrderedDict[Origin, _Pool] = OrderedDict()
        """By origin, the one that was asked last at the end."""
        self._proxies: dict[str, httpx.AsyncHTTPTransport] = {}

    @asynccontextmanager
    async def to(self, origin: Origin, *, proxy: str | None) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """What sends a request to `origin`, for as long as the request takes.

        proxy: an http(s) URL, which may hold credentials, to ask through; None: the site is asked directly. Raises
        urls.BadUrl where that is none.
        """
        if proxy is not None:
            yield self._through(proxy)
            return
        pool = self._sites.get(origin)
        if pool is None:
            pool = self._sites[origin] = _Pool(self._transport(self._pool()))
        self._sites.move_to_end(origin)
        pool.requests += 1
        try:
            await self._close_old()
            yield pool.transport
        finally:
            pool.requests -= 1
            pool.used_at = time.monotonic()

    async def aclose(self) -> None:
        for pool in self._sites.values():
            await pool.transport.aclose()
        for transport in self._proxies.values():
            await transport.aclose()

    async def _close_old(self) -> None:
        """Those whose connections may not be kept any more, and more than may be kept. A site's connection is looked
        at when the site is asked again, which may be never."""
        for origin, pool in list(self._sites.items()):
            over = len(self._sites) > 2 * self._max_connections
            if not over and pool.used_at + _KEEP_ALIVE_S > time.monotonic():
                break
            if pool.requests == 0 and self._sites.get(origin) is pool:  # nobody closed it meanwhile
                del self._sites[origin]
                await pool.transport.aclose()

    def _through(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if proxy not in self._proxies:
            self._proxies[proxy] = self._transport(self._proxy_pool(proxy))
        return self._proxies[proxy]

    def _transport(self, pool: httpcore.AsyncConnectionPool) -> httpx.AsyncHTTPTransport:
        transport = httpx.AsyncHTTPTransport(verify=self._context, trust_env=False)
        transport._pool = pool
        return transport

    def _pool(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._context,
            max_connections=None,
            max_keepalive_connections=self._max_connections,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=GuardedBackend(resolver=self._resolver, allow=self._allow),
        )

    def _proxy_pool(self, proxy: str) -> httpcore.AsyncConnectionPool:
        return _ProxyPool(
            _proxy(proxy, self._context),
            context=self._context,
            resolver=self._resolver,
            allow=self._allow,
            max_connections=self._max_connections,
        )


def _proxy(url: str, context: ssl.SSLContext) -> httpcore.Proxy:
    scheme, host, port = urls.origin_of(url)
    parts = urlsplit(url)
    pair = unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")
    return httpcore.Proxy(
        httpcore.URL(scheme=scheme, host=host, port=port, target="/"),
        auth=pair if parts.username is not None else None,
        ssl_context=context if scheme == "https" else None,
    )


class _ProxyPool(httpcore.AsyncConnectionPool):
    """Plain requests are forwarded in their absolute form, TLS goes through a tunnel (RFC 9110 section 9.3.6).

    Which addresses the proxy finds for a name is not to be seen from here. What is not public by its own form, or by
    our own look-up, is refused all the same; a name that we can't look up is left to the proxy.
    """

    def __init__(
        self,
        proxy: httpcore.Proxy,
        *,
        context: ssl.SSLContext,
        resolver: Resolver,
        allow: Sequence[Network],
        max_connections: int,
    ) -> None:
        super().__init__(
            ssl_context=context,
            proxy=proxy,
            max_connections=None,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=GuardedBackend(resolver=resolver, to_proxy=True),
        )
        self._resolver, self._allow = resolver, allow

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        host = request.url.host.decode("ascii")
        answer = await self._resolver.addresses(host.rstrip("."), within_s=left_s(_OWN_DNS_S))
        if not isinstance(answer, NoAddress):
            refuse_private(host, answer, self._allow)
        if ":" in host:  # or httpcore asks for `http://2606:4700::1/`; the brackets go before TLS, in GuardedStream
            request.url.host = f"[{host}]".encode("ascii")
        return await super().handle_async_request(request)

    def create_connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        return _ClosedOnFailure(super().create_connection(origin))


class _ClosedOnFailure(httpcore.AsyncConnectionInterface):
    """A connection that is closed when a request fails on it.

    A tunnel of httpcore's whose handshake fails would stay in its pool for good, as one that is in use
    (https://github.com/encode/httpcore/issues/1023).
    """

    def __init__(self, inner: httpcore.AsyncConnectionInterface) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        try:
            return await self._inner.handle_async_request(request)
        except httpcore.ConnectionNotAvailable:  # it was not asked: the pool takes another one
            raise
        except BaseException:
            await self._inner.aclose()
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()

    def info(self) -> str:
        return self._inner.info()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return self._inner.can_handle_request(origin)

    def is_available(self) -> bool:
        return self._inner.is_available()

    def has_expired(self) -> bool:
        return self._inner.has_expired()

    def is_idle(self) -> bool:
        return self._inner.is_idle()

    def is_closed(self) -> bool:
        return self._inner.is_closed()
