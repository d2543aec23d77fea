"""What the store hands out: feeds that are due, entries that are new or have changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from worker.model.feed import EntryId, FeedId, Millis

ELEMENT_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to do one piece of work on one slot of one host, until it runs out or the slot's token changes."""

    work_id: int
    host_id: int
    slot: int
    token: int
    expires_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lease for whoever takes up the work, without the work itself."""

    lease: Lease
    kind: Literal["poll", "ingest"]
    """`poll` includes walks through older pages and requests to hubs."""


class Due(NamedTuple):
    """Limits a run that has an end."""

    by: Millis
    """Only polls that were due by then."""
    alone: bool = False
    """All other work, too, only if it was due by then or is brought by such polls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """How a host is treated."""

    concurrency: int = 1
    """Fetches at the same time."""
    delay_ms: int = 1000
    """Between the starts of two fetches, and from the end of one to the start of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave to identify a version, verbatim (RFC 9110 section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """The contents of a request to a hub (https://www.w3.org/TR/websub/#subscriber-sends-subscription-request)."""

    topic: str
    token: str
    """Part of our callback URL."""
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A feed that is due."""

    lease: Lease
    feed_id: FeedId
    url: str
    """Where to ask now: the feed's URL, its new address, or where a redirect led."""
    hops: int = 0
    """Redirects that led to `url` in this poll."""
    permanent: bool = True
    """All of these redirects were 301 or 308."""
    validators: Validators = NO_VALIDATORS
    """From `url`, with the last version seen."""
    audit: bool = False
    """The whole document is requested although there are validators."""
    body_hash: bytes = b""
    packed: bytes = b""
    """Short hashes of the entry elements of the last version seen, `ELEMENT_BYTES` each."""
    refresh: bool = False
    """Read all entries, including known ones, to see which are still there."""
    first: bool = False
    """The feed has never been read successfully."""
    feed_title: str | None = None
    """As the feed last gave it."""
    filters: bytes = b""
    """`Rules.filters_key` when the feed's entries were last judged."""
    subscribe: Subscribe | None = None
    """If set, `url` is the feed's hub, to be asked this instead of polling the feed."""
    seek: bool = False
    """The feed is lost, and `url` is a page of its site, which may name its new address."""

    @property
    def elements(self) -> frozenset[bytes]:
        """`packed` as a set; unpacked only when needed, because few polls bring a document to compare with it."""
        return frozenset(self.packed[i : i + ELEMENT_BYTES] for i in range(0, len(self.packed), ELEMENT_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsCopy:
    """What is known of the robots.txt (RFC 9309) that applies to a page."""

    url: str
    """Where it is: on the page's site, or where that redirects to."""
    text: bytes | None = None
    """None: never read, or too long ago."""
    problem: str | None = None
    """Why it could not be read lately; until it can, the page must not be fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """An entry that is new or has changed."""

    lease: Lease
    entry_id: EntryId
    record_id: str
    """32 hex digits: the id of its record."""
    feed_id: FeedId
    feed_title: str | None
    url: str | None
    """The page to fetch; None if only the feed's own content is used."""
    hops: int = 0
    host: str = ""
    """The host that the work is leased for; no other may be asked."""
    robots: RobotsCopy | None = None
    """None if there is no page."""
    entry: bytes
    """The `Entry`, encoded by `encode_entry`."""
    first_seen_at: Millis
    tries: int = 0
    """Fetches of the page that have failed so far."""
    waits: int = 0
    """How often the page's host asked to wait."""
    validators: Validators = NO_VALIDATORS
    """From when the page was last read; empty if it has to be read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An older page of a feed (RFC 5005), one of a chain."""

    lease: Lease
    feed_id: FeedId
    url: str
    hops: int = 0
    tries: int = 0
    """Fetches of the page that have failed so far."""
    waits: int = 0
    """How often its host asked to wait."""


Work = Poll | Ingest | Walk
