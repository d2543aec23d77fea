"""The connections that are kept: one pool for those to sites, and one for each proxy.

httpx's transport takes no network backend, so its pool is replaced; pyproject.toml keeps httpx to a version that has
it. A pool has no bound of its own: who fetches is counted above, and no request is ever to queue in a pool.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
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


class Pools:
    """Makes a pool when it is first asked for, and keeps it until `aclose`."""

    def __init__(
        self, *, context: ssl.SSLContext, resolver: Resolver, allow: Sequence[Network], max_connections: int
    ) -> None:
        """`max_connections`: to be kept, idle, by each pool."""
        self._context, self._resolver, self._allow = context, resolver, tuple(allow)
        self._max_connections = max_connections
        self._transports: dict[str | None, httpx.AsyncHTTPTransport] = {}

    def through(self, proxy: str | None) -> httpx.AsyncHTTPTransport:
        """What sends requests through `proxy`, an http(s) URL that may hold credentials; None: to the sites directly.

        Raises urls.BadUrl.
        """
        transport = self._transports.get(proxy)
        if transport is None:
            transport = httpx.AsyncHTTPTransport(verify=self._context, trust_env=False)
            transport._pool = self._pool() if proxy is None else self._proxy_pool(proxy)
            self._transports[proxy] = transport
        return transport

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()

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
