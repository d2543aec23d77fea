"""Whose a URL is that two feeds show.

The first of them stands for it, whoever that is. But a feed may list any page of any site, say of it what it likes, and
be polled first: where the page itself could not be had, or says less than the feed, its own words would be all that is
ever written of the article. So who has nothing of the page gives the URL up to a feed of the page's own site.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update

from worker import urls
from worker.dedup import Ref
from worker.store.database import tables as t
from worker.store.database.locks import Overtaken
from worker.store.known.feeds import free_duplicates
from worker.store.known.keys import stored
from worker.store.known.names import FEED_ID, URL


def is_a_strangers(connection: Connection, of: Ref, *, url: str | None, feed_url: str) -> bool:
    """Whether `of`, which is known under `url`, has only its feed's own words for it, while the feed at `feed_url` is
    of the site of `url`, and that of `of` is not."""
    if not _has_own_words(of) or of.url != url or url is None or not urls.is_of_site(url, feed_url):
        return False
    theirs = connection.scalar(select(t.feed.c.url).where(t.feed.c.id == of.feed_id))
    return theirs is not None and not urls.is_of_site(url, theirs)


def give_up(connection: Connection, of: Ref, url_key: bytes) -> None:
    """`of` stands no more for its URL, which has this key. Raises Overtaken where it did not any longer."""
    key = stored(url_key)
    its = (t.identity.c.key == key, t.identity.c.entry_id == of.entry_id)
    if not connection.execute(delete(t.identity).where(*its)).rowcount:
        raise Overtaken("another entry has the URL since it was looked for")
    connection.execute(update(t.entry).where(t.entry.c.id == of.entry_id).values(shared_key=key))


def let_home_have(connection: Connection, written: Sequence[Ref]) -> None:
    """Of articles that were written in their feeds' own words: what feeds of their sites have shown meanwhile, and was
    taken for a duplicate, is new again with the next poll."""
    if not written:
        return
    of = {ref.entry_id: ref for ref in written}
    waiting = select(t.entry.c.id, t.entry.c.duplicate_of, URL, FEED_ID).where(t.entry.c.duplicate_of.in_(of))
    rows = connection.execute(waiting).all()
    if not rows:
        return
    ids = {row.feed_id for row in rows} | {ref.feed_id for ref in written}
    feeds = {
        row.id: row.url for row in connection.execute(select(t.feed.c.id, t.feed.c.url).where(t.feed.c.id.in_(ids)))
    }
    free = [
        row.id
        for row in rows
        if row.url is not None
        and row.url == of[row.duplicate_of].url
        and row.feed_id in feeds
        and urls.is_of_site(row.url, feeds[row.feed_id])
        and not urls.is_of_site(row.url, feeds[of[row.duplicate_of].feed_id])
    ]
    if free:
        free_duplicates(connection, select(t.entry.c.id).where(t.entry.c.id.in_(list(of))), t.entry.c.id.in_(free))


def says_of_another(me: Ref, of: Ref) -> bool:
    """Whether `of` is what a stranger said of the page that is the URL of `me`, in words of its own."""
    return of.feed_id != me.feed_id and of.url is not None and of.url == me.url and _has_own_words(of)


def _has_own_words(of: Ref) -> bool:
    """A record of it was written, and its text is not the page's."""
    return of.revision > 0 and not of.has_page and of.duplicate_of is None and of.skipped is None
