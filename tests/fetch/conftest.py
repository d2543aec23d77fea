"""Sites on loopback, and clients that may ask them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from ipaddress import ip_network
from typing import Any

import pytest
import trustme

from tests.fetch.proxy import Proxy, ServeProxy
from tests.fetch.sites import Answers, Get, NewClient, Serve, Site
from worker.fetch import Client


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Starts a site or a proxy, until the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(site: Site, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
            patience: dict[str, Any] = {} if tls is None else {"ssl_shutdown_timeout": 0.1}
            server = await asyncio.start_server(site.converse, host, 0, ssl=tls, **patience)
            site.port = server.sockets[0].getsockname()[1]
            stack.push_async_callback(site.aclose)
            stack.callback(server.close)

        yield start


@pytest.fixture
def serve(listen: Callable[..., Awaitable[None]]) -> Serve:
    """Starts sites: `await serve(answer(b"…"), …)`."""

    async def start(*answers: Answers, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Site:
        site = Site(list(answers), scheme="http" if tls is None else "https")
        await listen(site, host=host, tls=tls)
        return site

    return start


@pytest.fixture
def serve_proxy(listen: Callable[..., Awaitable[None]]) -> ServeProxy:
    """Starts proxies: `await serve_proxy(site)`."""

    async def start(site: Site, *answers: Answers, tls: ssl.SSLContext | None = None) -> Proxy:
        proxy = Proxy(list(answers), behind=site)
        await listen(proxy, tls=tls)
        return proxy

    return start


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What trusts `authority` alone."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def tls(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """A server's side of TLS for the names given."""

    def context(*names: str) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(made)
        return made

    return context


@pytest.fixture
async def new_client(trusting: ssl.SSLContext) -> AsyncIterator[NewClient]:
    """Makes clients that may ask 127.0.0.0/8, unless told otherwise."""
    async with AsyncExitStack() as stack:

        async def make(*, allow: tuple[str, ...] = ("127.0.0.0/8",), **options: Any) -> Client:
            given: dict[str, Any] = {"user_agent": "feedmill/test", "timeout_s": 5.0, "verify": trusting} | options
            return await stack.enter_async_context(Client(allow=[ip_network(net) for net in allow], **given))

        yield make


@pytest.fixture
async def client(new_client: NewClient) -> Client:
    return await new_client()


@pytest.fixture
def get(client: Client) -> Get:
    """A get by `client` of at most 1 MB."""
    return partial(client.get, max_bytes=1_000_000, accept="*/*")
