"""The feeds that a page points to: for a site whose feed has moved without notice.

A page declares its feeds by `<link rel="alternate" type="application/rss+xml">` (RSS Autodiscovery 1.0,
https://www.rssboard.org/rss-autodiscovery; WHATWG HTML section 4.6.7.1), or `rel="feed"`. Many pages have only an
ordinary link to something called /feed or rss.xml: these are the second choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from worker.feeds import charset, text
from worker.model import FoundFeed
from worker.urls import absolute, canonical, host_of

MAX_FOUND = 20
_MAX_PAGE = 2_000_000  # bytes; links further down in a longer page are not found
_MAX_CANDIDATES = 200
_FEED_TYPE = re.compile(r"(?:application|text)/(?:x[-.])?(?:rss|atom|rdf|feed)\+(?:xml|json)")
_XML_TYPES = frozenset({"application/xml", "text/xml"})  # used for feeds by older sites
_META_CHARSET = re.compile(rb"<meta[^<>]{1,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_LOOKS_LIKE_FEED = re.compile(  # in lower case, without the scheme
    r"(?:^|/)(?:feeds?|rss2?|atom|rdf)(?:\.(?:xml|rdf|json|php|aspx?))?/?(?:$|[?#])"
    r"|/feed/(?:rss2?|atom|rdf)/?(?:$|[?#])|(?:^|/)index\.(?:xml|rdf)(?:$|[?#])"
    r"|\.(?:rss|atom|rdf)(?:$|[?#])|[?&](?:feed|format|type|alt|output)=(?:comments-)?(?:rss|atom|rdf)"
)
_ADDRESS_WITHIN = re.compile(r"://|%3a%2f%2f")  # in buttons of feed readers: …/subscribe/https://example.org/feed
_COMMENTS_URL = re.compile(r"/comments?/|[?&]feed=comments", re.IGNORECASE)
_COMMENTS_TITLE = re.compile(r"\b(?:comments?|commentaires|commenti|comentarios|kommentare?|reacties)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    href: str
    title: str
    type: str | None
    declared: int
    """How clearly the page declares it a feed: 0 is the clearest."""


def discover(page: bytes, *, url: str, content_type: str | None) -> tuple[FoundFeed, ...]:
    """See `worker.feeds.discover`."""
    tree = _tree(page[:_MAX_PAGE], content_type)
    if tree is None:
        return ()
    base = next((found for href in tree.xpath("//base/@href")[:1] if (found := absolute(href, url))), url)
    ranked: dict[str, tuple[tuple[bool, int, bool], FoundFeed]] = {}
    for candidate in islice(chain(_declared(tree), _linked(tree)), _MAX_CANDIDATES):
        if (address := absolute(candidate.href, base)) is None:
            continue
        title = text.line(candidate.title, 200)
        comments = bool(_COMMENTS_URL.search(address) or _COMMENTS_TITLE.search(title or ""))
        elsewhere = candidate.declared > 1 and host_of(address) != host_of(base)
        rank = (comments, candidate.declared, elsewhere)
        key = canonical(address)
        if key not in ranked or rank < ranked[key][0]:
            ranked[key] = rank, FoundFeed(url=address, title=title, type=candidate.type)
    in_order = sorted(ranked.values(), key=lambda found: found[0])  # stable: equals stay in the page's order
    return tuple(feed for _, feed in in_order[:MAX_FOUND])


def _tree(page: bytes, content_type: str | None) -> HtmlElement | None:
    if "charset" not in (content_type or "").lower() and (named := _META_CHARSET.search(page[:4096])):
        content_type = f"text/html; charset={named[1].decode('ascii', 'replace')}"
    markup = charset.decoded(page, content_type).encode("utf-8", "replace")
    try:
        return document_fromstring(markup, parser=HTMLParser(encoding="utf-8"))
    except etree.LxmlError:  # not HTML at all
        return None


def _declared(tree: HtmlElement) -> Iterator[_Candidate]:
    for element in tree.iter("link"):
        relations, media_type, href = _relations(element), _type(element), _href(element)
        if "feed" in relations or ("alternate" in relations and _FEED_TYPE.fullmatch(media_type or "")):
            declared = 0
        elif "alternate" in relations and (
            # JSON Feed 1.0 said application/json, but so do the APIs of WordPress.
            media_type in _XML_TYPES or (media_type == "application/json" and _looks_like_feed(href))
        ):
            declared = 1
        else:
            continue
        yield _Candidate(href=href, title=element.get("title") or "", type=media_type, declared=declared)


def _linked(tree: HtmlElement) -> Iterator[_Candidate]:
    for element in tree.iter("a"):
        media_type, href = _type(element), _href(element)
        if "feed" in _relations(element) or _FEED_TYPE.fullmatch(media_type or ""):
            declared = 2
        elif _looks_like_feed(href):
            declared = 3
        else:
            continue
        title = element.get("title") or " ".join(islice(element.itertext(), 20))
        yield _Candidate(href=href, title=title, type=media_type, declared=declared)


def _relations(element: HtmlElement) -> list[str]:
    return (element.get("rel") or "").lower().split()


def _type(element: HtmlElement) -> str | None:
    return text.line((element.get("type") or "").partition(";")[0].lower(), 100)


def _href(element: HtmlElement) -> str:
    return (element.get("href") or "").strip()


def _looks_like_feed(href: str) -> bool:
    rest = href.lower().removeprefix("https://").removeprefix("http://")
    return _LOOKS_LIKE_FEED.search(rest) is not None and _ADDRESS_WITHIN.search(rest) is None
