"""Decides what an entry is, and the article made from it. Pure: the store looks the keys up, and acts on the decision.

Both decisions are made inside the transaction that commits, so that if two workers meet the same content, only one
writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from worker.dedup.keys import led_key
from worker.model import Draft, EntryId, FeedId, Op, SeenEntry
from worker.urls import is_of_site, path_of, without_scheme

Skip = Literal["filter", "page", "backlog"]
"""What left an entry out: filter: what the feed says of it; page: its page, once read; backlog: the limit for the
feed's first poll (for good)."""


class Ref(NamedTuple):
    """An entry that the store knows. A tuple, because one is made for each entry met, and a frozen dataclass takes six
    times as long."""

    entry_id: EntryId
    feed_id: FeedId
    title_key: bytes
    revision: int
    """Of its last record; 0 if none was written (yet, or because it is a duplicate)."""
    revision_key: bytes
    text_mark: bytes | None
    """`model.text_mark` of its text; None if that is too short."""
    duplicate_of: EntryId | None
    has_page: bool = False
    """Whether the text of its last record came from its page; of a duplicate, the text it was judged by."""
    has_text: bool = False
    """Whether it has any text."""
    skipped: Skip | None = None
    """Why its feed's rules leave it out, if they do; then nothing can be its duplicate."""
    record_id: bytes = b""
    version: bytes = b""
    """The hash of what its feed said of it."""
    url: str | None = None
    cluster_id: bytes | None = None
    """The id of its story's first record, if that is another's."""
    copy_of: bytes | None = None
    """The id of the record that its own names as its original."""

    @property
    def is_blank(self) -> bool:
        """Whether its last record has no text and it is not a duplicate: it was deleted, or pointed to something that
        is gone."""
        return self.revision > 0 and not self.revision_key and self.duplicate_of is None

    @property
    def is_by_url(self) -> bool:
        """Whether it is a duplicate because of its URL, and not because of its text."""
        return self.duplicate_of is not None and self.text_mark is None

    @property
    def cluster(self) -> bytes | None:
        """The `cluster_id` of its record; None if it has none yet."""
        return self.cluster_id or (self.record_id if self.revision and self.text_mark else None)


@dataclass(frozen=True, slots=True)
class Known:
    """An entry that its feed has shown before."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class New:
    """An entry never seen before. `claims_url`: whether its canonical URL becomes its own."""

    claims_url: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry never seen before that the rules of its feed leave out. It does not get its URL, because another feed
    may want that."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A duplicate of `of`."""

    of: Ref


Verdict = Known | New | Skipped | Duplicate
"""What an entry of a poll is."""


@dataclass(frozen=True, slots=True)
class Write:
    """A record has to be written."""

    op: Op


@dataclass(frozen=True, slots=True)
class Nothing:
    """Unchanged; nothing has to be written."""


class Said(NamedTuple):
    """What tells the entries of a document where guids and links mislead."""

    refs: Mapping[bytes, Ref] = {}
    """Known entries, by what their feed said of them and now says of one entry (`SeenEntry.version`)."""
    lends: bool = False
    """Whether the feed has given guids to other articles, as it does if they are places in its list."""


NOTHING_SAID = Said()


def said_of(entries: Sequence[SeenEntry], known: Iterable[Ref], *, undated: bool) -> Mapping[bytes, Ref]:
    """Of the known entries of a feed, those of which it said what its document says of one entry. What is said of two
    is left out and, unless `undated`, what has no date, since an alert may come again in the same words."""
    times = Counter(seen.version for seen in entries if undated or seen.published is not None)
    found: dict[bytes, dict[EntryId, Ref]] = {}
    for ref in known:
        if times[ref.version] == 1:
            found.setdefault(ref.version, {})[ref.entry_id] = ref
    return {version: ref for version, (ref, *more) in ((v, refs.values()) for v, refs in found.items()) if not more}


def place(
    seen: SeenEntry,
    *,
    feed_id: FeedId,
    by_key: Ref | None,
    by_url: Ref | None,
    alone: Ref | None = None,
    by_guid: bool = False,
    said: Said = NOTHING_SAID,
) -> Verdict:
    """What an entry of a poll is, given the entries known under its keys, under its canonical URL, and under keys that
    other entries of its document have, too (`alone`). by_guid: `by_key` is known by its guid alone, so that link and
    title may be another's."""
    if by_key is not None and not (by_guid and _is_lent(seen, by_key, by_url, said)):
        return Known(by_key)
    if seen.version in said.refs:
        return Known(said.refs[seen.version])  # its guid and link have changed
    if alone is not None and _is_said_the_same(seen, alone):
        return Known(alone)
    if by_url is None or by_url.feed_id != feed_id:
        if seen.skipped is not None:
            return Skipped()
        return New(claims_url=seen.url_key is not None) if by_url is None else Duplicate(by_url)
    if not seen.has_guid or said.lends or seen.title_key == by_url.title_key:
        return Known(by_url)  # its guid has changed
    # A page that lists several things: the link belongs to none of the entries.
    return New(claims_url=False) if seen.skipped is None else Skipped()


