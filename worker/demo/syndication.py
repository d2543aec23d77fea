"""Feeds as publishers write them: RSS 2.0, 0.91 and 1.0, Atom 1.0, JSON Feed 1.1, and one that is broken.

Each format is a function from a channel and its entries to bytes. What a format has no place for (RSS 0.91 knows no
dates) is left out, as it is in the wild.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from string import Template
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from worker.demo.content import Format, read_text

# Names are written with the prefix they carry in the file: ElementTree would invent its own.
ATOM = "http://www.w3.org/2005/Atom"
RSS2_NAMESPACES = {
    "xmlns:atom": ATOM,
    "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
    "xmlns:itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
}
RDF_NAMESPACES = {
    "xmlns": "http://purl.org/rss/1.0/",
    "xmlns:rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
}


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """An enclosure with its address and size."""

    url: str
    type: str
    bytes: int
    seconds: int | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry as its feed gives it; fields that are None are left out."""

    id: str
    url: str | None
    title: str | None
    summary: str | None
    content_html: str | None
    author: str | None
    published: datetime | None
    updated: datetime | None
    tags: tuple[str, ...]
    attachment: Attachment | None


@dataclass(frozen=True, kw_only=True)
class Channel:
    """What a feed says about itself."""

    title: str
    url: str
    home: str
    description: str
    language: str
    charset: str
    updated: datetime


def feed_bytes(format: Format, channel: Channel, entries: Sequence[Entry]) -> tuple[bytes, str]:
    """The feed in its format, and its media type; the XML ones name their charset in the declaration alone."""
    match format:
        case "rss2":
            return _xml(_rss2(channel, entries), channel), "application/rss+xml"
        case "rss091":
            return _xml(_rss091(channel, entries), channel), "application/xml"
        case "rdf":
            return _xml(_rdf(channel, entries), channel), "application/rdf+xml"
        case "atom":
            return _xml(_atom(channel, entries), channel), "application/atom+xml"
        case "json":
            return _json(channel, entries), "application/feed+json"
        case "broken":
            return _broken(channel, entries), "application/rss+xml"
        case "gone":
            raise ValueError("a feed that is gone has no bytes")


def _xml(root: Element, channel: Channel) -> bytes:
    ElementTree.indent(root, " ")
    written: bytes = ElementTree.tostring(root, encoding=channel.charset, xml_declaration=True)
    return written


def _child(parent: Element, name: str, text: str | None, **attributes: str) -> None:
    """Adds a child with this text; none if the text is empty."""
    if text is not None:
        SubElement(parent, name, attributes).text = text


def _mail_date(moment: datetime | None) -> str | None:
    return None if moment is None else format_datetime(moment)


