"""Results of work to be finished, and what finishing makes of them."""

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
    """The first 8 bytes of a text's key: kept as long as the entry is known, and for texts that were taken down. That
    is enough because only the texts of two entries are compared, or a few taken-down ones; only telling all texts apart
    takes more."""
    return None if text_key is None else text_key[:8]


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record without what only the commit knows: op, revision, seq, time of ingestion, duplicates."""

    body: bytes
    """JSON of the record without those."""
    pointer: bytes | None = None
    """The record without its content, written if it turns out to be a duplicate; None: then nothing is written."""
    text_key: bytes | None
    """Hash of the normalised text; None if the text is too short to identify anything."""
    title_key: bytes
    revision_key: bytes
    """Hash of title, text, authors and dates; if it changes, an update is written."""
    hashed_key: bytes
    """The same with the hash of the text in place of the text: all that can be known of a record from which learned
    lines were cut."""
    undated_key: bytes
    """`revision_key` without the dates."""
    site: str = ""
    """The site whose lines are learned from it; empty if there is no text."""
    lines: bytes = b""
    """`dedup.line_keys` of its text."""
    removal: bytes | None = None
    """The record without its content, if the page is gone: written once that is certain."""
    url_keys: tuple[bytes, ...] = ()
    """Hashes of the canonical URLs found with the page: after redirects, and its rel=canonical."""
    sketch: Sketch | None = None
    """Of the text, by which copies are recognised; None if it is too short."""
    credit: Credit | None = None
    """Where the article says it comes from."""
    extraction: Extraction
    retry: bool = False
    """The page had something in place of the article, so it is worth fetching again."""
    reason: str | None = None
    skipped: str | None = None
    """Why the feed's filters leave it out, now that its page was read; None: they don't."""
    filters: bytes = b""
    """Those filters (`Rules.filters_key`)."""

    @property
    def text_mark(self) -> bytes | None:
        return text_mark(self.text_key)

    @property
    def is_empty(self) -> bool:
        """Whether it has no text."""
        return self.extraction in ("failed", "blocked") or (self.extraction == "paywalled" and not self.lines)

    @property
    def barred_by(self) -> set[bytes]:
        """Keys that must not belong to anything taken down. For texts these include the full key, which older states
        stored."""
        keys = (*self.url_keys, self.text_key, self.text_mark)
        return {key for key in keys if key is not None}


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEntry:
    """An entry of a poll, with everything needed to decide at commit whether it is new."""

    look_up: tuple[bytes, ...]
    """Keys under which its feed may know it, most specific first."""
    own: bytes
    """The key under which it will be known. The first one an entry was seen under is its record's id."""
    alone: tuple[bytes, ...] = ()
    """Keys under which it was known if other entries have only since got the same guid or link; see
    `dedup.Identity`."""
    has_guid: bool
    """Whether it has a guid that says more than its link."""
    url_key: bytes | None
    """Hash of its canonical URL, if that URL identifies it."""
    title_key: bytes
    version: bytes
    """Hash of what the feed says of it; if it differs, the entry may have changed."""
    url: str | None
    """Its canonical URL."""
    page: str | None
    """The URL to fetch; None if no page is wanted."""
    host: str
    """The host of `page`; empty if there is no page."""
    published: Millis | None = None
    entry: bytes
    pointer: bytes | None = None
    """JSON of the record without content, written if it is a duplicate; None: then nothing is written."""
    skipped: str | None = None
    """Why its feed's filters leave it out, for people; None: they don't, or the page has to be read first."""
    draft: Draft | None = None
    """If no page is wanted: its record, as if it was first seen by this poll. None: still to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedVersion:
    """What was learned of a feed document. Saved together with the entries that came with it, never before."""

    url: str
    """Where it came from; its validators mean nothing elsewhere."""
    validators: Validators
    body_hash: bytes
    elements: tuple[bytes, ...] | None
    """None leaves the stored ones, and the hints, as they are."""
    entries: int = 0
    """How many entries the document has, known and new."""
    hints: Hints = NO_HINTS
    """From the document."""
    hub: Hub | None = None
    """The hub that it advertises."""
    title: str | None = None
    site_url: str | None = None
    flaw: str | None = None
    """What was wrong with the document, if it could be read all the same; stored until another one comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDone:
    """A finished poll. When the next one is due is decided at commit, when it is known what is new."""

    lease: Lease
    feed_id: FeedId
    at: Millis
    chance: float = 0.5
    """Uniform in [0, 1), for the next poll's time."""
    status: int | None = None
    error: str | None = None
    failure: FailureClass | None = None
    """The class of `error`."""
    retry_after_s: float | None = None
    """How long the server asks not to be asked for the feed."""
    patience_s: float | None = None
    """How long we wait because the server refused without saying for how long."""
    not_before: Millis | None = None
    """The host must not be asked anything before this time."""
    fresh: Freshness | None = None
    version: FeedVersion | None = None
    entries: tuple[SeenEntry, ...] = ()
    unchanged: bool = False
    """The server, or identical bytes, showed that nothing is new."""
    refresh: bool = False
    """`entries` has all entries of the document, including known ones."""
    audit: bool = False
    """The whole document was requested to check whether the 304s before were right."""
    filters: bytes = b""
    """The filters its entries were judged by (`Rules.filters_key`)."""
    backlog: Backlog = NO_LIMIT
    """How many of the entries are taken if this is the feed's first poll."""
    older: str | None = None
    """The page before the document, if the owner wants older pages to be read."""
    led_to: str | None = None
    """Where redirects led from where the poll began, if all of them were permanent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """An older page of a feed that was read, or could not be."""

    lease: Lease
    feed_id: FeedId
    at: Millis
    entries: tuple[SeenEntry, ...] = ()
    """Those that are young enough."""
    older: str | None = None
    """The page before it, to be read if this one has brought anything."""
    further: tuple[str, ...] = ()
    """Sitemaps to be read in any case."""
    url: str = ""
    """The URL that was requested."""
    filters: bytes = b""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """The search for a lost feed on its site."""

    lease: Lease
    feed_id: FeedId
    found: str | None
    """The feed that its site names now."""
    not_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A request to a hub to announce a feed's new entries."""

    lease: Lease
    feed_id: FeedId
    at: Millis
    error: str | None
    """Why it failed or was refused; None: the hub accepted the request."""
    not_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestDone:
    lease: Lease
    entry_id: EntryId
    at: Millis
    draft: Draft
    not_before: Millis | None = None
    followed: bool = False
    """The operator wants to know when the article is edited or its page is gone."""
    look_at: Millis | None = None
    """When to look at the page again."""
    validators: Validators = NO_VALIDATORS
    """Of the page, for that look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsBefore:
    """A page that was looked at again and has not changed (304)."""

    lease: Lease
    entry_id: EntryId
    at: Millis
    look_at: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The page could not be had and is tried again."""

    lease: Lease
    due_at: Millis
    reason: str
    throttled: bool = False
    """The host asked to wait, which is no failure of the page and uses up none of its tries."""
    not_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A redirect: the same work at a new address, when it is that host's turn."""

    lease: Lease
    url: str
    host: str
    hops: int
    permanent: bool = True
    not_before: Millis | None = None
    """The redirected request must not be sent before this time (Retry-After)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRead:
    """A robots.txt was fetched in the turn of a page, which still has to be fetched itself."""

    lease: Lease
    at: Millis
    url: str
    """Of the robots.txt."""
    text: bytes | None = None
    """The rules; empty if there are none."""
    see: str | None = None
    """Where it redirects to."""
    problem: str | None = None
    """Why it could not be read."""
    crawl_delay_ms: int = 0
    host: str
    """The host whose turn the work needs next: the page's, or that of `see`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """Given up unfinished, at shutdown or because this machine could not do it. Due again without being counted."""

    lease: Lease
    due_at: Millis | None = None
    """None: at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Handling the work failed with an internal error. Counted; repeated failures lead to quarantine."""

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
