"""What a client did wrong, by the log of the sites that it asked: the columns are those of Rachel Kroll's feed reader
test (https://rachelbythebay.com/fs/help.html), and what else a host's patience is lost by.

Pure: a log goes in, faults come out. A request is judged by what had been answered in full before it came, and by
nothing that was answered later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from tests.site import Answer, Exchange, Request

COLUMNS = {
    "unconditional": "without validators, although the URL had given some",
    "stale": "with validators of an older version",
    "mixed": "with the ETag of one answer and the Last-Modified of another",
    "bogus": "with validators that the URL never gave",
    "retry-after": "before the end of a Retry-After; of the host's, once two of its URLs have sent one",
    "fresh": "before max-age or Expires had passed",
    "delay": "sooner after another request to the host than its delay, or its Crawl-delay, allows",
    "burst": "more at once than the host, or the client, is to have",
    "cookie": "with a cookie",
    "referer": "with a Referer",
    "nameless": "without a User-Agent",
    "encoding": "without gzip in Accept-Encoding",
    "target": "with a fragment, or of a URL that nobody had named",
    "robots": "a page that robots.txt disallows, or robots.txt not asked before",
}
_LATE_S = 0.05
"""What a server may be late to notice that a request has begun. What is measured from an answer's end needs no such
allowance: it was sent after that."""
CLOCK_S = 0.03
"""By how much the machine's clock may be set meanwhile. feedmill plans by that clock, to the millisecond, and what is
measured goes by the monotonic one; that of a virtual machine which has just been resumed was set by up to 13 ms."""
_LINK = re.compile(rb"https?://[^\s<>\"']+")

Where = tuple[str, str]
"""Host, and path with query: one server plays all hosts, so the port says nothing."""
Pair = tuple[str | None, str | None]
"""ETag and Last-Modified."""


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What the client was told."""

    listed: frozenset[Where]
    """The feeds."""
    delay_s: float
    concurrency: int = 1
    """Of a host."""
    exceptions: Mapping[str, int] = field(default_factory=dict)
    """Hosts of another concurrency."""
    total: int = 64
    """Requests at once, over all hosts."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    column: str
    request: Request
    detail: str

    def __str__(self) -> str:
        return f"{self.column}: {self.request.host}{self.request.path} at {self.request.at:.3f}: {self.detail}"


def counted(faults: Iterable[Fault]) -> dict[str, int]:
    """The number of faults of each column."""
    counts = Counter(fault.column for fault in faults)
    return {column: counts[column] for column in COLUMNS}


def heading() -> str:
    """Of a table of `row`s."""
    return f"{'':16}{'requests':>9}" + "".join(f"{column:>{len(column) + 2}}" for column in COLUMNS)


def row(name: str, requests: int, found: Iterable[Fault]) -> str:
    """A client's faults by column."""
    counts = counted(found)
    return f"{name:16}{requests:9,}" + "".join(f"{count:>{len(column) + 2}}" for column, count in counts.items())


def faults(log: Iterable[Exchange], manners: Manners) -> list[Fault]:
    """All faults in a log, in the order of the requests."""
    by_start = sorted(log, key=lambda exchange: exchange.request.at)
    by_end = sorted(by_start, key=lambda exchange: exchange.ended)
    web, told = _Web(manners), 0
    found: list[Fault] = []
    under_way: list[Exchange] = []
    for exchange in by_start:
        request = exchange.request
        while by_end[told].ended <= request.at:
            web.answered(by_end[told])
            told += 1
        under_way = [other for other in under_way if other.ended > request.at]
        found += web.judged(request, [other.request for other in under_way])
        under_way.append(exchange)
    return found


@dataclass
class _Resource:
    """What a URL has said so far."""

    versions: list[Pair] = field(default_factory=list)
    """The validators that it has given, the last ones last."""
    fresh_until: float = 0.0
    leads_to: Where | None = None


