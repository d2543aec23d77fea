"""What the store hands out: a feed that is due, an entry that is new or has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from worker.model.feed import EntryId, FeedId, Millis

ELEMENT_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to do one piece of work on one slot of one host, until it expires or the slot's token moves on."""

    work_id: int
    host_id: int
    slot: int
    token: int
    expires_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Work that was leased for whoever takes it up, of which no more is known than that."""

    lease: Lease
    kind: Literal["poll", "ingest"]
    """Older pages of a feed, and what hubs are asked, are among the polls."""


class Due(NamedTuple):
    """What a run does that has an end."""

    by: Millis
    """Polls that were due by then, and no others."""
    alone: bool = False
    """Nor anything else that was not due by then, but what that brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """How a host is treated."""

    concurrency: int = 1
    """Fetches at the same time."""
    delay_ms: int = 1000
    """From one fetch to the next: between their starts, and from the end of one to the start of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave to recognise a version by, verbatim (RFC 9110 section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """What a hub is asked (https://www.w3.org/TR/websub/#subscriber-sends-subscription-request)."""

    topic: str
    token: str
    """Names our callback."""
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A feed that is due."""

    lease: Lease
    feed_id: FeedId
    url: str
    """Where to ask now: the feed's URL, where it has moved to, or where a redirect led."""
    hops: int = 0
    """Redirects that led to `url` in this poll."""
    permanent: bool = True
    """All of them were 301s or 308s."""
    validators: Validators = NO_VALIDATORS
    """What `url` gave with the last version seen."""
    audit: bool = False
    """There are validators, but the document is to be asked for whole."""
    body_hash: bytes = b""
    packed: bytes = b""
    """Short hashes of the entry elements of the last version seen, `ELEMENT_BYTES` each."""
    refresh: bool = False
    """All entries are to be gone through, known ones too, to see which are still there."""
    first: bool = False
    """It never went well yet."""
    feed_title: str | None = None
    """As the feed said it last."""
    filters: bytes = b""
    """`Rules.filters_key` as it was when the feed's entries were judged last."""
    subscribe: Subscribe | None = None
    """`url` is of the feed's hub, which is asked this; the feed is not."""
    seek: bool = False
    """The feed is lost: `url` is of its site, which may say where it is now."""

    @property
    def elements(self) -> frozenset[bytes]:
        """What is `packed`: few polls bring a document that is held against it."""
        return frozenset(self.packed[i : i + ELEMENT_BYTES] for i in range(0, len(self.packed), ELEMENT_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsCopy:
    """What is known of the robots.txt (RFC 9309) that holds for a page."""

    url: str
    """Where it is: at the page's site, or where that redirects to."""
    text: bytes | None = None
    """None: it has not been read, or too long ago."""
    problem: str | None = None
    """Why it could not be read lately. The page can't be asked for until it can."""


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
    """The page to fetch; None where the feed's own content is all there is to take."""
    hops: int = 0
    host: str = ""
    """The host that the work is leased for: no other is asked."""
    robots: RobotsCopy | None = None
    """None where there is no page."""
    entry: bytes
    """The `Entry`, as `encode_entry` wrote it."""
    first_seen_at: Millis
    tries: int = 0
    """Fetches of the page that have failed so far."""
    waits: int = 0
    """Times that the page's host asked for patience."""
    validators: Validators = NO_VALIDATORS
    """What the page gave when it was read last; empty where it has to be read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An older page of a feed (RFC 5005), of which there is a chain."""

    lease: Lease
    feed_id: FeedId
    url: str
    hops: int = 0
    tries: int = 0
    """Fetches of the page that have failed so far."""
    waits: int = 0
    """Times that its host asked for patience."""


Work = Poll | Ingest | Walk
