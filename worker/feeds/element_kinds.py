"""The kinds of elements in an entry, by name, according to feedparser's handlers."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import feedparser.api

_PARSER = feedparser.api.StrictFeedParser
_NAMESPACES: Mapping[str, str] = {uri.lower(): prefix for uri, prefix in _PARSER.namespaces.items()}
_KEYS = frozenset(
    {
        *("id", "link", "links", "title", "title_detail", "summary", "summary_detail", "content", "authors", "tags"),
        *("published", "created", "updated", "language", "image", "media_thumbnail", "media_content"),
        *("feedburner_origlink", "itunes_duration"),
    }
)
"""feedparser's keys from which an entry is made."""
_KINDS: Mapping[str, str] = {
    name: kind
    for kind, names in {
        "title": "title dc:title media:title",
        "link": "link",
        "id": "guid id",
        "published": "published issued pubdate dcterms:issued",
        "updated": "updated modified lastbuilddate dc:date dcterms:modified",
        "created": "created dcterms:created",
        "author": "author managingeditor dc:author dc:creator itunes:author",
        "category": "category keywords dc:subject media:category itunes:category",
        "words": "itunes:keywords media:keywords",
        "enclosure": "enclosure",
        "description": "description dc:description media:description",
        "summary": "summary itunes:summary",
        "content": "content",
        "encoded": "content:encoded",
        "file": "media:content",
        "group": "media:group",
        "thumbnail": "media:thumbnail",
        "image": "itunes:image",
        "language": "dc:language language",
        "feedburner_origlink": "feedburner:origlink",
        "itunes_duration": "itunes:duration",
        "parting": "source image",
        "contributor": "contributor",
        "part": "name uri url homepage email",
        # Read by feedparser, but used for nothing in an entry.
        "nothing": "rights copyright subtitle tagline webmaster dc:rights dc:publisher dc:contributor itunes:subtitle "
        "itunes:explicit itunes:block media:credit media:rating media:license media:restriction media:player",
    }.items()
    for name in names.split()
}


@functools.lru_cache(maxsize=1024)
def kind_of(tag: str, prefix: str | None) -> tuple[str | None, str, str | None]:
    """The kind of the element, feedparser's name for it, and its namespace if feedparser does not know that."""
    namespace, local = tag[1:].split("}") if tag.startswith("{") else ("", tag)
    known = _NAMESPACES.get(namespace.lower()) if namespace else ""
    short = (prefix or "") if known is None else known
    name = f"{short}:{local}".lower() if short else local.lower()
    kind = _KINDS.get(name, "rare" if _is_read(name) or "userland.com" in namespace.lower() else None)
    return kind, name, namespace if known is None else None


def _is_read(name: str) -> bool:
    key = name.replace(":", "_")
    return key in _KEYS or any(hasattr(_PARSER, f"_{moment}_{key}") for moment in ("start", "end"))
