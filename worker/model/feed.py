"""Ids and basic types, and a feed as its owner lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NewType

from worker.model.pickling import by_place
from worker.model.rules import NO_RULES, Rules

FeedId = NewType("FeedId", str)
EntryId = NewType("EntryId", int)
Millis = NewType("Millis", int)

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000

FullText = Literal["auto", "always", "never"]
Effort = Literal["fast", "normal", "thorough"]
"""How much effort is made to extract a page's text."""
Precision = Literal["second", "minute", "day"]
Extraction = Literal["ok", "feed_only", "blocked", "paywalled", "failed", "skipped"]
Op = Literal["new", "update", "delete", "duplicate"]
KeptOut = Literal["taken down", "kept out"]
"""For good; or until it is let in again."""


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed as its owner lists it."""

    id: FeedId
    url: str
    public_url: str = ""
    """`url` without what came from environment variables, so that it may be shown."""
    title: str | None = None
    tags: tuple[str, ...] = ()
    every_s: float | None = None
    """Seconds between polls; None: the schedule decides."""
    cron: str | None = None
    """Five fields as in crontab(5), weekdays by name."""
    full_text: FullText = "auto"
    html: bool = False
    """Whether its articles' texts are also written as HTML."""
    backfill_s: float | None = None
    """How far back, in seconds before now, older pages of the feed are read at its first poll and after gaps."""
    backfill_from: str | None = None
    """Where its older entries are, if the feed does not say: a page of the feed, a sitemap, an index of sitemaps, or
    robots.txt."""
    recheck_s: tuple[float, ...] = ()
    """Ages of an article, in seconds, at which its page is looked at again."""
    rules: Rules = NO_RULES
    expect_s: float | None = None
    """Seconds without a new entry after which the feed is reported as silent."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent only to the feed's own origin. May contain secrets, hence not in repr()."""

    @property
    def pace(self) -> str | None:
        """Everything that its owner says about when to poll it, as one string to compare with the one before; None:
        nothing."""
        asked = {"every": self.every_s, "cron": self.cron, "expect": self.expect_s}
        return "; ".join(f"{name} {value}" for name, value in asked.items() if value is not None) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedList:
    """A file that lists feeds, as it was read."""

    path: Path
    digest: str
    """SHA-256 of its bytes, in hex."""
    feeds: int
    """How many feeds it lists."""
    lasting: bool
    """Its feeds depend on its bytes alone and contain no secret: nothing comes from the environment, and there are no
    headers."""
