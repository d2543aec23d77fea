"""robots.txt (RFC 9309): what getting it means, and what it allows.

The rules are read and matched by protego. Which group of them is ours is found here: protego keeps the rules of every
group, and writes each into all the agents of its group (1,500 agents and 3,000 rules, 50 kB, take it 6 s; protego
0.7.0), and it takes a group for `feed` to be one for `feedmill`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self, assert_never

from protego import Protego

from worker.model import Fetched, FetchFailed, NotModified, Outcome, Redirected, Throttled

MAX_BYTES = 500 * 1024
"""Of a robots.txt are read (RFC 9309 section 2.5): what `Client.get` is given, with `truncate`."""
LONGEST_DELAY_S = 300.0
"""A Crawl-delay beyond is taken for this: at a day, as some write, a feed's articles would never all be fetched."""

_TOKEN = "feedmill"  # noqa: S105  # our product token (section 2.2.1), the name in our User-Agent
_MAX_RULES = 5_000
"""Of our group. A URL of 8,000 characters against as many wildcards takes 0.1 s; 500 KiB of them would take 0.8."""
_AGENT = re.compile(r"user[- ]?agent(?:\s*:|\s|$)\s*(?P<name>\*(?=\s|$)|[a-z_-]*)", re.IGNORECASE | re.ASCII)
_RULE = re.compile(r"(?:di[a-z]+w|allow|crawl[- ]delay)(?![a-z])", re.IGNORECASE | re.ASCII)
"""protego forgives `dissallow` and the like, and a missing colon."""


# --- what getting it comes to -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """There is a robots.txt: its first `MAX_BYTES`, for `Robots.parse`."""

    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRules:
    """The site has none, or none that it gives away: everything is allowed (section 2.3.1.3)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """Nobody knows what the site allows: nothing is, for now (section 2.3.1.4)."""

    reason: str


Finding = Rules | NoRules | Unreachable | Throttled | Redirected


def finding(outcome: Outcome) -> Finding:
    """What the outcome of getting robots.txt says. Throttled and Redirected are for the host's turn, as ever.

    A redirect too many, which the caller counts, is a `NoRules` (section 2.3.1.2). So is all else that would be the
    same when asked again: a robots.txt in a coding that nobody asked for is one that can't be had.
    """
    match outcome:
        case Fetched(body=body):
            return Rules(text=body[:MAX_BYTES])
        case Redirected() | Throttled():
            return outcome
        case FetchFailed(status=status, reason=reason) if outcome.lasting or (status is not None and status < 400):
            return NoRules(reason=reason)
        case FetchFailed(reason=reason):
            return Unreachable(reason=reason)
        case NotModified():
            return Unreachable(reason="304 Not Modified to a request that named no version")
        case _:
            assert_never(outcome)


# --- what it allows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """The rules of a site for feedmill, or those for everybody where it names none."""

    _rules: Protego = field(repr=False)
    crawl_delay_s: float | None
    """From one request to the next, 0 to `LONGEST_DELAY_S`; no part of RFC 9309, but widely meant."""

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """What can be read of the first `MAX_BYTES` of `text`; lines that make no sense say nothing.

        Takes 0.1 s at most.
        """
        groups = _groups(text)
        rules = Protego.parse("\n".join(["User-agent: *", *groups.get(_TOKEN, groups.get("*", []))]))
        delay_s = rules.crawl_delay(_TOKEN)
        return cls(_rules=rules, crawl_delay_s=None if delay_s is None else min(delay_s, LONGEST_DELAY_S))

    def allows(self, url: str) -> bool:
        """Whether `url`, an absolute http(s) URL of the site, may be fetched. The longest rule that matches decides."""
        return self._rules.can_fetch(url, _TOKEN)


def allows(text: bytes, url: str) -> bool:
    """`Robots.allows` of a long text: in a process that may take its time over it."""
    return _long(text).allows(url)


def crawl_delay_s(text: bytes) -> float | None:
    """`Robots.crawl_delay_s` of a long text, as above."""
    return _long(text).crawl_delay_s


_long = lru_cache(maxsize=8)(Robots.parse)
"""By the page of a host, its rules are read once: of the longest, each takes 6 MB."""


def _groups(text: bytes) -> dict[str, list[str]]:
    """The rules for us and those for everybody, by the name of the group, `_MAX_RULES` of each.

    All groups of a name are one (section 2.2.1). Lines that are no rules neither belong to a group nor end it (2.2.4).
    """
    groups: dict[str, list[str]] = {}
    agents: set[str] = set()
    begun = False
    for line in _lines(text):
        agent = _AGENT.match(line)
        if agent is not None:
            if begun:
                agents, begun = set(), False
            name = agent["name"].lower()
            if name in (_TOKEN, "*"):
                agents.add(name)
                groups.setdefault(name, [])
        elif _RULE.match(line):
            begun = True
            for name in agents:
                if len(groups[name]) < _MAX_RULES:
                    groups[name].append(line)
    return groups


def _lines(text: bytes) -> Iterator[str]:
    """Lines end in CR or LF alone (section 2.2); what other line breaks Python knows are spaces here."""
    if len(text) >= MAX_BYTES:  # cut, and half a rule may be another one: `Disallow: /` of `Disallow: /private`
        text = text[: max(text.rfind(b"\n", 0, MAX_BYTES), text.rfind(b"\r", 0, MAX_BYTES), 0)]
    # Octets that are no UTF-8 become one replacement character, here as in protego's reading of URLs.
    for raw in re.split(r"[\r\n]+", text.decode("utf-8-sig", "replace")):
        line = " ".join(raw.partition("#")[0].split())
        if line:
            yield line
