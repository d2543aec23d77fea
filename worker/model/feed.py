"""What everything is named by, and a feed as its owner lists it."""

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
"""How much is done for the text of a page."""
Precision = Literal["second", "minute", "day"]
Extraction = Literal["ok", "feed_only", "blocked", "paywalled", "failed", "skipped"]
Op = Literal["new", "update", "delete", "duplicate"]
KeptOut = Literal["taken down", "kept out"]
"""For good, or until it is let in."""


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed as its owner lists it."""

    id: FeedId
    url: str
    public_url: str = ""
    """`url` as it may be told: without what came into it from the environment."""
    title: str | None = None
    tags: tuple[str, ...] = ()
    every_s: float | None = None
    """Seconds between polls; None leaves it to the schedule."""
    cron: str | None = None
    """Five fields as in crontab(5), weekdays by name."""
    full_text: FullText = "auto"
    backfill_s: float | None = None
    """Seconds back from now that older pages of the feed are gone through, at its first poll and after gaps."""
    backfill_from: str | None = None
    """Where its older entries are, if it does not say: a page of it, a sitemap, an index of such, or robots.txt."""
    recheck_s: tuple[float, ...] = ()
    """Ages of an article, in seconds, at which its page is looked at again."""
    rules: Rules = NO_RULES
    expect_s: float | None = None
    """Seconds without a new entry after which it is called silent."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent to the feed's own origin alone; may hold secrets, hence not in repr()."""

    @property
    def pace(self) -> str | None:
        """All that its owner asks of when it is polled, to be told from what was asked before; None: nothing."""
        asked = {"every": self.every_s, "cron": self.cron, "expect": self.expect_s}
        return "; ".join(f"{name} {value}" for name, value in asked.items() if value is not None) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedList:
    """A file that lists feeds, as it was read."""

    path: Path
    digest: str
    """SHA-256 of its bytes, in hex."""
    feeds: int
    """So many."""
    lasting: bool
    """As long as its bytes stay, so do its feeds, and none of them is secret: nothing comes from the environment, and
    there are no headers."""
