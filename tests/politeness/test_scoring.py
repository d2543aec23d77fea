"""The scorer itself: for each column a log that has its fault, and that log's like which has not."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

import pytest

from tests.politeness.scoring import COLUMNS, Manners, counted, faults
from tests.site import Answer, Exchange, Request

UTC_S = 1_795_000_000.0
WELL = {"user-agent": "test/1", "accept-encoding": "gzip"}
MANNERS = Manners(
    listed=frozenset((f"{host}.localhost", path) for host in ("a", "b", "two", "d") for path in ("/", "/2", "/3")),
    delay_s=1.0,
    exceptions={"two.localhost": 2},
    total=3,
)


def asked(
    at: float,
    where: str = "a/",
    status: int = 200,
    *,
    took: float = 0.1,
    body: bytes = b"",
    sent: Mapping[str, str | None] | None = None,
    **answered: str,
) -> Exchange:
    """A request at `at`: `sent` are its headers besides `WELL`, `answered` those of the answer (`_` for `-`)."""
    host, _, path = where.partition("/")
    headers = {name: value for name, value in {**WELL, **(sent or {})}.items() if value is not None}
    return Exchange(
        request=Request(host=f"{host}.localhost", path=f"/{path}", headers=headers, at=at, at_utc=UTC_S + at),
        answer=Answer(status=status, body=body, headers={n.replace("_", "-"): v for n, v in answered.items()}),
        ended=at + took,
    )


def inm(etag: str, modified: str | None = None) -> dict[str, str]:
    return {"if-none-match": etag} | ({} if modified is None else {"if-modified-since": modified})


def ims(modified: str) -> dict[str, str]:
    return {"if-modified-since": modified}


ONE = asked(0, ETag="1", Last_Modified="then")
TWO = asked(2, sent=inm("1", "then"), ETag="2", Last_Modified="now")
MOVED = asked(0, status=301, Location="http://b.localhost:1/")
ROBOTS = b"User-agent: *\nDisallow: /private\nCrawl-delay: 3\n"
PAGES = asked(0, body=b"<link>http://c.localhost:1/1</link><link>http://c.localhost:1/private</link>")

FAULTS = {
    "unconditional: nothing sent": ("unconditional", [ONE, asked(2)]),
    "unconditional: after a 304 without headers": (
        "unconditional",
        [ONE, asked(2, status=304, sent=inm("1")), asked(4)],
    ),
    "unconditional: after a failure": ("unconditional", [ONE, asked(2, status=500, sent=inm("1")), asked(4)]),
    "unconditional: where a redirect led": (
        "unconditional",
        [MOVED, asked(2, "b/", ETag="1"), asked(4, status=301, Location="http://b.localhost/"), asked(6, "b/")],
    ),
    "stale: both": ("stale", [ONE, TWO, asked(4, sent=inm("1", "then"))]),
    "stale: the ETag alone": ("stale", [ONE, TWO, asked(4, sent=inm("1"))]),
    "stale: the date alone": ("stale", [ONE, TWO, asked(4, sent=ims("then"))]),
    "stale: a 304 gave new ones": (
        "stale",
        [ONE, asked(2, status=304, sent=inm("1"), ETag="2"), asked(4, sent=inm("1"))],
    ),
    "stale: a 200 gave none": ("stale", [ONE, asked(2, sent=inm("1")), asked(4, sent=inm("1"))]),
    "mixed": ("mixed", [ONE, TWO, asked(4, sent=inm("2", "then"))]),
    "mixed: what a 200 left out": ("mixed", [ONE, asked(2, sent=inm("1"), ETag="2"), asked(4, sent=inm("2", "then"))]),
    "bogus: made up": ("bogus", [ONE, asked(2, sent=inm("x"))]),
    "bogus: one of the two": ("bogus", [ONE, asked(2, sent=inm("1", "yesterday"))]),
    "bogus: parsed and written anew": ("bogus", [asked(0, ETag='W/"1"'), asked(2, sent=inm('"1"'))]),
    "bogus: where none were given": ("bogus", [asked(0), asked(2, sent=inm("1"))]),
    "bogus: another URL's": ("bogus", [ONE, asked(2, "b/", sent=inm("1"))]),
    "bogus: those of the URL that led there": (
        "bogus",
        [
            ONE,
            asked(2, status=301, sent=inm("1"), Location="http://b.localhost/"),
            asked(4, "b/", sent=inm("1")),
        ],
    ),
    "retry-after: seconds": ("retry-after", [asked(0, status=429, Retry_After="5"), asked(5.05)]),
    "retry-after: a date": (
        "retry-after",
        [asked(0, status=503, Retry_After=formatdate(UTC_S + 5, usegmt=True)), asked(4.9)],
    ),
    "retry-after: with a redirect": (
        "retry-after",
        [asked(0, status=302, Location="http://b.localhost/", Retry_After="5"), asked(4)],
    ),
    "retry-after: of two siblings": (
        "retry-after",
        [
            asked(0, status=429, Retry_After="9"),
            asked(2, "a/2", status=429, Retry_After="9"),
            asked(4, "a/3"),
        ],
    ),
    "fresh: max-age": ("fresh", [asked(0, Cache_Control="public, max-age=5"), asked(5.05)]),
    "fresh: Expires": ("fresh", [asked(0, Expires=formatdate(UTC_S + 5, usegmt=True)), asked(4.9)]),
    "fresh: of a 304": (
        "fresh",
        [ONE, asked(2, status=304, sent=inm("1"), Cache_Control="max-age=5"), asked(4, sent=inm("1"))],
    ),
    "delay: after an end": ("delay", [asked(0, took=0.5), asked(1.4, "a/2")]),
    "delay: after a start": ("delay", [asked(0, "two/"), asked(0.3, "two/"), asked(0.6, "two/")]),
    "delay: Crawl-delay": ("delay", [asked(0, "a/robots.txt", body=ROBOTS), asked(3)]),
    "burst: a host": ("burst", [asked(0, took=5), asked(2, "a/2")]),
    "burst: a host that may have two": ("burst", [asked(n * 2, "two/", took=9) for n in range(3)]),
    "burst: over all hosts": (
        "burst",
        [asked(n / 10, f"{name}/", took=9) for n, name in enumerate(("a", "b", "d", "two"))],
    ),
    "cookie": ("cookie", [asked(0, sent={"cookie": "a=1"})]),
    "referer": ("referer", [asked(0, sent={"referer": "http://b.localhost/"})]),
    "nameless: absent": ("nameless", [asked(0, sent={"user-agent": None})]),
    "nameless: empty": ("nameless", [asked(0, sent={"user-agent": " "})]),
    "encoding: absent": ("encoding", [asked(0, sent={"accept-encoding": None})]),
    "encoding: identity": ("encoding", [asked(0, sent={"accept-encoding": "identity"})]),
    "encoding: refused": ("encoding", [asked(0, sent={"accept-encoding": "gzip;q=0, br"})]),
    "target: a fragment": ("target", [asked(0, "a/#top")]),
    "target: a query put to it": ("target", [asked(0, "a/?null")]),
    "target: what a redirect did not say": ("target", [MOVED, asked(2, "b/feed")]),
    "robots: not asked": ("robots", [PAGES, asked(2, "c/1")]),
    "robots: disallowed": ("robots", [PAGES, asked(2, "c/robots.txt", body=ROBOTS), asked(9, "c/private")]),
}

FAULTLESS = {
    "nothing": [],
    "validators of the last version": [ONE, TWO, asked(4, sent=inm("2", "now"))],
    "one of the two": [ONE, asked(2, sent=ims("then")), asked(4)],
    "what a 304 leaves out": [
        ONE,
        asked(2, status=304, sent=inm("1", "then"), ETag="2"),
        asked(4, status=304, sent=inm("2", "then")),
    ],
    "validators that outlive a failure": [ONE, asked(2, status=500, sent=inm("1")), asked(4, sent=inm("1", "then"))],
    "a redirect is sent what it led to": [
        MOVED,
        asked(2, "b/", ETag="1"),
        asked(4, status=301, sent=inm("1"), Location="http://b.localhost/"),
        asked(6, "b/", sent=inm("1")),
    ],
    "a redirect is sent nothing": [ONE, asked(2, status=301, sent=inm("1"), Location="http://b.localhost/"), asked(4)],
    "after Retry-After": [asked(0, status=429, Retry_After="5"), asked(5.11)],
    "a sibling of one that is throttled": [asked(0, status=429, Retry_After="9"), asked(2, "a/2")],
    "after max-age": [asked(0, Cache_Control="max-age=5"), asked(5.11)],
    "an answer that came too late for the next": [asked(0, took=3, ETag="1"), asked(2, "b/"), asked(5, sent=inm("1"))],
    "other hosts at once": [asked(0, took=5), asked(0.1, "b/", took=5)],
    "two where there may be two": [asked(0, "two/", took=5), asked(0.4, "two/", took=5), asked(6, "two/")],
    "after Crawl-delay": [asked(0, "a/robots.txt", body=ROBOTS), asked(3.11)],
    "gzip among others": [asked(0, sent={"accept-encoding": "br;q=1.0, gzip;q=0.8"})],
    "a page that robots.txt allows": [PAGES, asked(2, "c/robots.txt", body=ROBOTS), asked(9, "c/1")],
    "a page of a site without robots.txt": [PAGES, asked(2, "c/robots.txt", 404), asked(9, "c/private")],
}


def scored(log: list[Exchange]) -> dict[str, int]:
    return {column: count for column, count in counted(faults(log, MANNERS)).items() if count}


@pytest.mark.parametrize(("column", "log"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_seen_and_counted_in_its_column_alone(column: str, log: list[Exchange]) -> None:
    """Whatever the order in which the log is kept."""
    assert scored(log) == {column: 1}
    assert scored(log[::-1]) == {column: 1}


@pytest.mark.parametrize("log", FAULTLESS.values(), ids=FAULTLESS.keys())
def test_what_is_well_done_is_no_fault(log: list[Exchange]) -> None:
    """In no column."""
    assert scored(log) == {}


def test_every_column_is_proved() -> None:
    """A column for which there is no log might be blind."""
    assert {column for column, _ in FAULTS.values()} == set(COLUMNS)
