"""When to poll again, according to the sites."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """According to the site, asking again before the answer is stale gives the same answer (RFC 9111 section 4.2)."""

    seconds: float
    """From the answer on; more than 0."""
    reason: str
    """One line for people, such as `max-age=3600`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a site says about when to poll again, parsed. What is absent or makes no sense is None or empty.

    `fresh` comes from the answer to this poll, whether 200 or 304. The others come from the document, and hold until
    the next document comes.
    """

    fresh: Freshness | None = None
    ttl_s: float | None = None
    """RSS 2.0 `ttl`, converted from minutes."""
    update_s: float | None = None
    """`sy:updatePeriod` / `sy:updateFrequency` (RSS 1.0 module Syndication)."""
    skip_hours: frozenset[int] = frozenset()
    """RSS 2.0 `skipHours`: 0 to 23, in UTC."""
    skip_days: frozenset[int] = frozenset()
    """RSS 2.0 `skipDays`, in UTC: Monday is 0."""


NO_HINTS = Hints()
