"""The attributes and the text of one element, as feedparser has them."""

from __future__ import annotations

import contextlib
import re
from typing import cast

import feedparser.api
import feedparser.mixin
from lxml import etree

_PARSER = feedparser.api.StrictFeedParser
LANG, BASE = (f"{{http://www.w3.org/XML/1998/namespace}}{name}" for name in ("lang", "base"))
_ATTRIBUTES = frozenset(
    {
        *("rel", "type", "href", "url", "uri", "length", "term", "scheme", "domain", "label", "text", "ispermalink"),
        *("src", "mode", "width", "height", "medium", "filesize", "duration", "lang", "base"),
    }
)
"""The attributes that are read."""
_C1 = re.compile("[\x80-\x9f]")


class Rare(Exception):
    """Something that only feedparser can read."""


def language_within(holder: etree._Element, outer: str | None) -> str | None:
    """The language in force within an element; `outer` is that around it. Raises Rare if the element sets another
    base URI, or has an attribute of which only feedparser knows whether it does."""
    found = outer
    for name, value in items(holder):
        local = name.rpartition("}")[2].lower()
        if local == "base" or (local == "lang" and name != LANG):
            raise Rare
        if local == "lang":
            found = value or None
    return found


def items(element: etree._Element) -> list[tuple[str, str]]:
    """The attributes as written."""
    return cast(list[tuple[str, str]], element.attrib.items())


def attributes_of(element: etree._Element) -> dict[str, str]:
    """The attributes by their names in lower case. Raises Rare for one in a namespace that feedparser does not know: it
    ignores the namespace, and takes the attribute for its own."""
    found: dict[str, str] = {}
    for name, value in items(element):
        key = name.lower()
        if name in (LANG, BASE):
            key = f"xml:{key.rpartition('}')[2]}"
        elif key in ("lang", "base") or (key.rpartition("}")[2] in _ATTRIBUTES and "{" in key):
            raise Rare
        found[key] = value.lower() if key in ("rel", "type") else value
    return found


def with_href(attributes: dict[str, str]) -> dict[str, str]:
    """The same attributes, changed: their address is called `href`."""
    href = attributes.get("url", attributes.get("uri", attributes.get("href")))
    if href:
        attributes.pop("url", None)
        attributes.pop("uri", None)
        attributes["href"] = href
    return attributes


def media_type(declared: str) -> str:
    """The media type that feedparser takes a declared one for, such as text/html for "html"."""
    mapped: str = _PARSER.map_content_type(declared)
    return mapped


def looks_like_html(text: str) -> bool:
    """Whether feedparser takes text that is declared as plain for HTML."""
    return bool(_PARSER.looks_like_html(text))


def text_of(element: etree._Element) -> str:
    """The text before the first child."""
    return mended((element.text or "").strip())


def mended(text: str) -> str:
    """The text with two common faults mended: UTF-8 that was decoded as Latin-1, and characters of Windows-1252 that
    stand as control characters."""
    if text.isascii():
        return text
    with contextlib.suppress(UnicodeError):
        text = text.encode("iso-8859-1").decode("utf-8")
    return text.translate(feedparser.mixin._cp1252) if _C1.search(text) else text
