"""The client: one GET, one request, in one total time, as one outcome.

httpx's requests and answers go over a transport of our own, without its `AsyncClient`, which adds only what must not be
had here: cookies (http.cookiejar warns of a bug over a hostile Set-Cookie, and spends 0.2 s on 15,000 of them),
redirects (every Location is read, even when none is to be followed), the environment's proxies, credentials in the log;
and a fifth of the CPU.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self
from urllib.parse import urlencode

import httpx

from worker import urls
from worker.fetch.addresses import Network
from worker.fetch.answer import Content, Head, meaning
from worker.fetch.backend import limited
from worker.fetch.body import whole_body
from worker.fetch.failures import FOREIGN, FetchError, failure_of, one_line
from worker.fetch.pools import Pools
from worker.fetch.request import Asking
from worker.fetch.resolve import Resolver
from worker.model import NO_VALIDATORS, Accepted, Fetched, FetchFailed, Outcome, Validators

_DNS_S = 10.0  # glibc's: two tries of 5 s
HEAD_BYTES = 192 * 1024  # h11 refuses a head over 100 KiB, seen after a read of up to 64; this bounds 1xx floods too
_UNWANTED_BYTES, _UNWANTED_S = 8 * 1024, 1.0  # of a body that is only read so that its connection can be used again


class Client:
    """Fetches, any number at a time, `max_connections` of them on the network. An async context manager.

    Leaving it cuts off what is under way.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        timeout_s: float,
        allow: Sequence[Network] = (),
        proxy: Callable[[str], str | None] = lambda _: None,
        max_connections: int = 64,
        verify: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`timeout_s` is for a whole get, from the moment that it has its place on the network.

        `allow` are networks that may be asked besides the public ones. `proxy` gives, for a host, the http(s) URL of
        the proxy to ask it through, with its credentials, or None. A `resolver` that is given is not closed.
        """
        self._user_agent, self._timeout_s, self._proxy = user_agent, timeout_s, proxy
        self._resolver = resolver or Resolver(threads=max_connections, timeout_s=min(_DNS_S, timeout_s))
        self._closes_resolver = resolver is None
        self._places = asyncio.Semaphore(max_connections)
        self._under_way: set[asyncio.Task[Outcome]] = set()
        self._pools = Pools(
            context=verify or certificates(), resolver=self._resolver, allow=allow, max_connections=max_connections
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._pools.aclose()
        if self._closes_resolver:
            self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str,
        validators: Validators = NO_VALIDATORS,
        headers: Mapping[str, str] = {},
        truncate: bool = False,
    ) -> Outcome:
        """What a GET of `url`, a single request, comes to. Raises nothing for what the network does. It is sent once
        more only where the server hung up, without a word, on a connection that it had kept.

        Can be cancelled, which cuts the request off, and frees its place on the network.

        `max_bytes` bounds the body, as it is sent and as it decodes; with `truncate` a larger one is cut, not refused.
        `headers`, and credentials in `url`, go to the origin of `url`, and nowhere else: no redirect is followed.
        """
        try:
            asking = Asking.of(url, user_agent=self._user_agent, accept=accept, headers=headers, validators=validators)
        except urls.BadUrl:
            return FetchFailed(kind="protocol", reason=one_line(f"not a URL to fetch: {urls.without_credentials(url)}"))
        return await self._answered(asking, max_bytes, truncate)

    async def post(self, url: str, form: Mapping[str, str]) -> Outcome | Accepted:
        """What a POST of `form` to `url`, a single request, comes to; within the guards and limits of `get`. Accepted
        is any of the 2xx, whose body nobody wants."""
        try:
            asking = Asking.of(
                url,
                user_agent=self._user_agent,
                accept="*/*",
                headers={"content-type": "application/x-www-form-urlencoded"},
                validators=NO_VALIDATORS,
                content=urlencode(form).encode("ascii"),
            )
        except urls.BadUrl:
            return FetchFailed(kind="protocol", reason=one_line(f"not a URL to ask: {urls.without_credentials(url)}"))
        outcome = await self._answered(asking, _UNWANTED_BYTES, truncate=True)
        match outcome:
            case Fetched(status=status):
                return Accepted(status=status)
            case FetchFailed(kind="status", status=status) if status is not None and 200 <= status < 300:
                return Accepted(status=status)
            case _:
                return outcome

    async def _answered(self, asking: Asking, max_bytes: int, truncate: bool) -> Outcome:
        # A task of its own, for who leaves the client to cut it off; who is cancelled that waits for it does the same.
        task = asyncio.create_task(self._outcome(asking, max_bytes, truncate))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await task

    async def _outcome(self, asking: Asking, max_bytes: int, truncate: bool) -> Outcome:
        async with self._places:
            try:
                return await self._ask(asking, max_bytes, truncate)
            except FOREIGN as error:
                return failure_of(error)

    async def _ask(self, asking: Asking, max_bytes: int, truncate: bool) -> Outcome:
        deadline = time.monotonic() + self._timeout_s
        proxy = self._proxy(asking.origin[1])
        with limited(deadline=deadline, wire_bytes=HEAD_BYTES):
            response = await self._pools.handle_async_request(request(asking, proxy=proxy))
        try:
            forwarded = proxy is not None and asking.origin[0] == "http"
            return await _read(response, asking, deadline, max_bytes, truncate, forwarded=forwarded)
        finally:
            await response.aclose()


def request(asking: Asking, *, proxy: str | None = None) -> httpx.Request:
    """It has the URL's parts as they were read, so that httpx does not read them otherwise. Raises FetchError,
    httpx.InvalidURL."""
    try:
        return httpx.Request(
            "GET" if asking.content is None else "POST",
            _site(asking.origin),
            headers=asking.headers(),
            content=asking.content,
            extensions={"target": asking.target, "proxy": proxy},
        )
    except ValueError as error:  # names and values in characters that they can't have
        raise FetchError("protocol", "the URL or a header can't be sent over HTTP") from error


@functools.lru_cache(1000)  # to read it again takes as long as to send it
def _site(origin: urls.Origin) -> httpx.URL:
    return httpx.URL(urls.site(origin))


async def _read(
    response: httpx.Response, asking: Asking, deadline: float, max_bytes: int, truncate: bool, *, forwarded: bool
) -> Outcome:
    now_s = time.time()
    head = Head(status=response.status_code, fields=response.headers.raw)
    outcome = meaning(head, url=asking.url, conditional=asking.conditional, forwarded=forwarded, now_s=now_s)
    if not isinstance(outcome, Content):
        await _discard(response, deadline)
        return outcome
    # Twice the body and something over: what the framing of chunks may add.
    with limited(deadline=deadline, wire_bytes=2 * max_bytes + HEAD_BYTES):
        body = await whole_body(
            response.aiter_raw(),
            coding=",".join(head.all("content-encoding")),
            max_bytes=max_bytes,
            truncate=truncate,
        )
    return Fetched(
        url=asking.url,
        status=head.status,
        content_type=head.first("content-type"),
        validators=head.validators,
        fresh=head.fresh(now_s),
        hub=head.hub(asking.url),
        body=body,
    )


async def _discard(response: httpx.Response, deadline: float) -> None:
    """Reads a body that nobody wants, if it is small and quick; otherwise its connection is closed."""
    until = min(deadline, time.monotonic() + _UNWANTED_S)
    with suppress(*FOREIGN), limited(deadline=until, wire_bytes=_UNWANTED_BYTES):
        async for _ in response.aiter_raw():
            pass


@functools.cache
def certificates() -> ssl.SSLContext:
    """One for the process: loading the authorities takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)
