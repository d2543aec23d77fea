"""Counts what the worker has done since its start, for the metrics and the status page.

Plain numbers, so that counting costs no more than a lookup; they are converted for Prometheus when it asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from worker.model import (
    AsBefore,
    Broken,
    Done,
    Draft,
    Finished,
    HandedBack,
    IngestDone,
    Millis,
    Moved,
    PollDone,
    Retry,
    RobotsRead,
    Sought,
    Subscribed,
    Walked,
)

SEALED_S = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)
"""Upper bounds of the histogram's classes, in seconds. A record is due on disk about `output.seal_after` after its page
was read."""

_WRITTEN = ("new", "update", "delete")


@dataclass(slots=True)
class Histogram:
    """How many values fall into each class, and their sum."""

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    """One more than `bounds`, for values above all of them."""
    sum: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    def quantile(self, part: float) -> float | None:
        """The bound below which this share of the values lies; None if there are none, or it is above all bounds."""
        wanted, seen = part * self.count, 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen and seen >= wanted:
                return bound
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What has been done, in figures for people."""

    polls: int = 0
    unchanged: int = 0
    failed_polls: int = 0
    throttled: int = 0
    """Polls that the server put off (429, 503); these are not failures."""
    entries: int = 0
    """New entries that polls brought."""
    new: int = 0
    """Records with op `new`."""
    updates: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Entries that the rules of their feed leave out."""
    gaps: int = 0
    """Polls whose document had no entry in common with the one before, so that entries may have been missed."""
    retries: int = 0
    incomplete: int = 0
    """Records without the text of their page, which could not be had or read."""
    broken: int = 0
    published: int = 0
    """Records sealed in segments."""

    @property
    def ingested(self) -> int:
        return self.new + self.updates


@dataclass(slots=True)
class Meters:
    """Since the start of the process."""

    polls: Counter[str] = field(default_factory=Counter)
    """By outcome: `read`, `unchanged`, or the class of the failure."""
    entries: Counter[str] = field(default_factory=Counter)
    """Entries in polls: `new`, `changed`, `duplicate`, `skipped`."""
    ingests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By op (`skipped`: left out by the feed's rules; `none`: unchanged) and extraction."""
    gaps: int = 0
    """Polls whose document had no entry in common with the one before."""
    missed: float = 0.0
    """How many entries were probably missed there."""
    retries: int = 0
    broken: int = 0
    quarantined: int = 0
    lost: int = 0
    """Work that was finished after its lease had run out."""
    segments: int = 0
    records: int = 0
    """Records sealed in these segments."""
    sealed_s: Histogram = field(default_factory=lambda: Histogram(SEALED_S))
    """For new articles: from the poll that showed them to the file that has them."""
    polled_at: Millis | None = None
    """The last successful poll."""
    sealed_at: Millis | None = None

    def add(self, done: Done, finished: Finished) -> None:
        """Counts the result of a piece of work."""
        if not finished.accepted:
            self.lost += 1
            return
        match done:
            case PollDone():
                self._polled(done, finished)
            case Walked():
                self._shown(finished)
            case IngestDone():
                self._ingested(done.draft, finished)
            case Retry():
                self.retries += 1
            case Broken():
                self.broken += 1
                self.quarantined += finished.quarantined
            case AsBefore() | Moved() | RobotsRead() | Sought() | Subscribed() | HandedBack():
                pass
            case _:
                assert_never(done)

    def _polled(self, done: PollDone, finished: Finished) -> None:
        if done.failure is not None:
            self.polls[done.failure] += 1
            return
        self.polls["unchanged" if done.unchanged else "read"] += 1
        self.polled_at = done.at
        if done.entries:
            self._shown(finished)
        if finished.missed is not None:
            self.gaps += 1
            self.missed += finished.missed
        for entry in finished.ingested:
            self._ingested(entry.draft, entry.finished)

    def _shown(self, finished: Finished) -> None:
        self.entries["new"] += finished.new
        self.entries["changed"] += finished.changed
        self.entries["duplicate"] += finished.duplicates
        self.entries["skipped"] += finished.skipped

    def _ingested(self, draft: Draft, finished: Finished) -> None:
        op = "none" if finished.outcome == "unchanged" else finished.outcome
        self.ingests[op, draft.extraction] += 1

    def seal(self, first_seen: Iterable[Millis | None], *, records: int, now: Millis) -> None:
        """Counts a segment in the output. first_seen: of its records; None for those that are not new."""
        self.segments += 1
        self.records += records
        self.sealed_at = now
        for at in first_seen:
            if at is not None:
                self.sealed_s.add(max(0, now - at) / 1000)

    @property
    def tally(self) -> Tally:
        ops: Counter[str] = Counter()
        incomplete = 0
        for (op, extraction), count in self.ingests.items():
            ops[op] += count
            incomplete += count if op in _WRITTEN and extraction not in ("ok", "skipped") else 0
        polls, unchanged, throttled = self.polls.total(), self.polls["unchanged"], self.polls["throttled"]
        return Tally(
            polls=polls,
            unchanged=unchanged,
            failed_polls=polls - unchanged - throttled - self.polls["read"],
            throttled=throttled,
            entries=self.entries["new"],
            new=ops["new"],
            updates=ops["update"],
            duplicates=self.entries["duplicate"] + ops["duplicate"],
            skipped=self.entries["skipped"] + ops["skipped"],
            gaps=self.gaps,
            retries=self.retries,
            incomplete=incomplete,
            broken=self.broken,
            published=self.records,
        )
