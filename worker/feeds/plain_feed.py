"""Reads what surrounds the entries of common documents as feedparser would, at a tenth of the cost.

As with `plain_entry`, feedparser remains the authority: rarer things are left to it, and the tests read the same
documents both ways.
"""

from __future__ import annotations

from lxml import etree

from worker.feeds.fields import Fields
from worker.feeds.plain_element import LANG, Rare
from worker.feeds.plain_entry import Prefixes, Reading
from worker.feeds.trees import local_name

_ATOM = "{http://www.w3.org/2005/Atom}feed"
_READ = frozenset({"title", "link", "id", "language", "author"})
"""Kinds of elements that tell something about a feed that is used …"""
_LEAVES = frozenset({"published", "updated", "created", "description", "nothing", "image"})
"""… and those that tell nothing used, and have no child elements; the same holds for these, which only feedparser
knows:"""
_SAY_NOTHING = frozenset({"generator", "cloud"})
_OF_PICTURES = frozenset({"url", "title", "link", "width", "height", "description"})


def read(root: etree._Element, *, prefixes: Prefixes) -> tuple[str, Fields] | None:
    """Version and feed as feedparser gives them, as far as `xml_feed` uses them; None if feedparser must read it.

    root: of a document without entries. prefixes: of the document.
    """
    try:
        version, channel = _channel(root)
        reading = Reading(prefixes, None, atom=root is channel)
        if language := root.get(LANG):
            reading.fields["language"] = language.replace("_", "-")
        for child in channel:
            _read_child(reading, child)
    except Rare:
        return None
    return version, reading.fields


def _channel(root: etree._Element) -> tuple[str, etree._Element]:
    """feedparser's name for the version, and the element that describes the feed."""
    attributes = {name: value for name, value in root.attrib.items() if name != LANG}
    if root.tag == _ATOM and not attributes:
        return "atom10", root
    is_rss = root.tag == "rss" and attributes == {"version": "2.0"} and len(root) == 1
    if not is_rss or root[0].tag != "channel" or root[0].attrib:
        raise Rare
    return "rss20", root[0]


def _read_child(reading: Reading, child: etree._Element) -> None:
    tag: object = child.tag
    if any(name.rpartition("}")[2].lower() == "base" for name in map(str, child.attrib)):
        raise Rare
    if local_name(child) in _SAY_NOTHING and not len(child):
        return
    kind, _ = reading.kind(child)
    if kind in _READ or kind is None:
        reading.child(child, 1)
    elif tag == "image" and all(part.tag in _OF_PICTURES and not len(part) and not part.attrib for part in child):
        reading.forget_title()
    elif kind not in _LEAVES or len(child):
        raise Rare
