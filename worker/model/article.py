"""What a page contains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.model.document import Author
from worker.model.feed import Extraction, Millis, Precision
from worker.model.story import Credit

BY_TEXT = "text"
"""The value in `sources` for a language that the text alone tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What was taken from a page, or from the feed's own content. `text` is plain, one line per paragraph."""

    extraction: Extraction
    extractor: str | None = None
    """Name and version of what extracted the text."""
    reason: str | None = None
    """Why `extraction` is not `ok`."""
    retry: bool = False
    """The page had something in place of the article that may be gone another time, so it is worth fetching again."""
    text: str = ""
    html: str | None = None
    """The text with its links, emphasis and lists, a line for each of its lines; None: not wanted."""
    title: str | None = None
    summary: str | None = None
    authors: tuple[Author, ...] = ()
    tags: tuple[str, ...] = ()
    published: Millis | None = None
    modified: Millis | None = None
    date_precision: Precision | None = None
    language: str | None = None
    image: str | None = None
    canonical_url: str | None = None
    """The page's own rel=canonical, if it is credible."""
    publisher: str | None = None
    section: str | None = None
    license: str | None = None
    original: Credit | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each field came from: {field: feed | jsonld | opengraph | meta | page | …}."""

    @property
    def stated_language(self) -> str | None:
        """The language that page or feed state."""
        return None if self.sources.get("language") == BY_TEXT else self.language
