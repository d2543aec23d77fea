"""Requests of a command, which are not in the worker's queue but still wait for their host's turn."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from worker import urls
from worker.errors import MachineError
from worker.fetch import Client
from worker.model import (
    MAX_REDIRECTS,
    Fetched,
    FetchFailed,
    HostPolicy,
    Millis,
    NotModified,
    Outcome,
    Redirected,
    Throttled,
)
from worker.store import Turn
from worker.words import span

LONGEST_WAIT_S = 60.0
MOST_REQUESTS = 30
"""The most requests of one command, which may be misled by what it reads."""
_LOOK_S = 1.0
"""The longest time between two looks at a host that must not be asked yet, because that may end sooner than
announced."""


class Turns:
    """The turns of hosts: keeps the delay from the end of one request to the start of the next, waits that hosts asked
    for, and turns of others who ask them."""

    def __init__(
        self,
        *,
        policies: Callable[[str], HostPolicy],
        take: Callable[[str], Turn | Millis | None],
        give_back: Callable[[Turn], None],
        clock: Callable[[], Millis],
    ) -> None:
        """take: takes the next turn of a host beside a worker; returns a time before which there is none, or None if no
        worker knows the host. give_back: ends a turn. Both are called in a thread."""
        self._policies, self._take, self._give_back, self._clock = policies, take, give_back, clock
        self._ready: dict[str, float] = {}
        self._left = MOST_REQUESTS

    @asynccontextmanager
    async def at(self, host: str) -> AsyncIterator[str | None]:
        """Waits for the host's turn, for one request. Gives None when it has come, or the reason why the host is not
        asked at all."""
        self._left -= 1
        if self._left < 0:
            yield f"more than {MOST_REQUESTS} requests"
            return
        found = await self._turn(host)
        if isinstance(found, str):
            yield found
            return
        delay_ms = self._policies(host).delay_ms
        try:
            if found is not None:
                delay_ms = max(delay_ms, found.delay_ms)
                await asyncio.sleep(max(found.begins_at - self._clock(), 0) / 1000)
            yield None
        finally:
            self.leave(host, delay_ms / 1000)
            if found is not None:
                await asyncio.to_thread(self._give_back, found)

    def leave(self, host: str, seconds: float) -> None:
        """Leaves the host alone for so many seconds from now."""
        self._ready[host] = max(self._ready.get(host, 0.0), time.monotonic() + seconds)

    async def _turn(self, host: str) -> Turn | str | None:
        """Waits until the host is free. Returns the reason if that would take too long."""
        until = time.monotonic() + LONGEST_WAIT_S
        own_s = self._ready.get(host, 0.0) - time.monotonic()
        if own_s > LONGEST_WAIT_S:
            return _asked(host, own_s)
        await asyncio.sleep(max(own_s, 0.0))
        while not isinstance(found := await asyncio.to_thread(self._take, host), Turn | None):
            wait_s = (found - self._clock()) / 1000
            if wait_s > LONGEST_WAIT_S:
                return _asked(host, wait_s)
            if time.monotonic() > until:
                return f"the worker has asked {host} for {round(LONGEST_WAIT_S)} s on end"
            # Look before the time is up and take the turn in advance; exactly then the worker would take it as well.
            await asyncio.sleep(min(max(wait_s / 2, 0.02), _LOOK_S))
        return found


def _asked(host: str, seconds: float) -> str:
    return f"{host} asked not to be asked for another {round(seconds)} s"


class Looks:
    """GETs that follow redirects and fetch nothing twice."""

    def __init__(self, *, client: Client, turns: Turns, max_bytes: int) -> None:
        self._client, self._turns, self._max_bytes = client, turns, max_bytes
        self._had: dict[str, tuple[Fetched | FetchFailed, str]] = {}

    async def get(self, url: str, *, accept: str) -> tuple[Fetched | FetchFailed, str]:
        """The final answer, and the lasting address: `url`, or where permanent redirects lead."""
        key = urls.canonical(url)
        if key not in self._had:
            self._had[key] = await self._followed(url, accept)
            if isinstance(self._had[key][0], Fetched):
                self._had.setdefault(urls.canonical(self._had[key][1]), self._had[key])
        return self._had[key]

    def had(self, url: str) -> Fetched | None:
        """The document, if it was fetched before."""
        found, _ = self._had.get(urls.canonical(url), (None, ""))
        return found if isinstance(found, Fetched) else None

    async def _followed(self, url: str, accept: str) -> tuple[Fetched | FetchFailed, str]:
        lasting, is_permanent = url, True
        for _ in range(MAX_REDIRECTS + 1):
            outcome = await self._asked(url, accept)
            match outcome:
                case Redirected():
                    is_permanent &= outcome.permanent and not urls.loses_tls(url, outcome.url)
                    url = outcome.url
                    lasting = url if is_permanent else lasting
                case Fetched() | FetchFailed():
                    return outcome, lasting
                case NotModified():
                    return FetchFailed(kind="protocol", reason="304 to a request without validators"), lasting
                case _:
                    wait = (
                        "" if outcome.retry_after_s is None else f" ({span(math.ceil(outcome.retry_after_s) * 1000)})"
                    )
                    reason = f"{outcome.status}: its host asks for patience{wait}"
                    return FetchFailed(kind="status", status=outcome.status, reason=reason), lasting
        return FetchFailed(kind="redirects", reason=f"more than {MAX_REDIRECTS} redirects"), lasting

    async def _asked(self, url: str, accept: str) -> Outcome:
        host = urls.host_of(url)
        async with self._turns.at(host) as refusal:
            if refusal is not None:
                return FetchFailed(kind="protocol", reason=refusal)
            try:
                outcome = await self._client.get(url, max_bytes=self._max_bytes, accept=accept)
            except MachineError as error:
                return FetchFailed(kind="connect", reason=str(error))
        if isinstance(outcome, Throttled) and outcome.retry_after_s is not None:
            self._turns.leave(host, outcome.retry_after_s)
        return outcome
