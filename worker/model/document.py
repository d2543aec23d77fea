"""What a feed document contains."""

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
    """One entry as its feed gives it, without control characters and with bounded lengths; URLs are absolute
    http(s)."""

    guid: str | None = None
    url: str | None = None
    external_url: str | None = None
    title: str | None = None
    summary: str | None = None
    """HTML as the feed gives it: markup from the network is never to be trusted."""
    content: str | None = None
    """HTML: the longest text that the feed gives, if that is more than the summary."""
    authors: tuple[Author, ...] = ()
    tags: tuple[str, ...] = ()
    published: Millis | None = None
    updated: Millis | None = None
    language: str | None = None
    image: str | None = None
    attachments: tuple[Attachment, ...] = ()
    found_in: Literal["sitemap"] | None = None
    """A sitemap only says where the entry is, so it may be any page. None: a feed, or a news sitemap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A hub that announces a feed's new entries (WebSub)."""

    url: str
    """Absolute http(s), like the topic. Untrusted, like everything in a document."""
    topic: str
    """The name under which the hub knows the feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A feed document, with the entries whose element hash is not known yet, in document order."""

    version: str
    """rss20, atom10, json11, …: feedparser's names, and similar ones for JSON Feed."""
    title: str | None = None
    site_url: str | None = None
    language: str | None = None
    entries: tuple[Entry, ...] = ()
    elements: tuple[bytes, ...] = ()
    """Short hashes of all entry elements of the document; empty if it is not well-formed."""
    repeated_guids: frozenset[str] = frozenset()
    """Identifiers that more than one entry of the document has, so that alone they don't identify an entry. At least
    those of `entries` are included."""
    repeated_urls: frozenset[str] = frozenset()
    """Canonical URLs that more than one entry of the document links to, likewise."""
    hints: Hints = NO_HINTS
    """What the document says about when to poll again."""
    older: str | None = None
    """Where older entries are, according to the document."""
    further: tuple[str, ...] = ()
    """Further documents to read, absolute and in order, if this is an index of sitemaps."""
    hub: Hub | None = None
    breaks_off: bool = False
    """The document ends too early: what would have followed is unknown, and must not count as read."""
    problem: str | None = None
    """What was wrong with the document, if it could be read all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFeed:
    """What a page names as its feed, not checked yet."""

    url: str
    """Absolute http(s)."""
    title: str | None = None
    type: str | None = None
    """The media type that the page gives, in lower case, without parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAFeed:
    """The bytes are not a feed; `reason` says what they look like instead."""

    reason: str
    named: tuple[FoundFeed, ...] = ()
    """If they are an HTML page and that was asked for: the feeds it names."""
