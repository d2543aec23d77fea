"""What is made of an entry before the commit, which alone knows whether it is new and who had it first."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.feed import Extraction, Millis
from worker.model.pickling import by_place
from worker.model.story import Credit, Sketch


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
    """Hashes of the canonical URLs found with the page: after redirects, and its rel=canonical; and `dedup.led_key` of
    where redirects ended, if that is another site."""
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