def _is_lent(seen: SeenEntry, ref: Ref, by_url: Ref | None, said: Said) -> bool:
    """Whether the guid that names `ref` was given to another article: the feed says elsewhere what it said of `ref`, or
    gives new guids to all; link and title are another entry's; or another site is listed under the same id."""
    if ref.version in (seen.version, b""):
        return False
    if said.lends or ref.version in said.refs:
        return True
    if seen.url_key is None or seen.url is None or ref.url is None or seen.title_key == ref.title_key:
        return False
    if by_url is not None and by_url.feed_id == ref.feed_id:
        return by_url.entry_id != ref.entry_id and by_url.title_key == seen.title_key
    is_copy = by_url is not None and by_url.entry_id == ref.duplicate_of
    return not is_copy and not is_of_site(seen.url, ref.url)


def _is_said_the_same(seen: SeenEntry, ref: Ref) -> bool:
    """Whether the feed says the same of both: everything or, with a guid, the title. Entries that share guid, link and
    title are one."""
    same_title = seen.has_guid and bool(seen.title_key) and seen.title_key == ref.title_key
    same_url = without_scheme(seen.url or "") == without_scheme(ref.url or "")
    return same_url and (same_title or seen.version == ref.version)


def has_other_url(seen: SeenEntry, ref: Ref, *, by_url: Ref | None) -> bool:
    """Whether a known entry that was a duplicate because of its URL now has another, which no other entry has."""
    return ref.is_by_url and seen.url_key is not None and by_url is None and seen.url != ref.url


def has_moved(seen: SeenEntry, ref: Ref, *, of: Ref) -> bool:
    """Whether the article of `of`, of which `ref` is a duplicate because of its URL, is meant by its other URL, too: it
    differs in the site's name alone, or the entry has, or had as it was found to be a duplicate, that article's title.
    If not, the entry is one for itself."""
    if seen.url and ref.url and path_of(seen.url) == path_of(ref.url):
        return True
    return bool(of.title_key) and of.title_key in (seen.title_key, ref.title_key)


def is_wanted_again(seen: SeenEntry, ref: Ref, *, changed: bool, other_filters: bool) -> bool:
    """Whether an entry that was left out before is wanted now.

    changed: its feed says something different of it. other_filters: the filters differ from those it was judged by. If
    its page was the reason, it is only judged again in these cases, because otherwise the page would be fetched
    whenever the feed is read whole.
    """
    if seen.skipped is not None or ref.skipped == "backlog":
        return False
    return ref.skipped == "filter" or changed or other_filters


def judge(draft: Draft, *, entry: Ref, by_text: Ref | None, by_urls: Sequence[Ref]) -> Write | Nothing | Duplicate:
    """What the article of `entry` is, given the entry that has its text, and those that have the URLs found with its
    page.

    A URL that the page names is only believed if title or text agree, because sites redirect removed pages to their
    front page and name that as canonical; or if a link from another site led to the very page of the entry that has it.
    Text from a page is never replaced by less: if the page can't be had again, the feed's summary would be a poor
    correction. Nor is any text replaced by none.
    """
    if entry.revision and not entry.is_blank:
        less = (entry.has_page and draft.extraction != "ok") or (entry.has_text and draft.is_empty)
        same = entry.revision_key in (draft.revision_key, draft.hashed_key, draft.undated_key)
        return Nothing() if less or same else Write("update")
    if by_text is not None and by_text.entry_id != entry.entry_id:
        return Duplicate(by_text)
    for other in by_urls:
        same_title = bool(draft.title_key) and draft.title_key == other.title_key
        same_text = draft.text_mark is not None and draft.text_mark == other.text_mark
        same_page = other.url is not None and other.skipped is None and led_key(other.url) in draft.url_keys
        if other.entry_id != entry.entry_id and (same_title or same_text or same_page):
            return Duplicate(other)
    return Write("update" if entry.revision else "new")


def may_be_another(draft: Draft, *, entry: Ref) -> bool:
    """Whether what came of a duplicate now may show that it no longer is one. A duplicate by URL stays one, whatever
    its feed says; and one that was recognised by its page's text is not separated by anything less than a page."""
    return entry.text_mark is not None and not draft.is_empty and (draft.extraction == "ok" or not entry.has_page)
