"""An article that another site's feed showed first becomes one of its page's own feed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from worker.dedup import Ref, url_key
from worker.model import EntryId, PollDone, SeenEntry
from worker.store.database import tables as t
from worker.store.finish.duplicates import SAME_TEXT, SAME_URL
from worker.store.known.names import code_of, origin, url_columns
from worker.store.known.owners import comes_home
from worker.store.known.refs import has_key
from worker.store.known.shelf import Shelf

_PLACE = select(t.entry.c.feed_no, t.entry.c.origin_no, t.entry.c.path).where(t.entry.c.id == bindparam("of"))


def take_home(shelf: Shelf, of: Ref, seen: SeenEntry, done: PollDone, *, feed_urls: Sequence[str]) -> Ref | None:
    """`of`, known under the URL of `seen`, which is made an entry of the feed polled as that is the page's own; None if
    it stays with its own. What that says of it counts no more (`Shelf.is_anothers`)."""
    home = of._replace(feed_id=done.feed_id, url=seen.url)
    if of.feed_id == home.feed_id or not comes_home(shelf.connection, of, url=seen.url, feed_urls=feed_urls):
        return None
    values: dict[str, object] = {"feed_no": shelf.numbers({home.feed_id})[home.feed_id]}
    if seen.url is not None and of.url != seen.url:
        _leave_link(shelf, of, done)
        # What this feed says now is read in any case, at the page's own address.
        values |= {**url_columns(seen.url, shelf.numbers({origin(seen.url)})), "shared_key": None, "version": b""}
        home = home._replace(version=b"")
    shelf.connection.execute(update(t.entry).where(t.entry.c.id == of.entry_id).values(values))
    shelf.connection.execute(update(t.work).where(t.work.c.entry_id == of.entry_id).values(feed_id=home.feed_id))
    shelf.refs[of.entry_id] = home
    return home


def _leave_link(shelf: Shelf, of: Ref, done: PollDone) -> None:
    """Leaves the link of `of`, which led to the page of another site, to a new entry of its feed, as if that had come
    second and were its duplicate: should the link lead to something else one day, that will be an article."""
    key = None if of.url is None else url_key(of.url)
    if key is None or not has_key(shelf.connection, of, key):
        return
    place = shelf.connection.execute(_PLACE, {"of": of.entry_id}).one()
    row = {
        **place._mapping,
        "record_id": key,
        "shared_key": None,
        "version": of.version,
        "title_key": of.title_key,
        "first_seen_at": done.at,
        "revision": 0,
        "revision_key": b"",
        "text_mark": of.text_mark,
        "extraction": code_of("ok"),
        "duplicate_of": of.entry_id,
        "reason": SAME_TEXT if of.text_mark else SAME_URL,
    }
    shelf.write()
    (entry_id,) = shelf.add([row])
    link = of._replace(entry_id=EntryId(entry_id), record_id=key, duplicate_of=of.entry_id)
    shelf.hand_over(key, link._replace(revision=0, revision_key=b"", cluster_id=None, copy_of=None))
