"""The values that travel between the rooms.

A feed is polled: `Poll` → `Outcome` → `ParsedFeed` of `Entry` → `PollDone`.
An entry is ingested: `Ingest` → `Outcome` → `Article` → `IngestDone`.
What `finish` made of them comes back as `Finished`.

All of them are frozen, plain and picklable. Instants are `Millis`, milliseconds of UTC since 1970; keys are 16 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NewType

FeedId = NewType("FeedId", str)
EntryId = NewType("EntryId", int)
Millis = NewType("Millis", int)

FullText = Literal["auto", "always", "never"]
Precision = Literal["second", "minute", "day"]
Extraction = Literal["ok", "feed_only", "blocked", "paywalled", "failed", "skipped"]
Op = Literal["new", "update", "delete", "duplicate"]


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
    recheck_s: tuple[float, ...] = ()
    """Ages of an article, in seconds, at which its page is looked at again."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent to the feed's own origin alone; may hold secrets, hence not in repr()."""


# --- what the store hands out -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to do one piece of work on one slot of one host, until it expires or the slot's token moves on."""

    work_id: int
    host_id: int
    slot: int
    token: int
    expires_at: Millis


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
    validators: Validators = Validators()
    """What `url` gave with the last version seen."""
    audit: bool = False
    """There are validators, but the document is to be asked for whole."""
    body_hash: bytes = b""
    elements: frozenset[bytes] = frozenset()
    """Short hashes of the entry elements of the last version seen."""
    refresh: bool = False
    """All entries are to be gone through, known ones too, to see which are still there."""
    seek: bool = False
    """The feed is lost: `url` is of its site, which may say where it is now."""


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
    validators: Validators = Validators()
    """What the page gave when it was read last; empty where it has to be read whole."""


Work = Poll | Ingest


# --- when to come again -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Until the answer is stale, asking again gives the same: the site says so (RFC 9111 section 4.2)."""

    seconds: float
    """From the answer on, more than 0."""
    reason: str
    """One line for people, such as `max-age=3600`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a site says of when to come again, already parsed; what is absent or makes no sense is None or empty.

    `fresh` is of the answer to this poll, be it a 200 or a 304. The others stand in the document, and hold until
    the next document comes.
    """

    fresh: Freshness | None = None
    ttl_s: float | None = None
    """RSS 2.0 `ttl`, which is in minutes there."""
    update_s: float | None = None
    """`sy:updatePeriod` / `sy:updateFrequency` (RSS 1.0 module Syndication)."""
    skip_hours: frozenset[int] = frozenset()
    """RSS 2.0 `skipHours`: 0 to 23, in UTC."""
    skip_days: frozenset[int] = frozenset()
    """RSS 2.0 `skipDays`, in UTC: Monday is 0."""


NO_HINTS = Hints()


# --- what a fetch comes to ----------------------------------------------------------------------------------------

FailureClass = Literal["permanent", "server", "throttled", "network", "dns", "parse"]
"""What a failed poll says of the next: `schedule` gives them their weights."""
FailureKind = Literal[
    "address", "dns", "connect", "tls", "timeout", "too_large", "encoding", "protocol", "redirects", "status"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A 200 with its whole body, decoded from its transfer and content encodings."""

    url: str
    """As it was asked for: without credentials, its host in A-labels."""
    status: int
    content_type: str | None
    validators: Validators
    fresh: Freshness | None = None
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """A 304; the validators it carried, which may be none."""

    validators: Validators
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirected:
    """A redirect: the turn of the host that it leads to, be it the same one, has to be waited for."""

    url: str
    """Absolute, http or https, without credentials."""
    permanent: bool
    """A 301 or 308, which change the address for good (RFC 9110 section 15.4)."""
    retry_after_s: float | None = None
    """Seconds to wait before following it (RFC 9110 section 10.2.3)."""


MAX_REDIRECTS = 10
"""In a row, before a feed or page is given up; RFC 9309 section 2.3.1.2 asks for 5 at least, browsers follow 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """429 or 503: the host asks for patience. Not a failure of the feed."""

    status: int
    retry_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailed:
    """No answer, or none that can be used."""

    kind: FailureKind
    reason: str
    """One line for people, with nothing secret in it."""
    status: int | None = None

    @property
    def lasting(self) -> bool:
        """Asking the same again soon would give the same: the page is gone, refused, or not to be taken in."""
        if self.kind == "status":
            return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 425, 429)
        return self.kind in ("address", "too_large", "encoding", "redirects")


Outcome = Fetched | NotModified | Redirected | Throttled | FetchFailed


# --- what a feed says ---------------------------------------------------------------------------------------------


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
    """Identifiers that more than one entry of this document carries: they identify none of them alone."""
    repeated_urls: frozenset[str] = frozenset()
    """Canonical URLs that more than one entry of this document links to."""
    hints: Hints = NO_HINTS
    """What the document says of when to come again."""
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


