"""The identities of an entry.

Within a feed an entry is known by its guid; where it has none, by its canonical URL; where that fails too, by a hash
of what it says. Across feeds it is known by its canonical URL. Real feeds break each of these:

- one guid on several entries of a document: guid and link together identify there, guid and title where the link is
  none or shared, and where one of them is met again alone, the pair is looked up before the guid;
- one link on several entries, or a link to the site's front page: it identifies nothing;
- guid or link, or both, are repeated only later: who says the same as the entry known under them is that one
  (`judge.place`);
- guids and links that go from http to https, all at once: the scheme is no part of the keys within a feed;
- a guid that changes while the link stays: `judge.place` takes it for the same entry if the title is the same too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from worker import urls
from worker.dedup.text import KEY_BYTES
from worker.dedup.words import said
from worker.model import Entry, FeedId


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The keys of an entry, 16 bytes each."""

    look_up: tuple[bytes, ...]
    """Under which it may be known in its feed, the most specific first."""
    own: bytes
    """Under which it will be known."""
    url: str | None
    """Its canonical URL."""
    url_key: bytes | None
    """Under which any feed knows it; None where the URL does not identify it."""
    alone: tuple[bytes, ...] = ()
    """Under which its feed knows it if nothing else carried its guid or link when it was met, the most specific
    first. It is that one if the same is said of it."""


def identity(
    entry: Entry,
    *,
    feed_id: FeedId,
    repeated_guids: frozenset[str] = frozenset(),
    repeated_urls: frozenset[str] = frozenset(),
    site_url: str | None = None,
) -> Identity:
    """The keys of `entry`; the repeated guids and canonical URLs are those of its document."""
    url = urls.canonical_if_any(entry.url)
    shared = url is None or url in repeated_urls or urls.is_home(url) or url == urls.canonical_if_any(site_url)
    by_url = None if url is None or shared else url_key(url)
    link = urls.without_scheme(url or "")
    title = _said(entry.title)
    if entry.guid:
        guid = urls.without_scheme(entry.guid)
        by_title = _key("guid+title", feed_id, guid, link, title or _said(entry.content or entry.summary))
        alone = _key("guid", feed_id, guid)
        by_both = _key("guid+link", feed_id, guid, link)
        if entry.guid not in repeated_guids:
            # Also where others share the link: they may do so only since.
            look_up = (by_both, by_title, alone) if not shared or url in repeated_urls else (by_title, alone)
            return Identity(look_up=look_up, own=alone, url=url, url_key=by_url)
        if shared:
            return Identity(look_up=(by_title,), own=by_title, url=url, url_key=by_url, alone=(by_both, alone))
        return Identity(look_up=(by_both, by_title), own=by_both, url=url, url_key=by_url, alone=(alone,))
    by_link = _key("link", feed_id, link)
    if not shared:
        return Identity(look_up=(by_link,), own=by_link, url=url, url_key=by_url)
    content = _said(entry.content or entry.summary)
    own = _key("text", feed_id, link, title, str(entry.published or ""), content)
    return Identity(look_up=(own,), own=own, url=url, url_key=by_url, alone=(by_link,) if link else ())


def url_key(url: str) -> bytes:
    """16 bytes for a canonical URL."""
    return _key("url", url)


def _said(text: str | None) -> str:
    return said(text or "").decode()


def _key(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
