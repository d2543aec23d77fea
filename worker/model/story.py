"""What copies of a story are recognised by, and where they say they come from."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.pickling import by_place

AGENCY = "agency"
"""The value in a record's `sources` for an `original` that is a news agency."""


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What is stored of a text to recognise its copies; made by `dedup.sketch`."""

    size: int
    """The number of different shingles in the text."""
    bins: bytes
    """32 bytes: a min-hash with 64 bins of four bits each."""
    probes: tuple[int, ...] = ()
    """Shingles as 31-bit numbers, the first of which the text should be filed under. Empty in a sketch that was read
    back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The publication that an article says it comes from, with at least a name or a URL."""

    name: str | None = None
    url: str | None = None
    """Of the article there, or of the publication."""
    is_agency: bool = False
    """Written by a news agency for many publications: not a reprint of any of them, and often not on the agency's own
    site."""
