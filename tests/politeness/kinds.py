"""The kinds of site that a client is scored by, each on a host of its own.

Times are what sites say, but in seconds where they say hours.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate

from tests.politeness.scoring import Manners, Where, where_of
from tests.site import Answer, Request, Route, Site

HORIZON_S = 35.0
"""How long a client is watched."""
DELAY_S = 0.3
"""Of a host."""
PATIENCE_S = 3
FRESH_S = 4
CRAWL_DELAY_S = 1
LONGEST_S = 8
"""The longest interval that failures lead to."""
NEWS = 5
"""Answers of one version, where there are versions."""
ODD_DATES = (
    "Mon, 23 Nov 2026 08:00:00 +0100 (CET)",
    "23-Nov-2026 7:00",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "yesterday, about noon",
    "Fri, 31 Feb 2099 25:61:00 GMT",
    "1795000000",
)

Answers = Callable[[int, Request], Answer]
"""By the number of the request, from 0 on, and the request."""
Feed = dict[str, object]
"""As feeds.yaml has it."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    name: str
    """And the label of its host."""
    feeds: Sequence[Feed]
    asked: Mapping[Where, tuple[int, int]]
    """How often each of these is asked within `HORIZON_S`, at least and at most."""
    concurrency: int = 1


def configuration(kinds: Sequence[Kind]) -> dict[str, object]:
    """The sections of worker.yaml."""
    hosts = {host(kind.name): {"concurrency": kind.concurrency} for kind in kinds if kind.concurrency > 1}
    per_host = {"concurrency": 1, "delay": f"{DELAY_S * 1000:.0f}ms"}
    return {
        "fetch": {"contact": "https://example.org/bot", "per_host": per_host, "hosts": hosts},
        "schedule": {"min": "1s", "first": "1s", "max": f"{LONGEST_S}s"},
    }


def manners(kinds: Sequence[Kind]) -> Manners:
    """What that asks of a client."""
    return Manners(
        listed=frozenset(where_of(str(feed["url"])) for kind in kinds for feed in kind.feeds),
        delay_s=DELAY_S,
        exceptions={host(kind.name): kind.concurrency for kind in kinds},
    )


def host(name: str) -> str:
    return f"{name}.localhost"


def all_kinds(site: Site) -> list[Kind]:
    """Every kind, added to the site."""
    return [
        *(_single(site, name, *script) for name, script in _SINGLE.items()),
        *(_adaptive(site, name, answers) for name, answers in _FRESH.items()),
        _moved(site),
        _moving(site),
        _away(site),
        _many(site, "six", 6, _steady),
        _many(site, "siblings", 3, _throttled(429), least=2),
        _many(site, "pair", 4, _slow, concurrency=2),
        _articles(site),
    ]


# --- answers --------------------------------------------------------------------------------------------------------


def document(version: int, links: Sequence[str] = ()) -> bytes:
    """A feed of two entries, the second of which is another in each version; and of one for each link."""
    items = [f"<guid>{n}</guid><title>Entry {n} of {version * n}</title>" for n in (0, 1)]
    items += [f"<guid>{link}</guid><link>{link}</link><title>Page {link[-1]}</title>" for link in links]
    text = "".join(f"<item>{item}<description>{'words ' * 60}</description></item>" for item in items)
    return f"<rss version='2.0'><channel><title>Feed</title>{text}</channel></rss>".encode()


def rss(body: bytes, headers: Mapping[str, str] = {}) -> Answer:
    return Answer(body=body, content_type="application/rss+xml", headers=headers)


def numbered(answers: Answers) -> Route:
    """A route by the number of the request."""
    numbers, lock = itertools.count(), threading.Lock()

    def route(request: Request) -> Answer:
        with lock:
            number = next(numbers)
        return answers(number, request)

    return route


