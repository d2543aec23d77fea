"""Whether a page may be fetched according to its site's robots.txt, which is itself fetched in the turn of a page.

A site's rules are untrusted text. Short ones are parsed here at once. Long ones take up to 0.3 s and 6 MB, for as many
hosts as a name server cares to invent, and are parsed in the CPU processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from worker import urls
from worker.cpu.pool import Pool
from worker.errors import TaskError
from worker.fetch import Client
from worker.fetch.robots import MAX_BYTES, NoRules, Robots, Rules, Unreachable, allows, crawl_delay_s, finding
from worker.model import Ingest, Lease, Millis, Moved, Redirected, RobotsCopy, RobotsRead, Throttled

ACCEPT = "text/plain, */*;q=0.1"
SHORT_BYTES = 16 * 1024
"""Rules up to this size are parsed here; the worst of them take 10 ms."""

_parsed = lru_cache(maxsize=256)(Robots.parse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """The page must not be fetched."""

    reason: str
    for_good: bool
    """False: it is not known yet what its site allows."""


class Gate:
    """Lets pages pass if their site allows it. A job sends one request: if the rules have to be read first, it is that
    one, and the page is fetched when it is the host's turn again."""

    def __init__(self, client: Client, cpu: Pool, *, clock: Callable[[], Millis]) -> None:
        self._client, self._cpu, self._clock = client, cpu, clock

    async def stops(self, work: Ingest, url: str) -> Barred | Moved | RobotsRead | Throttled | None:
        """What to do instead of fetching `url`, the page of `work`; None: it may be fetched."""
        copy = work.robots or RobotsCopy(url=urls.robots_url(url))
        if copy.problem is not None:
            return Barred(reason=f"robots.txt of its site can't be read: {copy.problem}", for_good=False)
        wanted = url if copy.text is not None else copy.url
        if urls.host_of(wanted) != work.host:  # sites that redirect to one robots.txt share its rules
            return Moved(lease=work.lease, url=url, host=urls.host_of(wanted), hops=work.hops)
        if copy.text is None:
            return await self._read(work.lease, copy.url, host=urls.host_of(url))
        try:
            allowed = await self._allows(copy.text, url)
        except TaskError as error:
            return Barred(reason=f"robots.txt of its site can't be read: {error}", for_good=False)
        if not allowed:
            return Barred(reason="robots.txt of its site does not allow to fetch the page", for_good=True)
        return None

    async def _allows(self, text: bytes, url: str) -> bool:
        if len(text) <= SHORT_BYTES:
            return _parsed(text).allows(url)
        return await self._cpu.run(allows, text, url)

    async def _delay_s(self, text: bytes) -> float | None:
        if len(text) <= SHORT_BYTES:
            return _parsed(text).crawl_delay_s
        return await self._cpu.run(crawl_delay_s, text)

    async def _read(self, lease: Lease, url: str, *, host: str) -> RobotsRead | Throttled:
        found = finding(await self._client.get(url, max_bytes=MAX_BYTES, accept=ACCEPT, truncate=True))
        now = self._clock()
        match found:
            case Throttled():
                return found
            case Redirected(url=see):
                return RobotsRead(lease=lease, at=now, url=url, see=see, host=urls.host_of(see))
            case Unreachable(reason=reason):
                return RobotsRead(lease=lease, at=now, url=url, problem=reason, host=host)
            case NoRules():
                return RobotsRead(lease=lease, at=now, url=url, text=b"", host=host)
            case Rules(text=text):
                try:
                    delay_ms = round((await self._delay_s(text) or 0) * 1000)
                except TaskError as error:
                    return RobotsRead(lease=lease, at=now, url=url, problem=str(error), host=host)
                return RobotsRead(lease=lease, at=now, url=url, text=text, crawl_delay_ms=delay_ms, host=host)
