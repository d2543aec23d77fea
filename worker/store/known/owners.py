"""Which feed keeps a URL that two of them show.

Normally the entry seen first. But a feed may list any page of any site, say what it likes of it, and be polled first;
if the page can't be had, or has less text than the feed, that feed's own words would be all that is ever written of the
article. So an entry with nothing from the page itself gives the URL up to a feed of the page's own site, which writes
an article of its own. If the text is the page's, only title, authors and date may be the stranger's: then the entry
itself becomes one of the page's own feed, which corrects them. Neither ever happens between two feeds of one site, or
back, so that no two feeds change an article in turns. The same holds if a link of that other site led to the page.

A feed is of a site if it is listed at an address there, or came from one. What it calls its site proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, select, update

from worker import urls
from worker.dedup import Ref, led_key
from worker.model import EntryId
from worker.store.database import tables as t
from worker.store.database.locks import Overtaken
from worker.store.known.feeds import free_duplicates, let_all_be_said
from worker.store.known.keys import stored
from worker.store.known.names import FEED_ID, URL
from worker.store.known.refs import has_key


def comes_home(connection: Connection, of: Ref, *, url: str | None, feed_urls: Sequence[str]) -> bool:
    """Whether `of`, whose text is that of the page at `url`, comes from a feed of another site, while the feed at
    `feed_urls` is of the page's."""
    if not of.has_page or of.is_blank or of.duplicate_of is not None or url is None:
        return False
    # That a link led there is known from the fetch alone: no feed can claim it.
    return _is_elsewhere(connection, of, url, feed_urls) and (of.url == url or has_key(connection, of, led_key(url)))


def is_a_strangers(connection: Connection, of: Ref, *, url: str | None, feed_urls: Sequence[str]) -> bool:
    """Whether `of`, which is known under `url`, has only its feed's own words and comes from a feed of another site,
    while the feed at `feed_urls` belongs to the site of `url`."""
    if not _has_own_words(of) or of.url != url or url is None:
        return False
    return _is_elsewhere(connection, of, url, feed_urls)


def _is_elsewhere(connection: Connection, of: Ref, url: str, feed_urls: Sequence[str]) -> bool:
    """Whether `of` comes from a feed of another site than that of `url`, to which the feed at `feed_urls` belongs."""
    if not _is_of(url, feed_urls):
        return False
    return not _is_of(url, _addresses(connection, {of.feed_id}).get(of.feed_id, [url]))


def has_left(of: Ref, *, url: str | None) -> bool:
    """Whether `of`, which is known under `url` because its own URL led there, is gone: that says nothing of the page at
    `url`."""
    return of.is_blank and of.url != url


def give_up(connection: Connection, of: Ref, url_key: bytes, *, is_its_own: bool) -> None:
    """Takes the URL with key `url_key` away from `of`. is_its_own: that is the URL of `of`, which will share it. Raises
    Overtaken if `of` no longer had it."""
    key = stored(url_key)
    its = (t.identity.c.key == key, t.identity.c.entry_id == of.entry_id)
    if not connection.execute(delete(t.identity).where(*its)).rowcount:
        raise Overtaken("another entry has the URL since it was looked for")
    if is_its_own:
        connection.execute(update(t.entry).where(t.entry.c.id == of.entry_id).values(shared_key=key))


def let_home_have(connection: Connection, written: Sequence[Ref], *, by_page: Collection[EntryId]) -> None:
    """For articles just written: entries from feeds of the article's own site that were meanwhile taken for duplicates.
    If the article is in its feed's own words, they will be new with the next poll; if it is in the page's (`by_page`),
    their feeds tell of it again, and it becomes theirs."""
    if not written:
        return
    of = {ref.entry_id: ref for ref in written}
    waiting = select(t.entry.c.id, t.entry.c.duplicate_of, URL, FEED_ID).where(t.entry.c.duplicate_of.in_(of))
    rows = connection.execute(waiting).all()
    if not rows:
        return
    at = _addresses(connection, {row.feed_id for row in rows} | {ref.feed_id for ref in written})
    home = [
        row
        for row in rows
        if row.url is not None
        and row.url == of[row.duplicate_of].url
        and _is_of(row.url, at.get(row.feed_id, ()))
        and not _is_of(row.url, at[of[row.duplicate_of].feed_id])
    ]
    free = [row.id for row in home if row.duplicate_of not in by_page]
    if free:
        free_duplicates(connection, select(t.entry.c.id).where(t.entry.c.id.in_(list(of))), t.entry.c.id.in_(free))
    tell = [row for row in home if row.duplicate_of in by_page]
    if tell:
        connection.execute(update(t.entry).where(t.entry.c.id.in_([row.id for row in tell])).values(version=b""))
        let_all_be_said(connection, sorted({row.feed_id for row in tell}))


def _addresses(connection: Connection, feed_ids: Collection[str]) -> dict[str, Sequence[str]]:
    """Where these feeds are listed, and where their documents came from last."""
    rows = connection.execute(select(t.feed.c.id, t.feed.c.url, t.feed.c.version_url).where(t.feed.c.id.in_(feed_ids)))
    return {row.id: [row.url, row.version_url or row.url] for row in rows}


def _is_of(url: str, feed_urls: Sequence[str]) -> bool:
    """Whether a feed at these addresses is of the site of `url`."""
    return any(urls.is_of_site(url, feed_url) for feed_url in feed_urls)


def says_of_another(me: Ref, of: Ref) -> bool:
    """Whether `of` comes from another feed and describes, in that feed's own words, the page at the URL of `me`."""
    return of.feed_id != me.feed_id and of.url is not None and of.url == me.url and _has_own_words(of)


def _has_own_words(of: Ref) -> bool:
    """Whether it has a record whose text is the feed's, not the page's."""
    return of.revision > 0 and not of.has_page and of.duplicate_of is None and of.skipped is None
