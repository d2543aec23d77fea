"""What is to be finished, and what finishing it came to."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.document import Hub
from worker.model.feed import EntryId, Extraction, FeedId, Millis, Op
from worker.model.outcome import FailureClass
from worker.model.pickling import by_place
from worker.model.rules import NO_LIMIT, Backlog
from worker.model.story import Credit, Sketch
from worker.model.timing import NO_HINTS, Freshness, Hints
from worker.model.work import NO_VALIDATORS, Lease, Validators


def text_mark(text_key: bytes | None) -> bytes | None:
    """The first 8 bytes of a text's key: what is kept of it for as long as an entry is known, and of a text that was
    taken down. Few are, and what is compared are two entries' texts: only to tell all texts apart takes more."""
    return None if text_key is None else text_key[:8]


@by_place
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
    hashed_key: bytes
    """The same, of the text its hash alone: of a record whose text lacks learned lines, no more can be told."""
    site: str = ""
    """Whose lines are learned with it; empty where there is no text."""
    lines: bytes = b""
    """`dedup.line_keys` of its text."""
    removal: bytes | None = None
    """The same without its content, where the page is gone: written once that is sure."""
    url_keys: tuple[bytes, ...] = ()
    """Hashes of the canonical URLs that the page revealed: after redirects, by rel=canonical."""
    sketch: Sketch | None = None
    """Of the text, by which its copies are known; None where it is too short."""
    credit: Credit | None = None
    """Where it says that it is from."""
    extraction: Extraction
    retry: bool = False
    """Something stood in the article's place on its page: it is worth asking again."""
    reason: str | None = None
    skipped: str | None = None
    """Why its feed's filters leave it out, now that its page was read; None: they don't."""
    filters: bytes = b""
    """Those filters, as `Rules.filters_key`."""

    @property
    def text_mark(self) -> bytes | None:
        return text_mark(self.text_key)

    @property
    def is_empty(self) -> bool:
        """It has no text."""
        return self.extraction in ("failed", "blocked") or (self.extraction == "paywalled" and not self.lines)

    @property
    def barred_by(self) -> set[bytes]:
        """The keys of which none may be of what was taken down; of texts there are longer ones, from older states."""
        keys = (*self.url_keys, self.text_key, self.text_mark)
        return {key for key in keys if key is not None}


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEntry:
    """An entry of a poll, with all that is needed to judge at commit whether it is new."""

    look_up: tuple[bytes, ...]
    """Keys under which its feed may know it, the most specific first."""
    own: bytes
    """The key under which it will be known; the first one seen is the record's id."""
    alone: tuple[bytes, ...] = ()
    """Keys under which it is known if others carry its guid or link only since; see `dedup.Identity`."""
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
    skipped: str | None = None
    """Why its feed's filters leave it out, for people; None: they don't, or the page has to be read first."""
    draft: Draft | None = None
    """Its record, as of an entry first seen by this poll, where no page is wanted; None: it is still to be made."""


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
    hub: Hub | None = None
    """That it advertises."""
    title: str | None = None
    site_url: str | None = None
    flaw: str | None = None
    """What was wrong with the document, where it could be read all the same; known on until another comes."""


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
    """The feed is not to be asked for so long, by its server's word."""
    patience_s: float | None = None
    """Nor for so long by our own, since the server refused and did not say for how long."""
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
    filters: bytes = b""
    """`Rules.filters_key` of the feed: what its entries were judged by."""
    backlog: Backlog = NO_LIMIT
    """How much is taken of what the feed shows, should it be polled for the first time."""
    older: str | None = None
    """The page before the document, where the owner wants such to be read."""
    led_to: str | None = None
    """Where redirects that were all permanent led from where the poll began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """An older page of a feed that was read, or could not be."""

    lease: Lease
    feed_id: FeedId
    at: Millis
    entries: tuple[SeenEntry, ...] = ()
    """Those that are wanted by their age."""
    older: str | None = None
    """The page before it, if that is to be read too should this one have brought anything."""
    further: tuple[str, ...] = ()
    """Sitemaps that are to be read too, whatever this document has brought."""
    url: str = ""
    """Where it was asked for."""
    filters: bytes = b""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A look for a feed that is lost."""

    lease: Lease
    feed_id: FeedId
    found: str | None
    """The feed that its site names now."""
    not_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A hub that was asked to tell of a feed's new entries."""

    lease: Lease
    feed_id: FeedId
    at: Millis
    error: str | None
    """Why it could not be, or refused; None: it took the question."""
    not_before: Millis | None = None


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
    validators: Validators = NO_VALIDATORS
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


Done = (
    PollDone | Walked | Sought | Subscribed | IngestDone | AsBefore | Retry | Moved | RobotsRead | HandedBack | Broken
)


# --- what finishing it came to ----------------------------------------------------------------------------------------


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
    skipped: int = 0
    """Entries of a poll, or the entry itself, that the rules of the feed leave out."""
    next_at: Millis | None = None
    """When a feed is polled again; None: not any more, or at its time."""
    why: str = ""
    """The reason for that time."""
    missed: float | None = None
    """Entries of the feed that are likely to have come and gone unseen since the poll before; None: there is no gap."""
    begun: tuple[bytes, ...] = ()
    """The record ids of the entries that are new, in bytes."""
    duplicate_of: bytes | None = None
    """The record that had the article first, of an entry that is a duplicate or nearly one."""
    op: Op | None = None
    """What was written for an entry; None: nothing, it was a duplicate or as before."""
    quarantined: bool = False
    ingested: tuple[Ingested, ...] = ()
    """Entries of a poll that were drafted with it, and finished with it."""

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
