"""bytes → entries: what a feed document says, and which of it is new.

`parse` is pure: no I/O, no clock, no randomness. It can be slow on hostile input (feedparser is known to be quadratic
in two places), so it runs in a process that can be killed. So does `discover`, which finds the feeds that a page points
to; `known_forms` derives them from the page's address alone. With `encode_entry` and `decode_entry` the store keeps an
entry between its poll and its ingestion.

read.py       which kind of document the bytes are;  charset.py  bytes → text
xml_feed.py   RSS, RDF and Atom, in these steps:
trees.py      bytes → tree, mended;  blocks.py  the document without the entries that are known
elements.py   tree → what is left for feedparser
plain_entry.py, plain_feed.py  common entries and feeds, read from the tree
plain_element.py  one element of these;  element_kinds.py  what elements are, by name
expat.py, authors.py           feedparser, which reads all others: made faster, and right about authors
xml_entry.py  the fields of an entry, from either → `Entry`
json_feed.py  JSON Feed;  news_sitemap.py, sitemap.py  sitemaps, read like feeds
entries.py    what the entries of all formats have in common
fields.py     values of the expected type;  text.py, dates.py, media.py  … cleaned
hints.py      when to poll again;  hubs.py  the hub that announces entries;  paging.py  where older entries are
discovery.py  page → its feeds;  forms.py  address → its feeds
stored.py     entry ↔ bytes
"""

from __future__ import annotations

from worker.feeds.forms import WELL_KNOWN, known_forms
from worker.feeds.stored import decode_entry, encode_entry
from worker.model import FoundFeed, Millis, NotAFeed, ParsedFeed

__all__ = ["WELL_KNOWN", "decode_entry", "discover", "encode_entry", "known_forms", "parse"]


def parse(
    body: bytes,
    *,
    url: str,
    content_type: str | None,
    known: frozenset[bytes],
    now: Millis,
    since: Millis | None = None,
    max_entries: int = 2000,
) -> ParsedFeed | NotAFeed:
    """The entries of a feed document whose elements are not in `known`.

    RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1, malformed XML as far as feedparser can read it; news
    sitemaps, compressed or not.

    `url` is where the body came from, after redirects; `known` is `ParsedFeed.elements` of the previous version. An
    element that is unchanged since then is left out, except in malformed XML, which has no elements to compare. Entries
    after the first `max_entries` are left out, with their elements, and `problem` says so. With `since`, sitemaps of
    any kind are read, too: their pages that are not older than that, indexes of sitemaps, and robots.txt, which names
    them.

    Raises nothing that the body could cause, except by using up time or memory.
    """
    # Here and not above: the main process names this function but runs it elsewhere, and feedparser, lxml and nh3
    # would cost it 13 MB.
    from worker.feeds import read

    return read.parse(
        body, url=url, content_type=content_type, known=known, now=now, since=since, max_entries=max_entries
    )


def discover(page: bytes, *, url: str, content_type: str | None) -> tuple[FoundFeed, ...]:
    """The feeds that an HTML page points to, the likeliest first, feeds of comments last; each once, 20 at most.

    `url` is where the page came from, after redirects. Addresses are absolute http(s); the caller must check whether a
    feed is there. Empty if the bytes are not HTML.

    Raises nothing that the page could cause, except by using up time or memory.
    """
    from worker.feeds import discovery  # as above

    return discovery.discover(page, url=url, content_type=content_type)
