"""What the commit made of the results of work."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.drafts import Draft
from worker.model.feed import Millis, Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What the commit made of a `Done`."""

    accepted: bool = True
    """False: the lease was lost, and the result was ignored."""
    new: int = 0
    """Entries of a poll that are new."""
    changed: int = 0
    """Known entries of a poll that have changed."""
    duplicates: int = 0
    """Entries of a poll, or the entry itself, that are known under another feed, URL or key."""
    skipped: int = 0
    """Entries of a poll, or the entry itself, that the rules of the feed leave out."""
    next_at: Millis | None = None
    """When the feed is polled again; None: not any more, or as planned before."""
    why: str = ""
    """Why then."""
    missed: float | None = None
    """How many entries of the feed probably came and went since the poll before; None: there is no gap."""
    begun: tuple[bytes, ...] = ()
    """The record ids of the new entries, as bytes."""
    duplicate_of: bytes | None = None
    """Of a duplicate or near-duplicate: the id of the record that had the article first."""
    op: Op | None = None
    """What was written for an entry; None: nothing, as it is a duplicate or unchanged."""
    quarantined: bool = False
    ingested: tuple[Ingested, ...] = ()
    """Entries of a poll that came with a draft and were finished together with it."""

    @property
    def outcome(self) -> str:
        """Of an entry: the op of its record, or why there is none: `skipped`, `duplicate` or `unchanged`."""
        if self.op is not None:
            return self.op
        return "skipped" if self.skipped else "duplicate" if self.duplicates else "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """An entry that needed no work of its own, and what became of it."""

    record_id: str
    draft: Draft
    finished: Finished
