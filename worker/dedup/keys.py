"""The identities of an entry.

Within a feed an entry is known by its guid; if it has none, by its canonical URL; if it has none of its own either, by
a hash of its contents. Across feeds it is known by its canonical URL. Real feeds break each of these rules:

- one guid on several entries of a document: then guid and link together identify an entry, or guid and title if the
  link is missing or shared; when one of them is met alone later, the pair is looked up before the guid;
- one link on several entries, or a link to the site's front page: such a link identifies nothing;
- guid, link or both are repeated only later: the entry with the same contents as the known one is that one
  (`judge.place`);
- guids and links change from http to https, all at once: within a feed the scheme is not part of the keys;
- a guid changes while the link stays: `judge.place` takes it for the same entry if the title is the same, too;
- a guid is the link with the number of a version, as the BBC's are, and changes with the title: it says no more than
  the link (`has_guid`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from worker import urls
from worker.dedup.text import KEY_BYTES
from worker.dedup.words import said
from worker.model import Entry, FeedId
from worker.record import is_id

_OF_VERSION = re.compile(r"([^#]+)#\d{1,2}")  # "https://www.bbc.com/news/articles/c0r47ey0d1vo#2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The keys of an entry, 16 bytes each."""

    look_up: tuple[bytes, ...]
    """Keys under which it may be known in its feed, most specific first."""
    own: bytes
    """The key under which it will be known."""
    url: str | None
    """Its canonical URL."""
    url_key: bytes | None
    """The key under which any feed knows it; None if the URL does not identify it."""
    alone: tuple[bytes, ...] = ()
    """Keys under which its feed knows it if its guid or link was not shared yet when it was met, most specific first.
    It is that entry if its contents are the same."""


def identity(
    entry: Entry,
    *,
    feed_id: FeedId,
    repeated_guids: frozenset[str] = frozenset(),
    repeated_urls: frozenset[str] = frozenset(),
    site_url: str | None = None,
) -> Identity:
    """The keys of `entry`. `repeated_guids` and `repeated_urls` (canonical) are those of its document."""
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
            # Also if others share the link, because they may have begun to only now.
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


def has_guid(entry: Entry) -> bool:
    """Whether it has a guid that says more than its link."""
    if entry.guid is None or entry.url is None or "#" in entry.url:
        return entry.guid is not None
    version = _OF_VERSION.fullmatch(entry.guid)
    return version is None or urls.canonical_if_any(version[1]) != urls.canonical_if_any(entry.url)


def url_key(url: str) -> bytes:
    """16 bytes for a canonical URL."""
    return _key("url", url)


def led_key(url: str) -> bytes:
    """16 bytes for the canonical URL of a page to which a link of another site led: whose that link is is known under
    it, beside the page's own key."""
    return _key("led to", url)


def page_keys(found: Iterable[str | None], *, link: str | None, ended_at: str | None) -> tuple[bytes, ...]:
    """The keys that an article's page adds to its entry's, whose URL is `link`: of the URLs `found` with it, front
    pages aside, and `led_key` of that where the link `ended_at` if that is on another site. All URLs are canonical."""
    revealed = {url for url in found if url and url != link and not urls.is_home(url)}
    keys = [url_key(url) for url in revealed]
    if link and ended_at in revealed and not urls.is_of_site(ended_at, link):
        keys.append(led_key(ended_at))
    return tuple(sorted(keys))


class Name(NamedTuple):
    """An article as somebody names it: by its URL, or by the id of its record."""

    key: bytes
    """The hash of the URL, or the id: under this it is known, or kept out."""
    url: str | None = None
    """The canonical URL; None if it is named by the id."""


def name_of(text: str) -> Name | None:
    """None if the text is neither an http(s) URL, in any spelling, nor the id of a record."""
    if is_id(text):
        return Name(bytes.fromhex(text))
    typed = urls.absolute(text)
    if typed is None:
        return None
    url = urls.canonical(typed)
    return Name(url_key(url), url)


def _said(text: str | None) -> str:
    return said(text or "").decode()


def _key(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
