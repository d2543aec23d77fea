"""News sitemaps, taken for feeds: what a site tells of its articles of the last two days, whatever its feeds show.

https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap, an extension of
https://www.sitemaps.org/protocol.html. Only what is told as news is taken, with a title; a sitemap's other addresses
are pages of any kind. An address counts on the sitemap's own host alone, as the protocol has it.
"""

from __future__ import annotations

import zlib

from lxml import etree

from worker import urls
from worker.feeds import dates, elements, text
from worker.feeds.entries import mapped, omission, problem, repeated_urls
from worker.model import Entry, Millis, NotAFeed, ParsedFeed

MAX_BYTES = 50_000_000
"""Of a sitemap that is not compressed any more (sitemaps.org)."""

_NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
_KEYWORD_SEPARATOR = ","


def inflated(body: bytes) -> bytes | None:
    """The content of a gzip file, as sitemaps are kept; None where it is none, or larger than a sitemap may be."""
    inflate = zlib.decompressobj(31)
    try:
        content = inflate.decompress(body, MAX_BYTES)
    except zlib.error:
        return None
    return content if inflate.eof else None


def parse(document: str, *, url: str, known: frozenset[bytes], now: Millis, max_entries: int) -> ParsedFeed | NotAFeed:
    """As `worker.feeds.parse`, for XML whose root is `urlset` or `sitemapindex`."""
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(elements.legal(document).encode(), parser)
    except etree.XMLSyntaxError as error:
        return NotAFeed(reason=text.line(f"a sitemap that is not well-formed: {error.msg}", 200) or "")
    if etree.QName(root).localname != "urlset":
        return NotAFeed(reason="an index of sitemaps: list one of them, which tells news")
    elements.limit_attributes(root)
    host = _site(url)
    told = [place for place in root.iterfind("{*}url") if place.find(f"{_NEWS}news") is not None]
    if not told:
        return NotAFeed(reason="a sitemap that tells no news")
    places = {elements.hashed(place): place for place in told[:max_entries]}
    own = [place for place in places.values() if _site(_text(place, "{*}loc")) == host]
    fresh = [place for hashed, place in places.items() if hashed not in known and _site(_text(place, "{*}loc")) == host]
    entries, lost = mapped(fresh, lambda place: _entry(place, url, now))
    foreign = len(places) - len(own)
    return ParsedFeed(
        version="sitemap",
        title=text.line(_text(root, f"{{*}}url/{_NEWS}news/{_NEWS}publication/{_NEWS}name")),
        entries=entries,
        elements=tuple(places),
        repeated_urls=repeated_urls((None, urls.absolute(_text(place, "{*}loc"), url)) for place in own),
        problem=problem(
            f"addresses on other hosts: {foreign}" if foreign else None,
            omission(len(told) - max_entries, max_entries),
            lost,
        ),
    )


def _entry(place: etree._Element, url: str, now: Millis) -> Entry:
    news = f"{_NEWS}news/{_NEWS}"
    return Entry(
        url=urls.absolute(_text(place, "{*}loc"), url),
        title=text.line(_text(place, f"{news}title")),
        published=dates.millis(_text(place, f"{news}publication_date"), now),
        tags=text.tags(_text(place, f"{news}keywords").split(_KEYWORD_SEPARATOR)),
        language=text.language(_text(place, f"{news}publication/{_NEWS}language")),
    )


def _text(holder: etree._Element, path: str) -> str:
    return (holder.findtext(path) or "").strip()


def _site(url: str) -> str:
    try:
        return urls.host_of(url).removeprefix("www.")
    except urls.BadUrl:
        return ""
