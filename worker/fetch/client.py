"""The client: one GET with its redirects within the host, in one total time, as one outcome.

httpx's transport is used without its `AsyncClient`, which adds only what must not be had here: cookies (http.cookiejar
warns of a bug over a hostile Set-Cookie, and spends 0.2 s on 15,000 of them), redirects (every Location is read, even
when none is to be followed, and `http://xn--/` raises idna's error), credentials in the log; and a fifth of the CPU.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import httpcore
import httpx

from worker import urls
from worker.fetch.addresses import Network
from worker.fetch.answer import Content, Elsewhere, Head, meaning
from worker.fetch.backend import GuardedBackend, limited
from worker.fetch.body import whole_body
from worker.fetch.failures import FOREIGN, FetchError, failure_of, one_line
from worker.fetch.request import Asking, Target
from worker.fetch.resolve import Resolver
from worker.model import Fetched, FetchFailed, Outcome, Redirected, Validators

MAX_REDIRECTS = 10
_KEEP_ALIVE_S = 4.0  # below the 5 s after which Apache and Node.js hang up, so that no request meets the hanging up
_HEAD_BYTES = 192 * 1024  # h11 refuses a head over 100 KiB, seen after a read of up to 64; this bounds 1xx floods too
_UNWANTED_BYTES, _UNWANTED_S = 8 * 1024, 1.0  # of a body that is only read so that its connection can be used again
_NONE_KNOWN = Validators()


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
        max_connections: int = 64,
        verify: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`timeout_s` is for a whole get, redirects included, from the moment that it has its place on the network.

        `allow` are networks that may be asked besides the public ones. A `resolver` that is given is not closed.
        """
        self._user_agent, self._timeout_s = user_agent, timeout_s
        self._resolver, self._closes_resolver = resolver or Resolver(), resolver is None
        self._places = asyncio.Semaphore(max_connections)
        self._under_way: set[asyncio.Task[Outcome]] = set()
        context = verify or _certificates()
        self._transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
        # The transport takes no backend, so its pool is replaced; pyproject.toml keeps httpx to a version that has it.
        # The pool has no bound of its own: `_places` is the bound, and no request is ever to queue in the pool.
        self._transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=GuardedBackend(resolver=self._resolver, allow=allow),
        )

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._transport.__aexit__(kind, error, trace)
        if self._closes_resolver:
            self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str,
        validators: Validators = _NONE_KNOWN,
        headers: Mapping[str, str] = {},
        hops: int = 0,
    ) -> Outcome:
        """What a GET of `url` comes to. Raises nothing for what the network does.

        Can be cancelled, which frees the caller at once, and the place on the network when the request has ended.

        `max_bytes` bounds the body, as it is sent and as it decodes. `headers`, and credentials in `url`, go to the
        origin of `url` alone. `validators` go to every URL of the host that redirects lead to: the answer that they
        came from was the last one. `hops` are the redirects that led to `url`; they count towards the
        `MAX_REDIRECTS` of a feed or page.
        """
        try:
            target = Target.of(url)
            asking = Asking.of(url, user_agent=self._user_agent, accept=accept, headers=headers, validators=validators)
        except urls.BadUrl:
            return FetchFailed(kind="protocol", reason=one_line(f"not a URL to fetch: {urls.without_credentials(url)}"))
        await self._places.acquire()
        # A task of its own, because cancelling a request leaks its connection: httpcore takes a lock before and after
        # it, outside of what it cleans up. Who is cancelled stops waiting; the request ends by its limits.
        task = asyncio.create_task(self._outcome(target, asking, max_bytes, hops))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self._under_way.discard(task)
        self._places.release()

    async def _outcome(self, target: Target, asking: Asking, max_bytes: int, hops: int) -> Outcome:
        try:
            return await self._follow(target, asking, max_bytes, hops)
        except FOREIGN as error:
            return failure_of(error)

    async def _follow(self, target: Target, asking: Asking, max_bytes: int, hops: int) -> Outcome:
        deadline = time.monotonic() + self._timeout_s
        permanent = True
        while True:
            outcome = await self._ask(target, asking, max_bytes, deadline)
            if not isinstance(outcome, Elsewhere):
                return outcome
            hops, permanent = hops + 1, permanent and outcome.permanent
            if hops > MAX_REDIRECTS:
                return FetchFailed(kind="redirects", reason=f"more than {MAX_REDIRECTS} redirects")
            host = target.host
            target = Target.of(outcome.url)
            if target.host != host:
                return Redirected(url=target.url, hops=hops, permanent=permanent)

    async def _ask(self, target: Target, asking: Asking, max_bytes: int, deadline: float) -> Outcome | Elsewhere:
        """One request and its answer."""
        with limited(deadline=deadline, wire_bytes=_HEAD_BYTES):
            response = await self._transport.handle_async_request(_request(target, asking))
        try:
            head = Head(status=response.status_code, fields=response.headers.raw)
            outcome = meaning(head, url=target.url, conditional=asking.conditional, now_s=time.time())
            if not isinstance(outcome, Content):
                await _discard(response, deadline)
                return outcome
            # Twice the body and something over: what the framing of chunks may add.
            with limited(deadline=deadline, wire_bytes=2 * max_bytes + _HEAD_BYTES):
                body = await whole_body(
                    response.aiter_raw(), coding=",".join(head.all("content-encoding")), max_bytes=max_bytes
                )
            return Fetched(
                url=target.url,
                status=head.status,
                content_type=head.first("content-type"),
                validators=head.validators,
                body=body,
            )
        finally:
            await response.aclose()


def _request(target: Target, asking: Asking) -> httpx.Request:
    try:
        return httpx.Request("GET", target.url, headers=asking.headers(target))
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: names and headers in characters they can't have
        raise FetchError("protocol", "the URL or a header can't be sent over HTTP") from error


async def _discard(response: httpx.Response, deadline: float) -> None:
    """Reads a body that nobody wants, if it is small and quick; otherwise its connection is closed."""
    until = min(deadline, time.monotonic() + _UNWANTED_S)
    with suppress(*FOREIGN), limited(deadline=until, wire_bytes=_UNWANTED_BYTES):
        async for _ in response.aiter_raw():
            pass


@functools.cache
def _certificates() -> ssl.SSLContext:
    """One for the process: loading the authorities takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)