def _iso_date(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _rss2(channel: Channel, entries: Sequence[Entry]) -> Element:
    root = Element("rss", RSS2_NAMESPACES, version="2.0")
    head = SubElement(root, "channel")
    _child(head, "title", channel.title)
    _child(head, "link", channel.home)
    _child(head, "description", channel.description)
    _child(head, "language", channel.language)
    _child(head, "lastBuildDate", format_datetime(channel.updated))
    _child(head, "atom:link", "", rel="self", href=channel.url, type="application/rss+xml")
    for entry in entries:
        _rss2_item(SubElement(head, "item"), entry)
    return root


def _rss2_item(item: Element, entry: Entry) -> None:
    _child(item, "title", entry.title)
    _child(item, "link", entry.url)
    _child(item, "guid", entry.id, isPermaLink="false")
    _child(item, "dc:creator", entry.author)
    _child(item, "pubDate", _mail_date(entry.published))
    for tag in entry.tags:
        _child(item, "category", tag)
    _child(item, "description", entry.summary)
    _child(item, "content:encoded", entry.content_html)
    if entry.attachment is not None:
        file = entry.attachment
        SubElement(item, "enclosure", url=file.url, length=str(file.bytes), type=file.type)
        if file.seconds is not None:
            _child(item, "itunes:duration", f"{file.seconds // 60}:{file.seconds % 60:02}")


def _rss091(channel: Channel, entries: Sequence[Entry]) -> Element:
    root = Element("rss", version="0.91")
    head = SubElement(root, "channel")
    _child(head, "title", channel.title)
    _child(head, "link", channel.home)
    _child(head, "description", channel.description)
    _child(head, "language", channel.language)
    for entry in entries:
        item = SubElement(head, "item")
        _child(item, "title", entry.title)
        _child(item, "link", entry.url)
        _child(item, "description", entry.summary)
    return root


def _rdf(channel: Channel, entries: Sequence[Entry]) -> Element:
    root = Element("rdf:RDF", RDF_NAMESPACES)
    head = SubElement(root, "channel", {"rdf:about": channel.url})
    _child(head, "title", channel.title)
    _child(head, "link", channel.home)
    _child(head, "description", channel.description)
    _child(head, "dc:language", channel.language)
    contents = SubElement(SubElement(head, "items"), "rdf:Seq")
    for entry in entries:
        address = entry.url or entry.id
        SubElement(contents, "rdf:li", {"rdf:resource": address})
        item = SubElement(root, "item", {"rdf:about": address})
        _child(item, "title", entry.title)
        _child(item, "link", entry.url)
        _child(item, "description", entry.summary)
        _child(item, "dc:creator", entry.author)
        _child(item, "dc:date", _iso_date(entry.published))
    return root


def _atom(channel: Channel, entries: Sequence[Entry]) -> Element:
    root = Element("feed", {"xmlns": ATOM, "xml:lang": channel.language})
    _child(root, "id", channel.home)
    _child(root, "title", channel.title)
    _child(root, "subtitle", channel.description)
    _child(root, "updated", channel.updated.isoformat())
    _child(root, "link", "", rel="alternate", href=channel.home)
    _child(root, "link", "", rel="self", href=channel.url)
    for entry in entries:
        _atom_entry(SubElement(root, "entry"), entry)
    return root


def _atom_entry(item: Element, entry: Entry) -> None:
    _child(item, "id", entry.id)
    _child(item, "title", entry.title)
    if entry.url is not None:
        _child(item, "link", "", rel="alternate", href=entry.url)
    if entry.author is not None:
        _child(SubElement(item, "author"), "name", entry.author)
    _child(item, "published", _iso_date(entry.published))
    _child(item, "updated", _iso_date(entry.updated))
    for tag in entry.tags:
        SubElement(item, "category", term=tag)
    _child(item, "summary", entry.summary)
    _child(item, "content", entry.content_html, type="html")


def _json(channel: Channel, entries: Sequence[Entry]) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "home_page_url": channel.home,
        "feed_url": channel.url,
        "description": channel.description,
        "language": channel.language,
        "items": [_json_item(entry) for entry in entries],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def _json_item(entry: Entry) -> dict[str, object]:
    fields = {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "summary": entry.summary,
        # an item must have content; where the feed gives none, its summary stands in
        "content_text": entry.summary if entry.content_html is None else None,
        "content_html": entry.content_html,
        "date_published": _iso_date(entry.published),
        "authors": entry.author and [{"name": entry.author}],
        "tags": list(entry.tags),
    }
    return {name: value for name, value in fields.items() if value}


def _broken(channel: Channel, entries: Sequence[Entry]) -> bytes:
    """The hand-written feed that is not well-formed, with the addresses and dates of its entries filled in."""
    words = {"base": channel.home.removesuffix("/")}
    for number, entry in enumerate(entries, 1):
        words[f"link{number}"] = entry.url or ""
        words[f"date{number}"] = format_datetime(entry.published or datetime(2026, 1, 1, tzinfo=UTC))
    return Template(read_text("feeds/broken.xml")).substitute(words).encode()
