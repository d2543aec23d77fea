"""What a feed document says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from worker.model.feed import Millis
from worker.model.timing import NO_HINTS, Hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    url: str
    mime_type: str
    size_in_bytes: int | None = None
    duration_in_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as its feed gives it, cleaned of control characters, lengths bounded; URLs are absolute http(s)."""

    guid: str | None = None
    url: str | None = None
    external_url: str | None = None
    title: str | None = None
    summary: str | None = None
    """HTML, as the feed gives it: nothing that came from the network is markup to trust."""
    content: str | None = None
    """HTML: the longest text that the feed carries, where it is more than the summary."""
    authors: tuple[Author, ...] = ()
    tags: tuple[str, ...] = ()
    published: Millis | None = None
    updated: Millis | None = None
    language: str | None = None
    image: str | None = None
    attachments: tuple[Attachment, ...] = ()
    found_in: Literal["sitemap"] | None = None
    """A sitemap, which says nothing of it but where it is: it may be any page. None: a feed, or news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Who tells of a feed's new entries (WebSub)."""

    url: str
    """Absolute http(s), as is the topic; a stranger's, like all that a document says."""
    topic: str
    """The name under which the hub knows the feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A feed document: the entries that are not known yet by their element hash, in document order."""

    version: str
    """rss20, atom10, json11, …: feedparser's names, and JSON Feed's in their manner."""
    title: str | None = None
    site_url: str | None = None
    language: str | None = None
    entries: tuple[Entry, ...] = ()
    elements: tuple[bytes, ...] = ()
    """Short hashes of all entry elements of the document; empty where it is not well-formed."""
    repeated_guids: frozenset[str] = frozenset()
    """Identifiers that more than one entry of this document carries: they identify none of them alone. Those of
    `entries` at least."""
    repeated_urls: frozenset[str] = frozenset()
    """Canonical URLs that more than one entry of this document links to, likewise."""
    hints: Hints = NO_HINTS
    """What the document says of when to come again."""
    older: str | None = None
    """Where the entries before these are, by the document's word."""
    further: tuple[str, ...] = ()
    """Documents that it leads to, absolute, in the order to read them: it is an index of sitemaps."""
    hub: Hub | None = None
    breaks_off: bool = False
    """Before its end: what stood behind is not known, and not to be taken for read."""
    problem: str | None = None
    """What was wrong with the document, where it could be read all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFeed:
    """What a page points to as its feed; nobody has looked whether it is one."""

    url: str
    """Absolute http(s)."""
    title: str | None = None
    type: str | None = None
    """The media type that the page gives, in lower case, without parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAFeed:
    """The bytes are no feed; `reason` says what they look like instead."""

    reason: str
    named: tuple[FoundFeed, ...] = ()
    """The feeds that they name, where that was looked for: they are an HTML page."""
