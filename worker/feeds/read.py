"""Decides which kind of document the bytes are, and what they are if not a feed."""

from __future__ import annotations

import re

from worker.feeds import charset, json_feed, news_sitemap, sitemap, text, xml_feed
from worker.model import Millis, NotAFeed, ParsedFeed

_GZIP = b"\x1f\x8b"
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (_GZIP, "gzip data"),
)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_SPACE = re.compile(rb"(?:\xef\xbb\xbf|[\0 \t\r\n])+")
_TAG = re.compile(rb"<([A-Za-z][\w.:-]*)")
_HTML = re.compile(rb"\s*<!doctype\s+html", re.IGNORECASE)
_HTML_TITLE = re.compile(rb"<title[^<>]*>([^<]{1,200})", re.IGNORECASE)
# The elements that make a feed, also in the middle of something else: PHP's warnings stand before the root.
_FEED_ELEMENT = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:rss|rdf|feed|channel|item|entry)\b", re.IGNORECASE)


def parse(
    body: bytes,
    *,
    url: str,
    content_type: str | None,
    known: frozenset[bytes],
    now: Millis,
    since: Millis | None,
    max_entries: int,
) -> ParsedFeed | NotAFeed:
    """See `worker.feeds.parse`."""
    if body.startswith(_GZIP) and (content := news_sitemap.inflated(body)) is not None:
        body = content
    if (reason := next((name for magic, name in _MAGIC if body.startswith(magic)), None)) is not None:
        return NotAFeed(reason=reason)
    document = charset.as_utf8(body, content_type)
    if (space := _SPACE.match(document)) is not None:
        document = document[space.end() :]
    if not document:
        return NotAFeed(reason="empty")
    if document.startswith(b"{"):
        declared = "feed+json" in (content_type or "").lower()
        return json_feed.parse(
            document.decode(), declared=declared, url=url, known=known, now=now, max_entries=max_entries
        )
    first = _TAG.search(document)
    if first is not None and first[1].rpartition(b":")[2] in (b"urlset", b"sitemapindex"):
        if since is not None:
            return sitemap.parse(document, url=url, now=now, since=since, max_entries=max_entries)
        return news_sitemap.parse(document, url=url, known=known, now=now, max_entries=max_entries)
    if since is not None and sitemap.is_robots(url) and not _HTML.match(document):
        return sitemap.of_robots(document.decode(), url=url, since=since)
    if (reason := _other_kind(document)) is not None:
        return NotAFeed(reason=reason)
    return xml_feed.parse(document, url=url, known=known, now=now, max_entries=max_entries)


def _other_kind(document: bytes) -> str | None:
    """What the bytes are if they are clearly not a feed; None if they may be one."""
    first = _TAG.search(document)
    if _HTML.match(document) or (first is not None and first[1].lower() == b"html"):
        title = _HTML_TITLE.search(document, 0, 20_000)
        return "an HTML page" + (f": {text.line_of_html(title[1].decode('utf-8', 'replace'), 100)}" if title else "")
    if _FEED_ELEMENT.search(document):
        return None
    beginning = document[:2000].decode("utf-8", "replace")
    if len(_CONTROLS.findall(beginning, 0, 1000)) > 50:
        return "binary data"
    if document.startswith(b"<") and first is not None:
        return f"XML, but not a feed: its first element is <{first[1][:50].decode()}>"
    return f"not XML: {text.line(beginning[:500], 60) or 'nothing that can be read'}"
