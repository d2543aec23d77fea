"""Results of work, to be finished."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.document import Hub
from worker.model.drafts import Draft, SeenEntry
from worker.model.feed import EntryId, FeedId, Millis
from worker.model.outcome import FailureClass
from worker.model.rules import NO_LIMIT, Backlog
from worker.model.timing import NO_HINTS, Freshness, Hints
from worker.model.work import NO_VALIDATORS, Lease, Validators


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