# --- what a page says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What was taken from a page, or from the feed's own content. `text` is plain, paragraphs a line each."""

    extraction: Extraction
    extractor: str | None = None
    """Name and version of what made the text."""
    reason: str | None = None
    """Why it is not `ok`."""
    retry: bool = False
    """Something stood in the article's place on its page that may be gone another time: worth asking again."""
    text: str = ""
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
    """The page's own rel=canonical, where it is believable."""
    publisher: str | None = None
    section: str | None = None
    license: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each field came from: {field: feed | jsonld | opengraph | meta | page | …}."""


# --- what is to be finished ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEntry:
    """An entry of a poll, with all that is needed to judge at commit whether it is new."""

    look_up: tuple[bytes, ...]
    """Keys under which its feed may know it, the most specific first."""
    own: bytes
    """The key under which it will be known; the first one seen is the record's id."""
    has_guid: bool
    url_key: bytes | None
    """Hash of its canonical URL, where that URL identifies it."""
    title_key: bytes
    version: bytes
    """Hash of what the feed says of it; another one means that it may have changed."""
    url: str | None
    """Its canonical URL."""
    page: str | None
    """What to fetch; None where no page is wanted."""
    host: str
    """The host that `page` is on; empty where there is no page."""
    published: Millis | None = None
    entry: bytes
    pointer: bytes | None = None
    """JSON of the record without content that is written should it be a duplicate; None: nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedVersion:
    """What was learned of a feed document; saved with the entries that came with it, never before."""

    url: str
    """Where it came from: nowhere else do its validators mean anything."""
    validators: Validators
    body_hash: bytes
    elements: tuple[bytes, ...] | None
    """None leaves those known as they are, and the hints with them."""
    entries: int = 0
    """That the document has, known ones and new."""
    hints: Hints = NO_HINTS
    """Of the document."""
    title: str | None = None
    site_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDone:
    """A poll that came to an end. When the next one is due is decided at commit, where it is known what is new."""

    lease: Lease
    feed_id: FeedId
    at: Millis
    chance: float = 0.5
    """Uniform in [0, 1), for the next poll's time."""
    status: int | None = None
    error: str | None = None
    failure: FailureClass | None = None
    """What kind of thing `error` is."""
    retry_after_s: float | None = None
    """The feed is not to be asked for so long."""
    not_before: Millis | None = None
    """The host is not to be asked anything before."""
    fresh: Freshness | None = None
    version: FeedVersion | None = None
    entries: tuple[SeenEntry, ...] = ()
    unchanged: bool = False
    """The server or the bytes said that nothing is new."""
    refresh: bool = False
    """All of the document's entries are there, known ones too."""
    audit: bool = False
    """The document was asked for whole to see whether the 304s before were right."""
    led_to: str | None = None
    """Where redirects that were all permanent led from where the poll began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A look for a feed that is lost."""

    lease: Lease
    feed_id: FeedId
    found: str | None
    """The feed that its site names now."""
    not_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record but for what only the commit knows: op, revision, seq, the time of ingestion, duplicates."""

    body: bytes
    """JSON of the record without those."""
    pointer: bytes | None = None
    """The same without its content, written should it be a duplicate; None: nothing is."""
    text_key: bytes | None
    """Hash of the normalised text; None where the text is too short to identify anything."""
    title_key: bytes
    revision_key: bytes
    """Hash over title, text, authors and dates: another one makes an update."""
    removal: bytes | None = None
    """The same without its content, where the page is gone: written once that is sure."""
    url_keys: tuple[bytes, ...] = ()
    """Hashes of the canonical URLs that the page revealed: after redirects, by rel=canonical."""
    extraction: Extraction
    retry: bool = False
    """Something stood in the article's place on its page: it is worth asking again."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestDone:
    lease: Lease
    entry_id: EntryId
    at: Millis
    draft: Draft
    not_before: Millis | None = None
    followed: bool = False
    """The operator wants to know of edits, and of the page's going."""
    look_at: Millis | None = None
    """When the page is to be looked at again."""
    validators: Validators = Validators()
    """Of the page, for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsBefore:
    """A page that was looked at again: a 304."""

    lease: Lease
    entry_id: EntryId
    at: Millis
    look_at: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The page could not be had; the entry is tried again."""

    lease: Lease
    due_at: Millis
    reason: str
    throttled: bool = False
    """The host asked for patience, which is no failure of the page: it uses up none of its tries."""
    not_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A redirect: the same work, at its new address when it is that host's turn."""

    lease: Lease
    url: str
    host: str
    hops: int
    permanent: bool = True
    not_before: Millis | None = None
    """The redirected request is not to be sent before (Retry-After)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRead:
    """A robots.txt was asked for in the turn of a page, which is still to be asked for itself."""

    lease: Lease
    at: Millis
    url: str
    """Of the robots.txt."""
    text: bytes | None = None
    """The rules; empty where there are none."""
    see: str | None = None
    """It redirects there."""
    problem: str | None = None
    """Why it could not be read."""
    crawl_delay_ms: int = 0
    host: str
    """Whose turn the work has to wait for next: the page's, or that of `see`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """Given up unfinished at shutdown; due at once again, uncounted."""

    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The handler itself failed: a defect of ours, or of the work. Counted, and quarantined when it keeps on."""

    lease: Lease
    at: Millis
    error: str


Done = PollDone | Sought | IngestDone | AsBefore | Retry | Moved | RobotsRead | HandedBack | Broken


# --- what finishing it came to ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What the commit made of a `Done`."""

    accepted: bool = True
    """False: the lease was lost, nothing of it was taken."""
    new: int = 0
    """Entries of a poll that are new."""
    changed: int = 0
    """Entries of a poll that are known and say something else now."""
    duplicates: int = 0
    """Entries of a poll, or the entry itself, known under another feed, URL or key."""
    next_at: Millis | None = None
    """When a feed is polled again; None: not any more, or at its time."""
    why: str = ""
    """The reason for that time."""
    op: Op | None = None
    """What was written for an entry; None: nothing, it was a duplicate or as before."""
    quarantined: bool = False