@dataclass
class _Host:
    starts: list[float] = field(default_factory=list)
    ended: float = float("-inf")
    delay_s: float = 0.0
    refused: dict[Where, float] = field(default_factory=dict)
    """Until when its URLs have asked for patience."""
    robots: RobotFileParser | None = None


class _Web:
    """What the client can know."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._feeds = set(manners.listed)
        self._fronts: set[Where] = set()
        """Front pages of sites whose feed is lost: they may name it, and are looked at once in a while."""
        self._pages: set[Where] = set()
        self._resources: dict[Where, _Resource] = {}
        self._hosts: dict[str, _Host] = {}

    def answered(self, exchange: Exchange) -> None:
        where, answer = _where(exchange.request), exchange.answer
        resource, host = self._resource(where), self._host(where[0])
        host.ended = exchange.ended
        if "Retry-After" in answer.headers:
            host.refused[where] = exchange.ended + _seconds(answer.headers["Retry-After"], exchange)
        resource.fresh_until = exchange.ended + _lifetime_s(exchange)
        if answer.status in (200, 304):
            resource.leads_to = None
            given = _given(answer, resource.versions)
            if resource.versions[-1:] != [given]:
                resource.versions.append(given)
        if answer.status == 200 and where in self._feeds:
            self._pages |= {where_of(link.decode()) for link in _LINK.findall(answer.body)}
        if 300 < answer.status < 304 or 306 < answer.status < 309:
            resource.leads_to = where_of(urljoin(f"http://{where[0]}{where[1]}", answer.headers["Location"]))
            (self._feeds if where in self._feeds else self._pages).add(resource.leads_to)
        if answer.status in (404, 410) and where in self._feeds:
            self._fronts.add((where[0], "/"))
        if where[1] == "/robots.txt":
            host.robots = RobotFileParser()
            host.robots.parse(answer.body.decode().splitlines() if answer.status == 200 else [])
            host.delay_s = max(host.delay_s, float(host.robots.crawl_delay("feedmill") or 0))

    def judged(self, request: Request, under_way: Sequence[Request]) -> Iterator[Fault]:
        where = _where(request)
        said = [
            *self._of_validators(request, where),
            *self._of_time(request, where),
            *self._of_crowding(where[0], under_way),
            *self._of_robots(request, where),
            *_of_headers(request.headers),
        ]
        self._host(where[0]).starts.append(request.at)
        if "#" in request.path:
            said.append(("target", "a fragment"))
        elif where not in self._feeds | self._pages | self._fronts and where[1] != "/robots.txt":
            said.append(("target", "nobody had named it"))
        return (Fault(column=column, request=request, detail=detail) for column, detail in said)

    def _of_validators(self, request: Request, where: Where) -> Iterator[tuple[str, str]]:
        sent = (request.headers.get("if-none-match"), request.headers.get("if-modified-since"))
        resource = self._resource(where)
        if sent == (None, None):
            if resource.leads_to is None and resource.versions and resource.versions[-1] != (None, None):
                yield "unconditional", f"it had given {resource.versions[-1]}"
            return
        # What a redirect leads to is the same feed, and while it redirects a URL compares nothing with it (RFC 9110
        # section 13.2.1). The other way round, a validator may mean another version.
        told = [self._resource(place).versions for place in self._chain(where)]
        given = [pair for versions in told for pair in versions]
        if any(_match(sent, versions[-1]) for versions in told if versions):
            return
        if any(_match(sent, pair) for pair in given):
            yield "stale", f"{sent}, where {[versions[-1] for versions in told if versions]} is the last"
        elif all(value is None or value in {pair[n] for pair in given} for n, value in enumerate(sent)):
            yield "mixed", f"{sent} of {given}"
        else:
            yield "bogus", f"{sent}, where it gave {given}"

    def _of_time(self, request: Request, where: Where) -> Iterator[tuple[str, str]]:
        at, resource, host = request.at + CLOCK_S, self._resource(where), self._host(where[0])
        refused = {url: until for url, until in host.refused.items() if until > at}
        until = max(refused.values()) if len(refused) > 1 else refused.get(where, 0.0)
        if at < until:
            yield "retry-after", f"{until - at:.3f} s too soon"
        if at < resource.fresh_until:
            yield "fresh", f"{resource.fresh_until - at:.3f} s too soon"
        delay_s, places = max(self._manners.delay_s, host.delay_s), self._places(where[0])
        # Of several that may be under way one may be slow to arrive, and the next one on time: so many starts are
        # held against the delay together.
        began = host.starts[-places] if len(host.starts) >= places else float("-inf")
        if at + _LATE_S < began + delay_s:
            yield "delay", f"{at - began:.3f} s after a start, not {delay_s}"
        elif places == 1 and at < host.ended + delay_s:
            yield "delay", f"{at - host.ended:.3f} s after an end, not {delay_s}"

    def _places(self, host: str) -> int:
        return self._manners.exceptions.get(host, self._manners.concurrency)

    def _of_crowding(self, host: str, under_way: Sequence[Request]) -> Iterator[tuple[str, str]]:
        here = 1 + sum(request.host == host for request in under_way)
        if here > self._places(host):
            yield "burst", f"{here} at once"
        elif len(under_way) + 1 > self._manners.total:
            yield "burst", f"{len(under_way) + 1} at once over all hosts"

    def _of_robots(self, request: Request, where: Where) -> Iterator[tuple[str, str]]:
        if where not in self._pages - self._feeds:
            return
        robots = self._host(where[0]).robots
        if robots is None:
            yield "robots", "robots.txt had not been asked"
        elif not robots.can_fetch(request.headers.get("user-agent", ""), f"http://{where[0]}{where[1]}"):
            yield "robots", "disallowed"

    def _chain(self, where: Where) -> list[Where]:
        """`where`, and what it redirects to."""
        chain = [where]
        while (then := self._resource(chain[-1]).leads_to) is not None and then not in chain:
            chain.append(then)
        return chain

    def _resource(self, where: Where) -> _Resource:
        return self._resources.setdefault(where, _Resource())

    def _host(self, name: str) -> _Host:
        return self._hosts.setdefault(name, _Host())


def _of_headers(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if "cookie" in headers:
        yield "cookie", headers["cookie"]
    if "referer" in headers:
        yield "referer", headers["referer"]
    if not headers.get("user-agent", "").strip():
        yield "nameless", "no User-Agent"
    codings = [coding.replace(" ", "") for coding in headers.get("accept-encoding", "").lower().split(",")]
    if not any(re.fullmatch(r"gzip(;q=(0\.\d*[1-9]\d*|1(\.0*)?))?", coding) for coding in codings):
        yield "encoding", repr(headers.get("accept-encoding"))


def _given(answer: Answer, before: Sequence[Pair]) -> Pair:
    """The validators that hold after an answer: those that a 304 leaves out stand (RFC 9111 section 4.3.4)."""
    etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    if answer.status == 304 and before:
        return etag or before[-1][0], modified or before[-1][1]
    return etag, modified


def _match(sent: Pair, given: Pair) -> bool:
    """Whether what is sent is of this version, be it one of its two validators alone."""
    return all(value in (None, known) for value, known in zip(sent, given, strict=True))


def _lifetime_s(exchange: Exchange) -> float:
    found = re.search(r"max-age=(\d+)", exchange.answer.headers.get("Cache-Control", ""))
    return float(found[1]) if found else _seconds(exchange.answer.headers.get("Expires", "0"), exchange)


def _seconds(value: str, exchange: Exchange) -> float:
    """From the exchange's end on: of a number of seconds, or a date."""
    if value.isdecimal():
        return float(value)
    ended_utc = exchange.request.at_utc + exchange.ended - exchange.request.at
    return parsedate_to_datetime(value).timestamp() - ended_utc


def _where(request: Request) -> Where:
    return request.host, request.path


def where_of(url: str) -> Where:
    """Host, and path with query, of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
