"""robots.txt (RFC 9309): what fetching it means, and what it allows.

protego parses and matches the rules. Which group applies to us is found here, because protego keeps the rules of every
group and copies each to all agents of its group (1,500 agents and 3,000 rules, 50 kB, take it 6 s; protego 0.7.0), and
takes a group for `feed` to be one for `feedmill`.
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
"""How much of a robots.txt is read (RFC 9309 section 2.5); given to `Client.get` with `truncate`."""
LONGEST_DELAY_S = 300.0
"""A longer Crawl-delay is cut to this: with a day, as some write, a feed's articles would never all be fetched."""

_TOKEN = "feedmill"  # noqa: S105  # our product token (section 2.2.1), the name in our User-Agent
_MAX_RULES = 5_000
"""The most rules of our group that are used. Matching a URL of 8,000 characters against this many wildcards takes 0.1
s; against 500 KiB of them, 0.8 s."""
_AGENT = re.compile(r"user[- ]?agent(?:\s*:|\s|$)\s*(?P<name>\*(?=\s|$)|[a-z_-]*)", re.IGNORECASE | re.ASCII)
_RULE = re.compile(r"(?:di[a-z]+w|allow|crawl[- ]delay)(?![a-z])", re.IGNORECASE | re.ASCII)
"""protego tolerates `dissallow` and the like, and a missing colon."""


# --- what getting it comes to -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """There is a robots.txt; its first `MAX_BYTES`, for `Robots.parse`."""

    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRules:
    """The site has none, or does not give it out: everything is allowed (section 2.3.1.3)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """It is unknown what the site allows, so for now nothing is (section 2.3.1.4)."""

    reason: str


Finding = Rules | NoRules | Unreachable | Throttled | Redirected


def finding(outcome: Outcome) -> Finding:
    """What the outcome of fetching robots.txt means. Throttled and Redirected have to wait for the host's turn, as
    always.

    One redirect too many, which the caller counts, is a `NoRules` (section 2.3.1.2). So is any failure that would be
    the same next time, such as a robots.txt in an encoding that was not asked for.
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
    """The rules of a site for feedmill, or its rules for everybody if it does not name feedmill."""

    _rules: Protego = field(repr=False)
    crawl_delay_s: float | None
    """Seconds between two requests, 0 to `LONGEST_DELAY_S`. Not part of RFC 9309, but widely used."""

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Parses the first `MAX_BYTES` of `text`, ignoring lines that make no sense.

        Takes 0.1 s at most.
        """
        groups = _groups(text)
        rules = Protego.parse("\n".join(["User-agent: *", *groups.get(_TOKEN, groups.get("*", []))]))
        delay_s = rules.crawl_delay(_TOKEN)
        return cls(_rules=rules, crawl_delay_s=None if delay_s is None else min(delay_s, LONGEST_DELAY_S))

    def allows(self, url: str) -> bool:
        """Whether `url`, an absolute http(s) URL of the site, may be fetched. The longest matching rule decides."""
        return self._rules.can_fetch(url, _TOKEN)


def allows(text: bytes, url: str) -> bool:
    """`Robots.allows` for a long text, to be called in a process that may take its time."""
    return _long(text).allows(url)


def crawl_delay_s(text: bytes) -> float | None:
    """`Robots.crawl_delay_s` for a long text, likewise."""
    return _long(text).crawl_delay_s


_long = lru_cache(maxsize=8)(Robots.parse)
"""Rules are parsed once for the pages of a host; the longest take 6 MB each."""


def _groups(text: bytes) -> dict[str, list[str]]:
    """The rules for us and the rules for everybody, by the name of the group, at most `_MAX_RULES` of each.

    All groups with the same name are one (section 2.2.1). Lines that are not rules neither belong to a group nor end it
    (2.2.4).
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
    """The lines. Only CR and LF end a line (section 2.2); other line breaks that Python knows become spaces."""
    if len(text) >= MAX_BYTES:  # cut off, and half a rule may be another one: `Disallow: /` of `Disallow: /private`
        text = text[: max(text.rfind(b"\n", 0, MAX_BYTES), text.rfind(b"\r", 0, MAX_BYTES), 0)]
    # Bytes that are not UTF-8 become replacement characters, as they do when protego reads URLs.
    for raw in re.split(r"[\r\n]+", text.decode("utf-8-sig", "replace")):
        line = " ".join(raw.partition("#")[0].split())
        if line:
            yield line
