"""Whether a page may be asked for: its site's robots.txt, which is itself asked for in the turn of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from worker import urls
from worker.fetch import Client
from worker.fetch.robots import MAX_BYTES, NoRules, Robots, Rules, Unreachable, finding
from worker.model import Ingest, Lease, Millis, Moved, Redirected, RobotsCopy, RobotsRead, Throttled

ACCEPT = "text/plain, */*;q=0.1"

_parsed = lru_cache(maxsize=512)(Robots.parse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """The page is not to be asked for."""

    reason: str
    for_good: bool
    """False: nobody knows yet what its site allows."""


class Gate:
    """Lets pages pass whose site allows it. One job asks for one thing: where the rules have to be read first, that is
    its request, and the page's comes when it is the host's turn again."""

    def __init__(self, client: Client, *, clock: Callable[[], Millis]) -> None:
        self._client, self._clock = client, clock

    async def stops(self, work: Ingest, url: str) -> Barred | Moved | RobotsRead | Throttled | None:
        """What there is to do instead of asking for `url`, the page of `work`; None: it may be asked for."""
        copy = work.robots or RobotsCopy(url=urls.robots_url(url))
        if copy.problem is not None:
            return Barred(reason=f"robots.txt of its site can't be read: {copy.problem}", for_good=False)
        wanted = url if copy.text is not None else copy.url
        if urls.host_of(wanted) != work.host:  # rules are shared by sites that redirect to one robots.txt
            return Moved(lease=work.lease, url=url, host=urls.host_of(wanted), hops=work.hops)
        if copy.text is None:
            return await self._read(work.lease, copy.url, host=urls.host_of(url))
        if not _parsed(copy.text).allows(url):
            return Barred(reason="robots.txt of its site does not allow to fetch the page", for_good=True)
        return None

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
                delay_ms = round((_parsed(text).crawl_delay_s or 0) * 1000)
                return RobotsRead(lease=lease, at=now, url=url, text=text, crawl_delay_ms=delay_ms, host=host)
