"""The client: one GET, as one request, in one total time, becomes one outcome.

httpx's requests and answers go through a transport of our own, without `httpx.AsyncClient`. That would only add what is
not wanted here: cookies (http.cookiejar warns of a bug over a hostile Set-Cookie, and spends 0.2 s on 15,000 of them),
redirects (every Location is parsed, even if none is followed), proxies from the environment, credentials in the log;
and a fifth of the CPU time.
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
from worker.errors import shortage
from worker.fetch.addresses import Network
from worker.fetch.answer import Content, Head, meaning
from worker.fetch.backend import limited
from worker.fetch.body import whole_body
from worker.fetch.failures import FOREIGN, FetchError, failure_of, one_line, root
from worker.fetch.pools import Pools
from worker.fetch.request import Asking
from worker.fetch.resolve import Resolver
from worker.model import NO_VALIDATORS, Accepted, Fetched, FetchFailed, Outcome, Validators

_DNS_S = 10.0  # glibc's: two tries of 5 s
HEAD_BYTES = 192 * 1024  # h11 refuses a head over 100 KiB, after reading up to 64 more; this also bounds floods of 1xx
_UNWANTED_BYTES, _UNWANTED_S = 8 * 1024, 1.0  # limits for a body that is read only to reuse the connection


class Client:
    """Fetches any number of URLs at a time, at most `max_connections` of them on the network. An async context manager.
    Leaving it cancels what is under way."""

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
        """`timeout_s` is for a whole get, from the moment it gets its place on the network.

        `allow`: networks that may be asked besides the public ones. `proxy`: gives the http(s) URL of the proxy for a
        host, with its credentials, or None. A given `resolver` is not closed.
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
        """Sends one GET request for `url`. Returns its outcome, whatever its host and the network do. The request is
        repeated only if the server closed a kept connection without answering.

        Can be cancelled, which ends the request and frees its place on the network.

        `max_bytes` bounds the body, both as sent and decoded; with `truncate` a larger one is cut instead of refused.
        `headers`, and credentials in `url`, go to the origin of `url` and nowhere else, because no redirect is
        followed.

        Raises MachineError if this machine is short of something, or seems to be offline.
        """
        try:
            asking = Asking.of(url, user_agent=self._user_agent, accept=accept, headers=headers, validators=validators)
        except urls.BadUrl:
            return FetchFailed(kind="protocol", reason=one_line(f"not a URL to fetch: {urls.without_credentials(url)}"))
        return await self._answered(asking, max_bytes, truncate)

    async def post(self, url: str, form: Mapping[str, str]) -> Outcome | Accepted:
        """Sends one POST request with `form` to `url`, within the guards and limits of `get`. Any 2xx is Accepted; its
        body is not used."""
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
        # A task, so that leaving the client can cancel it. Cancelling the caller, who awaits it, cancels it as well.
        task = asyncio.create_task(self._outcome(asking, max_bytes, truncate))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await task

    async def _outcome(self, asking: Asking, max_bytes: int, truncate: bool) -> Outcome:
        async with self._places:
            try:
                return await self._ask(asking, max_bytes, truncate)
            except FOREIGN as error:
                if (lack := shortage(root(error))) is not None:
                    raise lack from error
                return failure_of(error, limit=f"{self._timeout_s:g} s (setting fetch.timeout)")

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
    """The request for httpx, with the URL in the parts that we parsed, so that httpx does not parse it differently.
    Raises FetchError, httpx.InvalidURL."""
    try:
        return httpx.Request(
            "GET" if asking.content is None else "POST",
            _site(asking.origin),
            headers=asking.headers(),
            content=asking.content,
            extensions={"target": asking.target, "proxy": proxy},
        )
    except ValueError as error:  # names or values with characters that are not allowed in them
        raise FetchError("protocol", "the URL or a header can't be sent over HTTP") from error


@functools.lru_cache(1000)  # parsing it takes as long as sending the request
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
    # More than twice the body, to leave room for the framing of chunks.
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
    """Reads an unwanted body if it is small and quick, so that the connection can be reused; otherwise the connection
    is closed."""
    until = min(deadline, time.monotonic() + _UNWANTED_S)
    with suppress(*FOREIGN), limited(deadline=until, wire_bytes=_UNWANTED_BYTES):
        async for _ in response.aiter_raw():
            pass


@functools.cache
def certificates() -> ssl.SSLContext:
    """Loaded once per process, because loading the authorities takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)
