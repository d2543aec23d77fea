"""bytes → entries: what a feed document says, and which of it is new.

`parse` is pure: no I/O, no clock, no chance. It can be slow on hostile input (two quadratics of feedparser are known),
so it runs in a process that can be killed. `discover`, which finds the feeds of a page, is like it; `known_forms`
names those that the address of a page tells. `encode_entry` and
`decode_entry` are how the store keeps an entry between its poll and its ingestion.

read.py       which kind of document the bytes are;  charset.py  … as text
xml_feed.py   RSS, RDF and Atom, in these steps:
trees.py      bytes → tree, mended;  blocks.py  … without the entries that are known
elements.py   tree → what is left to be read
plain_entry.py, plain_feed.py  entries and feeds of the usual kind, read from it
plain_element.py  … and an element of them;  element_kinds.py  … by its name
expat.py, authors.py           feedparser, which reads all others: faster, and authors right
xml_entry.py  what either says of an entry → `Entry`
json_feed.py  JSON Feed;  news_sitemap.py, sitemap.py  what is read as if it were a feed
entries.py    what holds for the entries of all of them
fields.py     values of the type that is asked for;  text.py, dates.py, media.py  … made clean
hints.py      when to come again;  hubs.py  who tells of news;  paging.py  where older entries are
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
    `url` is where the body came from, after redirects; `known` are `ParsedFeed.elements` of the version before; an
    element that is there again, identical, is left out, but for malformed XML, which has no elements to compare;
    entries after the first `max_entries` are left out, elements and all, and `problem` says so. With `since`, sitemaps
    of any kind are read, too, for what is as young as that, indexes of them, and robots.txt, which names them.

    Raises nothing that the body could cause, short of using up time or memory.
    """
    # Here and not above: the main process names this function but runs it elsewhere, and feedparser, lxml and nh3
    # would cost it 13 MB.
    from worker.feeds import read

    return read.parse(
        body, url=url, content_type=content_type, known=known, now=now, since=since, max_entries=max_entries
    )


def discover(page: bytes, *, url: str, content_type: str | None) -> tuple[FoundFeed, ...]:
    """The feeds that an HTML page points to, the likeliest first, feeds of comments last; each once, 20 at most.

    `url` is where the page came from, after redirects. Addresses are absolute http(s); where they lead, and whether
    there is a feed, is for the caller to see. Empty where the bytes are no HTML.

    Raises nothing that the page could cause, short of using up time or memory.
    """
    from worker.feeds import discovery  # as above

    return discovery.discover(page, url=url, content_type=content_type)