def unchanged(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the request names this version, and no other: a server that looks at both validators."""
    sent = {
        name: request.headers[field]
        for name, field in (("ETag", "if-none-match"), ("Last-Modified", "if-modified-since"))
        if field in request.headers
    }
    return bool(sent) and sent.items() <= headers.items()


def _versions(headers_of: Callable[[int], Mapping[str, str]]) -> Answers:
    """`NEWS` requests see one version; a 304 has the headers that its 200 had."""

    def answers(n: int, request: Request) -> Answer:
        headers = headers_of(n // NEWS)
        if unchanged(request, headers):
            return Answer(status=304, headers=headers)
        return rss(document(n // NEWS), headers)

    return answers


def _date(version: int) -> str:
    return formatdate(1_795_000_000 + version, usegmt=True)


_steady = _versions(lambda version: {"ETag": f'"{version}"', "Last-Modified": _date(version)})


def _restless(n: int, _: Request) -> Answer:
    """Other validators with the same body each time."""
    return rss(document(0), {"ETag": f'"{n}"', "Last-Modified": _date(n)})


def _turning(n: int, _: Request) -> Answer:
    """The same body with one validator or the other, as of two machines behind one name: a 200 takes the place of what
    was said before."""
    return rss(document(0), {"ETag": '"1"'} if n % 2 else {"Last-Modified": _date(1)})


def _deaf(n: int, _: Request) -> Answer:
    """A 200 whatever is asked."""
    return rss(document(n // NEWS), {"ETag": f'W/"{n // NEWS}"'})


def _bare(n: int, request: Request) -> Answer:
    """A 304 without a header, whose validators stand."""
    answer = _steady(n, request)
    return Answer(status=304) if answer.status == 304 else answer


def _renewing(n: int, request: Request) -> Answer:
    """A 304 with validators that are new, as of a cluster whose machines disagree."""
    if n and request.headers.get("if-none-match") == f'"{n - 1}"':
        return Answer(status=304, headers={"ETag": f'"{n}"'})
    return rss(document(0), {"ETag": f'"{n}"'})


def _throttled(status: int, *, dated: bool = False) -> Answers:
    """Each third request is refused."""

    def answers(n: int, request: Request) -> Answer:
        if n % 3 != 2:
            return _steady(0, request)
        wait = formatdate(request.at_utc + PATIENCE_S + 1, usegmt=True) if dated else str(PATIENCE_S)
        return Answer(status=status, headers={"Retry-After": wait})

    return answers


def _failing(n: int, request: Request) -> Answer:
    """Each fourth request fails; the validators outlive it."""
    return Answer(status=500) if n % 4 == 3 else _steady(0, request)


def _slow(n: int, _: Request) -> Answer:
    return Answer(body=document(n), content_type="application/rss+xml", delay_s=0.5)


def _cookies(n: int, request: Request) -> Answer:
    return _with(_steady(n, request), {"Set-Cookie": f"session={n}; Path=/; Max-Age=3600"})


def _max_age(n: int, request: Request) -> Answer:
    return _with(_steady(n, request), {"Cache-Control": f"public, max-age={FRESH_S}"})


def _expires(n: int, request: Request) -> Answer:
    return _with(_steady(n, request), {"Expires": formatdate(request.at_utc + FRESH_S, usegmt=True)})


def _with(answer: Answer, fields: Mapping[str, str]) -> Answer:
    return replace(answer, headers={**answer.headers, **fields})


# --- kinds ----------------------------------------------------------------------------------------------------------

OFTEN = (8, 45)
"""Of a feed that is polled each second."""

_SINGLE: Mapping[str, tuple[Answers, int, int]] = {
    "strong": (_versions(lambda version: {"ETag": f'"{version}-é"'}), *OFTEN),
    "weak": (_versions(lambda version: {"ETag": f'W/"{version}"'}), *OFTEN),
    "unquoted": (_versions(lambda version: {"ETag": f"v{version}"}), *OFTEN),
    "odd-dates": (_versions(lambda version: {"Last-Modified": ODD_DATES[version % len(ODD_DATES)]}), *OFTEN),
    "both": (_steady, *OFTEN),
    "neither": (_versions(lambda _: {}), *OFTEN),
    "restless": (_restless, *OFTEN),
    "turning": (_turning, *OFTEN),
    "deaf": (_deaf, *OFTEN),
    "bare-304": (_bare, *OFTEN),
    "new-304": (_renewing, *OFTEN),
    "429": (_throttled(429), 6, 24),
    "429-dated": (_throttled(429, dated=True), 6, 24),
    "503": (_throttled(503), 6, 24),
    "failing": (_failing, 6, 40),
    "cookies": (_cookies, *OFTEN),
    "500": (lambda *_: Answer(status=500), 3, 12),
    "404": (lambda *_: Answer(status=404), 2, 9),
    "410": (lambda *_: Answer(status=410), 1, 6),
}
_FRESH: Mapping[str, Answers] = {"max-age": _max_age, "expires": _expires}


def _feed(url: str) -> Feed:
    return {"url": url, "every": "1s"}


def _single(site: Site, name: str, answers: Answers, least: int, most: int) -> Kind:
    url = site.add(name, "/feed", numbered(answers))
    return Kind(name=name, feeds=[_feed(url)], asked={where_of(url): (least, most)})


def _adaptive(site: Site, name: str, answers: Answers) -> Kind:
    """Without `every`: an interval of the operator's own is not stretched by what a site hints at."""
    url = site.add(name, "/feed", numbered(answers))
    return Kind(name=name, feeds=[{"url": url}], asked={where_of(url): (4, 10)})


def _moved(site: Site) -> Kind:
    """By 301 to another path, by 308 to another host: after some polls that is where it is asked."""
    new = site.add("moved-to", "/feed", numbered(_steady))
    then = site.add("moved", "/then", Answer(status=308, headers={"Location": new}))
    old = site.add("moved", "/feed", Answer(status=301, headers={"Location": "/then"}))
    asked = {where_of(old): (3, 6), where_of(then): (3, 6), where_of(new): OFTEN}
    return Kind(name="moved", feeds=[_feed(old)], asked=asked)


def _moving(site: Site) -> Kind:
    """It moves while it is watched: the validators that the old URL gave are nothing to the new one."""
    new = site.add("moving-to", "/feed", numbered(_versions(lambda version: {"ETag": f'"new {version}"'})))

    def answers(n: int, request: Request) -> Answer:
        return _steady(n, request) if n < NEWS else Answer(status=301, headers={"Location": new})

    old = site.add("moving", "/feed", numbered(answers))
    asked = {where_of(old): (NEWS + 3, NEWS + 6), where_of(new): (6, 45)}
    return Kind(name="moving", feeds=[_feed(old)], asked=asked)


def _away(site: Site) -> Kind:
    """A 302 moves nothing: each poll asks the old URL."""
    now = site.add("302", "/now", numbered(_steady))
    url = site.add("302", "/feed", Answer(status=302, headers={"Location": now}))
    return Kind(name="302", feeds=[_feed(url)], asked={where_of(url): OFTEN, where_of(now): OFTEN})


def _many(site: Site, name: str, count: int, answers: Answers, *, least: int = 4, concurrency: int = 1) -> Kind:
    """Several feeds on one host."""
    urls = [site.add(name, f"/{n}", numbered(answers)) for n in range(count)]
    return Kind(
        name=name,
        feeds=[_feed(url) for url in urls],
        asked={where_of(url): (least, 45) for url in urls},
        concurrency=concurrency,
    )


def _articles(site: Site) -> Kind:
    """A feed whose entries are pages; robots.txt takes some of them out, and asks for time."""
    rules = f"User-agent: *\nDisallow: /private/\nCrawl-delay: {CRAWL_DELAY_S}\n".encode()
    robots = site.add("articles", "/robots.txt", Answer(body=rules, content_type="text/plain"))
    html = f"<html><body><article><h1>A page</h1><p>{'Some words of it. ' * 60}</p></article></body></html>".encode()
    open_pages = [site.add("articles", f"/open/{n}", Answer(body=html)) for n in range(4)]
    closed = [site.add("articles", f"/private/{n}", Answer(body=html)) for n in range(2)]
    body = document(0, [*open_pages, *closed])
    feed = site.add("articles", "/feed", rss(body, {"ETag": '"1"'}))
    asked = {
        where_of(feed): (4, 40),
        where_of(robots): (1, 2),
        **{where_of(page): (1, 1) for page in open_pages},
        **{where_of(page): (0, 0) for page in closed},
    }
    return Kind(name="articles", feeds=[{"url": feed, "every": "2s"}], asked=asked)
