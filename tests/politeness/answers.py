"""What the sites answer, by the number of the request and by what it says."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate

from tests.site import Answer, Request, Route

PATIENCE_S = 3
FRESH_S = 4
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


def versions(headers_of: Callable[[int], Mapping[str, str]]) -> Answers:
    """`NEWS` requests see one version; a 304 has the headers that its 200 had."""

    def answers(n: int, request: Request) -> Answer:
        headers = headers_of(n // NEWS)
        if unchanged(request, headers):
            return Answer(status=304, headers=headers)
        return rss(document(n // NEWS), headers)

    return answers


def http_date(version: int) -> str:
    return formatdate(1_795_000_000 + version, usegmt=True)


steady = versions(lambda version: {"ETag": f'"{version}"', "Last-Modified": http_date(version)})


def restless(n: int, _: Request) -> Answer:
    """Other validators with the same body each time."""
    return rss(document(0), {"ETag": f'"{n}"', "Last-Modified": http_date(n)})


def turning(n: int, _: Request) -> Answer:
    """The same body with one validator or the other, as of two machines behind one name: a 200 takes the place of what
    was said before."""
    return rss(document(0), {"ETag": '"1"'} if n % 2 else {"Last-Modified": http_date(1)})


def deaf(n: int, _: Request) -> Answer:
    """A 200 whatever is asked."""
    return rss(document(n // NEWS), {"ETag": f'W/"{n // NEWS}"'})


def bare(n: int, request: Request) -> Answer:
    """A 304 without a header, whose validators stand."""
    answer = steady(n, request)
    return Answer(status=304) if answer.status == 304 else answer


def renewing(n: int, request: Request) -> Answer:
    """A 304 with validators that are new, as of a cluster whose machines disagree."""
    if n and request.headers.get("if-none-match") == f'"{n - 1}"':
        return Answer(status=304, headers={"ETag": f'"{n}"'})
    return rss(document(0), {"ETag": f'"{n}"'})


def throttled(status: int, *, dated: bool = False) -> Answers:
    """Each third request is refused."""

    def answers(n: int, request: Request) -> Answer:
        if n % 3 != 2:
            return steady(0, request)
        wait = formatdate(request.at_utc + PATIENCE_S + 1, usegmt=True) if dated else str(PATIENCE_S)
        return Answer(status=status, headers={"Retry-After": wait})

    return answers


def failing(n: int, request: Request) -> Answer:
    """Each fourth request fails; the validators outlive it."""
    return Answer(status=500) if n % 4 == 3 else steady(0, request)


def slow(n: int, _: Request) -> Answer:
    return Answer(body=document(n), content_type="application/rss+xml", delay_s=0.5)


def setting_cookies(n: int, request: Request) -> Answer:
    return adding(steady(n, request), {"Set-Cookie": f"session={n}; Path=/; Max-Age=3600"})


def max_age(n: int, request: Request) -> Answer:
    return adding(steady(n, request), {"Cache-Control": f"public, max-age={FRESH_S}"})


def expires(n: int, request: Request) -> Answer:
    return adding(steady(n, request), {"Expires": formatdate(request.at_utc + FRESH_S, usegmt=True)})


def adding(answer: Answer, fields: Mapping[str, str]) -> Answer:
    return replace(answer, headers={**answer.headers, **fields})
