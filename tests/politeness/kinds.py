"""The kinds of site that a client is scored by, each on a host of its own.

Times are what sites say, but in seconds where they say hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.politeness.answers import (
    NEWS,
    ODD_DATES,
    Answers,
    bare,
    deaf,
    document,
    expires,
    failing,
    max_age,
    numbered,
    renewing,
    restless,
    rss,
    setting_cookies,
    slow,
    steady,
    throttled,
    turning,
    versions,
)
from tests.politeness.scoring import Manners, Where, where_of
from tests.site import Answer, Request, Site

HORIZON_S = 35.0
"""How long a client is watched."""
DELAY_S = 0.3
"""Of a host."""
CRAWL_DELAY_S = 1
LONGEST_S = 8
"""The longest interval that failures lead to."""

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
        _many(site, "six", 6, steady),
        _many(site, "siblings", 3, throttled(429), least=2),
        _many(site, "pair", 4, slow, concurrency=2),
        _articles(site),
    ]


# --- kinds ----------------------------------------------------------------------------------------------------------

OFTEN = (8, 45)
"""Of a feed that is polled each second."""

_SINGLE: Mapping[str, tuple[Answers, int, int]] = {
    "strong": (versions(lambda version: {"ETag": f'"{version}-é"'}), *OFTEN),
    "weak": (versions(lambda version: {"ETag": f'W/"{version}"'}), *OFTEN),
    "unquoted": (versions(lambda version: {"ETag": f"v{version}"}), *OFTEN),
    "odd-dates": (versions(lambda version: {"Last-Modified": ODD_DATES[version % len(ODD_DATES)]}), *OFTEN),
    "both": (steady, *OFTEN),
    "neither": (versions(lambda _: {}), *OFTEN),
    "restless": (restless, *OFTEN),
    "turning": (turning, *OFTEN),
    "deaf": (deaf, *OFTEN),
    "bare-304": (bare, *OFTEN),
    "new-304": (renewing, *OFTEN),
    "429": (throttled(429), 4, 24),
    "429-dated": (throttled(429, dated=True), 4, 24),
    "503": (throttled(503), 4, 24),
    "failing": (failing, 6, 40),
    "cookies": (setting_cookies, *OFTEN),
    "500": (lambda *_: Answer(status=500), 3, 12),
    "404": (lambda *_: Answer(status=404), 2, 9),
    "410": (lambda *_: Answer(status=410), 1, 6),
}
_FRESH: Mapping[str, Answers] = {"max-age": max_age, "expires": expires}


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
    new = site.add("moved-to", "/feed", numbered(steady))
    then = site.add("moved", "/then", Answer(status=308, headers={"Location": new}))
    old = site.add("moved", "/feed", Answer(status=301, headers={"Location": "/then"}))
    asked = {where_of(old): (3, 6), where_of(then): (3, 6), where_of(new): OFTEN}
    return Kind(name="moved", feeds=[_feed(old)], asked=asked)


def _moving(site: Site) -> Kind:
    """It moves while it is watched: the validators that the old URL gave are nothing to the new one."""
    new = site.add("moving-to", "/feed", numbered(versions(lambda version: {"ETag": f'"new {version}"'})))

    def answers(n: int, request: Request) -> Answer:
        return steady(n, request) if n < NEWS else Answer(status=301, headers={"Location": new})

    old = site.add("moving", "/feed", numbered(answers))
    asked = {where_of(old): (NEWS + 3, NEWS + 6), where_of(new): (6, 45)}
    return Kind(name="moving", feeds=[_feed(old)], asked=asked)


def _away(site: Site) -> Kind:
    """A 302 moves nothing: each poll asks the old URL."""
    now = site.add("302", "/now", numbered(steady))
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
