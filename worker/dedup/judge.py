"""The judgement on an entry, and on the article it led to. Pure: the store looks the keys up, and acts.

Both are made inside the transaction that commits, so that of two workers who meet the same content only one writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from worker.model import Draft, EntryId, FeedId, Op, SeenEntry
from worker.urls import without_scheme

Skip = Literal["filter", "page", "backlog"]
"""What left an entry out: a filter, by what the feed says; a filter, when its page was read; the limit of the feed's
first poll, which is for good."""


class Ref(NamedTuple):
    """An entry that the store knows. There is one for each that is met: a frozen dataclass takes six times as long to
    make."""

    entry_id: EntryId
    feed_id: FeedId
    title_key: bytes
    revision: int
    """Of its last record; 0 where none was written (yet, or because it is a duplicate)."""
    revision_key: bytes
    text_mark: bytes | None
    """Of its text, as `model.text_mark` has it; None where that is too short."""
    duplicate_of: EntryId | None
    has_page: bool = False
    """Its last record holds the text of its page; of a duplicate, what it was judged by."""
    has_text: bool = False
    """It holds a text."""
    skipped: Skip | None = None
    """Why its feed's rules leave it out, if they do; then it stands for no other."""
    record_id: bytes = b""
    version: bytes = b""
    """What its feed said of it."""
    url: str | None = None
    cluster_id: bytes | None = None
    """The record that was the first of its story, where that is another one."""
    copy_of: bytes | None = None
    """The record of which its own is named as a near-duplicate."""

    @property
    def is_blank(self) -> bool:
        """Its last record has no text, and nobody stands for it: it was deleted, or pointed to what is gone."""
        return self.revision > 0 and not self.revision_key and self.duplicate_of is None

    @property
    def cluster(self) -> bytes | None:
        """What its record has for `cluster_id`; None where it has none yet."""
        return self.cluster_id or (self.record_id if self.revision and self.text_mark else None)


@dataclass(frozen=True, slots=True)
class Known:
    """The entry is one that its feed has shown before."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class New:
    """An entry never seen; `claims_url` says whether its canonical URL is to be its own from now on."""

    claims_url: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry never seen that the rules of its feed leave out. Its URL is not its own: another feed may want it."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another entry stands for it."""

    of: Ref


@dataclass(frozen=True, slots=True)
class Write:
    """A record is due."""

    op: Op


@dataclass(frozen=True, slots=True)
class Nothing:
    """As it was: nothing to write."""


def place(
    seen: SeenEntry, *, feed_id: FeedId, by_key: Ref | None, by_url: Ref | None, alone: Ref | None = None
) -> Known | New | Skipped | Duplicate:
    """What an entry of a poll is, given who is known under its keys, under its canonical URL, and under what others of
    its document carry too."""
    if by_key is not None:
        return Known(by_key)
    if alone is not None and _is_said_the_same(seen, alone):
        return Known(alone)
    if by_url is None or by_url.feed_id != feed_id:
        if seen.skipped is not None:
            return Skipped()
        return New(claims_url=seen.url_key is not None) if by_url is None else Duplicate(by_url)
    if not seen.has_guid or seen.title_key == by_url.title_key:
        return Known(by_url)  # its guid has changed
    # One page that lists many things: the link is no entry's own.
    return New(claims_url=False) if seen.skipped is None else Skipped()


def _is_said_the_same(seen: SeenEntry, ref: Ref) -> bool:
    """All, or under a guid the title: what shares guid, link and title is one entry."""
    same_title = seen.has_guid and bool(seen.title_key) and seen.title_key == ref.title_key
    same_url = without_scheme(seen.url or "") == without_scheme(ref.url or "")
    return same_url and (same_title or seen.version == ref.version)


def is_for_itself(seen: SeenEntry, ref: Ref, *, by_url: Ref | None) -> bool:
    """Whether a known entry for which another stands, whose URL it had, has one now that is nobody's."""
    return ref.duplicate_of is not None and ref.text_mark is None and seen.url_key is not None and by_url is None


def is_wanted_again(seen: SeenEntry, ref: Ref, *, changed: bool, other_filters: bool) -> bool:
    """Whether an entry that was left out before is wanted now.

    changed: its feed says something else of it. other_filters: than those it was judged by. What its page decided is
    asked again only then: else the page would be fetched each time that all of the feed is gone through.
    """
    if seen.skipped is not None or ref.skipped == "backlog":
        return False
    return ref.skipped == "filter" or changed or other_filters


def judge(draft: Draft, *, entry: Ref, by_text: Ref | None, by_urls: Sequence[Ref]) -> Write | Nothing | Duplicate:
    """What the article of `entry` is, given who has its text, and who the URLs that its page revealed.

    A page's word for its URL is believed only where title or text agree: sites redirect what is gone to their front
    page, and name that as canonical. What a page gave is not replaced by less: where it can't be had again, the feed's
    summary would be a poor correction. Nor is any text by none.
    """
    if entry.revision and not entry.is_blank:
        less = (entry.has_page and draft.extraction != "ok") or (entry.has_text and draft.is_empty)
        same = entry.revision_key in (draft.revision_key, draft.hashed_key)
        return Nothing() if less or same else Write("update")
    if by_text is not None and by_text.entry_id != entry.entry_id:
        return Duplicate(by_text)
    for other in by_urls:
        same_title = bool(draft.title_key) and draft.title_key == other.title_key
        same_text = draft.text_mark is not None and draft.text_mark == other.text_mark
        if other.entry_id != entry.entry_id and (same_title or same_text):
            return Duplicate(other)
    return Write("update" if entry.revision else "new")


def may_be_another(draft: Draft, *, entry: Ref) -> bool:
    """Whether an entry that is a duplicate may be none any more, by what came of it now. What is another's by its URL
    stays that, whatever its feed says; and who was one by its page's text is not told from it by less."""
    return entry.text_mark is not None and not draft.is_empty and (draft.extraction == "ok" or not entry.has_page)
