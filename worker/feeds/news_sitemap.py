"""News sitemaps, read like feeds: a site's articles of the last two days, whatever its feeds show.

https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap, an extension of
https://www.sitemaps.org/protocol.html. Only addresses marked as news, with a title, are taken; the others are pages of
any kind. An address must be on the sitemap's own host, as the protocol requires.
"""

from __future__ import annotations

import zlib

from lxml import etree

from worker import urls
from worker.feeds import dates, elements, text, trees
from worker.feeds.entries import left_out, mapped, omission, problem, repeated_urls
from worker.model import Entry, Millis, NotAFeed, ParsedFeed

MAX_BYTES = 50_000_000
"""Of an uncompressed sitemap (sitemaps.org)."""

_NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
_KEYWORD_SEPARATOR = ","


def inflated(body: bytes) -> bytes | None:
    """The content of a gzip file, as sitemaps often are; None if it is not one, or is larger than a sitemap may be."""
    inflate = zlib.decompressobj(31)
    try:
        content = inflate.decompress(body, MAX_BYTES)
    except zlib.error:
        return None
    return content if inflate.eof else None


def parse(
    document: bytes, *, url: str, known: frozenset[bytes], now: Millis, max_entries: int
) -> ParsedFeed | NotAFeed:
    """Like `worker.feeds.parse`, for XML whose root is `urlset` or `sitemapindex`."""
    root = tree(document)
    if isinstance(root, NotAFeed):
        return root
    if etree.QName(root).localname != "urlset":
        return NotAFeed(reason="an index of sitemaps: list one of them, which tells news, or let backfill_from name it")
    trees.limit_attributes(root)
    host = urls.bare_host(url)
    told = [place for place in root.iterfind("{*}url") if is_news(place)]
    if not told:
        return NotAFeed(reason="a sitemap that tells no news; backfill_from may name it")
    places = {elements.hashed(place): place for place in told[:max_entries]}
    own = {hashed: place for hashed, place in places.items() if urls.bare_host(text_of(place, "{*}loc")) == host}
    fresh = [place for hashed, place in own.items() if hashed not in known]
    entries, lost = mapped(fresh, lambda place: entry_of(place, url, now))
    foreign = len(places) - len(own)
    return ParsedFeed(
        version="sitemap",
        title=text.line(text_of(root, f"{{*}}url/{_NEWS}news/{_NEWS}publication/{_NEWS}name")),
        entries=entries,
        elements=tuple(places),
        repeated_urls=repeated_urls((None, urls.absolute(text_of(place, "{*}loc"), url)) for place in own.values()),
        problem=problem(
            left_out("addresses on other hosts", foreign),
            omission(len(told) - max_entries, max_entries),
            lost,
        ),
    )


def tree(document: bytes) -> etree._Element | NotAFeed:
    """The root of a sitemap, or of an index of them."""
    try:
        return trees.parsed(trees.legal(document))
    except etree.XMLSyntaxError as error:
        return NotAFeed(reason=text.line(f"a sitemap that is not well-formed: {error.msg}", 200) or "")


def is_news(place: etree._Element) -> bool:
    """Whether an address in a sitemap is marked as news."""
    return place.find(f"{_NEWS}news") is not None


def entry_of(place: etree._Element, url: str, now: Millis) -> Entry:
    """The entry for an address marked as news in a sitemap that came from `url`."""
    news = f"{_NEWS}news/{_NEWS}"
    return Entry(
        url=urls.absolute(text_of(place, "{*}loc"), url),
        title=text.line(text_of(place, f"{news}title")),
        published=dates.millis(text_of(place, f"{news}publication_date"), now),
        tags=text.tags(text_of(place, f"{news}keywords").split(_KEYWORD_SEPARATOR)),
        language=text.language(text_of(place, f"{news}publication/{_NEWS}language")),
    )


def text_of(holder: etree._Element, path: str) -> str:
    """The text at a path; empty if there is none."""
    return (holder.findtext(path) or "").strip()
