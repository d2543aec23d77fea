"""By what the copies of one story are known, and what they say of where it is from."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.pickling import by_place

AGENCY = "agency"
"""The source, in a record's `sources`, of an `original` that is a news agency."""


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What is kept of a text to know its copies by; made by `dedup.sketch`."""

    size: int
    """Different shingles of the text."""
    bins: bytes
    """32 bytes: a min-hash of 64 bins, four bits each."""
    probes: tuple[int, ...] = ()
    """Shingles as numbers of 31 bits, those to file the text under first. Empty in one that was read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The publication that an article says it is from; at least one of name and URL is there."""

    name: str | None = None
    url: str | None = None
    """Of the article there, or of the publication."""
    is_agency: bool = False
    """What a news agency wrote for many: nobody's reprint, and often not on the agency's own site."""
