"""Signs that a site has moved, or gives its guids to other articles: then guids and links name the wrong entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from worker.dedup import NOTHING_SAID, Ref, Said, said_of
from worker.model import FeedId, PollDone, SeenEntry
from worker.store.known.shelf import Shelf, keys_of


def signs(shelf: Shelf, row: Row[Any], done: PollDone) -> Said:
    """What tells the entries if guids and links mislead: because all of them have changed, as when a site has moved, or
    because guids were given to other articles. Reads more than the shelf has only if there is a sign of that: something
    unknown in a document of which all elements are new, or which has no guids that tell."""
    found = ((seen, only_by_guid(shelf, seen)) for seen in done.entries)
    by_guid = [(seen, ref) for seen, ref in found if ref is not None and ref.version != seen.version]
    strange = sum(not _is_met(shelf, seen, done.feed_id) for seen in done.entries)
    strange += sum(seen.url_key is None for seen, _ in by_guid)
    is_whole = done.version is not None and done.version.entries == len(done.entries)
    is_strange = is_whole and strange > 0
    undated = row.body_hash is None  # what it says was read at another address, or under another id
    by_link = _by_link(shelf, done) if undated and is_whole else {}
    if not by_guid and not is_strange:
        return Said(refs=by_link) if by_link else NOTHING_SAID
    met = (ref for seen in done.entries for key in keys_of(seen) if (ref := shelf.under(key)))
    refs = said_of(done.entries, (ref for ref in met if ref.feed_id == done.feed_id), undated=undated)
    if is_strange or _lends(by_guid, refs):
        known = shelf.saying(done.feed_id, {seen.version for seen in done.entries})
        refs = said_of(done.entries, known, undated=undated)
    return Said(refs={**by_link, **refs}, lends=_lends(by_guid, refs))


def _by_link(shelf: Shelf, done: PollDone) -> Mapping[bytes, Ref]:
    """The known entries of a feed that got another id, under which no guid is known, by what is said of their links
    now."""
    if any(shelf.under(*seen.look_up) is not None for seen in done.entries):
        return {}
    times = Counter(seen.version for seen in done.entries)
    met = ((seen, shelf.under(seen.url_key)) for seen in done.entries if times[seen.version] == 1)
    return {
        seen.version: ref
        for seen, ref in met
        if ref is not None and ref.feed_id == done.feed_id and not shelf.is_list(seen.url_key)
    }


def _is_met(shelf: Shelf, seen: SeenEntry, feed_id: FeedId) -> bool:
    """Whether the feed may have shown the entry before, as far as its guid and link tell."""
    by_url = shelf.under(seen.url_key)
    return shelf.under(*seen.look_up, seen.own) is not None or (by_url is not None and by_url.feed_id == feed_id)


def _lends(by_guid: Sequence[tuple[SeenEntry, Ref]], refs: Mapping[bytes, Ref]) -> bool:
    """Whether one of these entries is known, and another is known under its guid."""
    return any(refs.get(seen.version, ref).entry_id != ref.entry_id for seen, ref in by_guid)


def only_by_guid(shelf: Shelf, seen: SeenEntry) -> Ref | None:
    """The entry known under the guid of `seen`, if none is under its guid with its link or title."""
    *closer, by_guid = seen.look_up
    if seen.own != by_guid or not closer or shelf.under(*closer) is not None:
        return None
    return shelf.under(by_guid)
