"""Requests of a command, which has no part in the worker's queue: each waits for its host's turn all the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from worker import urls
from worker.fetch import Client
from worker.model import MAX_REDIRECTS, Fetched, FetchFailed, HostPolicy, Millis, NotModified, Outcome, Redirected

LONGEST_WAIT_S = 60.0
MOST_REQUESTS = 30
"""Of one command, which may be led astray by what it reads."""


class Turns:
    """The hosts' turns: a delay from the end of one request to the start of the next, and what hosts asked for.

    not_before: until when the worker leaves a host alone, as its state says.
    """

    def __init__(
        self,
        *,
        policies: Callable[[str], HostPolicy],
        not_before: Callable[[str], Millis],
        clock: Callable[[], Millis],
    ) -> None:
        self._policies, self._not_before, self._clock = policies, not_before, clock
        self._ready: dict[str, float] = {}
        self._left = MOST_REQUESTS

    async def wait(self, host: str) -> str | None:
        """Until it is the host's turn; or why it is not asked at all."""
        self._left -= 1
        if self._left < 0:
            return f"more than {MOST_REQUESTS} requests"
        asked_s = (self._not_before(host) - self._clock()) / 1000
        if asked_s > LONGEST_WAIT_S:
            return f"{host} asked not to be asked for another {round(asked_s)} s"
        await asyncio.sleep(max(asked_s, self._ready.get(host, 0.0) - time.monotonic(), 0.0))
        return None

    def ended(self, host: str) -> None:
        """A request to it has come to its end."""
        self._ready[host] = time.monotonic() + self._policies(host).delay_ms / 1000


class Looks:
    """GETs that follow redirects, and ask for nothing twice."""

    def __init__(self, *, client: Client, turns: Turns, max_bytes: int) -> None:
        self._client, self._turns, self._max_bytes = client, turns, max_bytes
        self._had: dict[str, tuple[Fetched | FetchFailed, str]] = {}

    async def get(self, url: str, *, accept: str) -> tuple[Fetched | FetchFailed, str]:
        """What is there in the end, and where it is for good: at `url`, or where permanent redirects lead."""
        key = urls.canonical(url)
        if key not in self._had:
            self._had[key] = await self._followed(url, accept)
            if isinstance(self._had[key][0], Fetched):
                self._had.setdefault(urls.canonical(self._had[key][1]), self._had[key])
        return self._had[key]

    async def _followed(self, url: str, accept: str) -> tuple[Fetched | FetchFailed, str]:
        lasting, is_permanent = url, True
        for _ in range(MAX_REDIRECTS + 1):
            outcome = await self._asked(url, accept)
            match outcome:
                case Redirected():
                    is_permanent &= outcome.permanent and not (
                        url.startswith("https:") and not outcome.url.startswith("https:")
                    )
                    url = outcome.url
                    lasting = url if is_permanent else lasting
                case Fetched() | FetchFailed():
                    return outcome, lasting
                case NotModified():
                    return FetchFailed(kind="protocol", reason="304 to a request without validators"), lasting
                case _:
                    wait = "" if outcome.retry_after_s is None else f" ({outcome.retry_after_s:g} s)"
                    reason = f"{outcome.status}: its host asks for patience{wait}"
                    return FetchFailed(kind="status", status=outcome.status, reason=reason), lasting
        return FetchFailed(kind="redirects", reason=f"more than {MAX_REDIRECTS} redirects"), lasting

    async def _asked(self, url: str, accept: str) -> Outcome:
        host = urls.host_of(url)
        refusal = await self._turns.wait(host)
        if refusal is not None:
            return FetchFailed(kind="protocol", reason=refusal)
        try:
            return await self._client.get(url, max_bytes=self._max_bytes, accept=accept)
        finally:
            self._turns.ended(host)
