"""A well-formed feed document without its known entries.

feedparser's cost grows with the document, not with what is new in it. So known entries are removed, or cut down to what
identifies them, before feedparser gets the document: over 70 feeds of 37 entries with one new entry each, everything
done with a feed then takes 4 ms instead of 38, and the entry is the same.

Stumps of known entries stay if a new one may share its identifier with one of them (`blocks.Parted.may_have`), or too
many are new: an identifier that two entries carry identifies neither, and this way feedparser reads the identifiers of
all of them by its own rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from lxml import etree

from worker.feeds import hints, hubs, paging, plain_entry, plain_feed, trees
from worker.feeds.blocks import HASH_BYTES, Parted
from worker.feeds.fields import Fields
from worker.feeds.plain_element import BASE, Rare, language_within
from worker.feeds.text import MAX_TAGS
from worker.feeds.trees import local_name
from worker.model import NO_HINTS, Hints, Hub

STUMP = "feedmill-known"
"""The child that marks a known entry's element; feedparser turns it into a key of the entry."""

_IDENTITY = frozenset({"guid", "id", "link", "origLink"})
_OWN_TEXT = frozenset({"description", "summary", "content", "encoded"})
_FEEDPARSERS_LISTS = ("{*}authors", "{*}contributors", "{*}links")
_MEDIA = "http://search.yahoo.com/mrss"  # with and without a slash at the end
_END = re.compile(rb"</(?:[\w.-]{1,40}:)?(?:item|entry|rss|feed|rdf)\s*>", re.IGNORECASE)
"""The end tag of an entry or of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    document: bytes
    """For feedparser: UTF-8, with known entries as stumps, without those that are read already. Empty if `feed` is
    set. If it is malformed: up to its last whole entry."""
    is_malformed: bool = False
    """Then it has no tree, and nothing is known but what `document`, `flaw` and `omitted` say."""
    read: tuple[Fields | None, ...] = ()
    """One for each entry, in order: its fields if it is read already, None if it is still in the document."""
    root: str = ""
    """The local name of the root element."""
    hashes: tuple[bytes, ...] = ()
    """Of the entries' elements, in order, each once."""
    fresh: int = 0
    """How many entries' elements are not known."""
    omitted: int
    """How many entries' elements exceeded the limit, and were removed."""
    hints: Hints = NO_HINTS
    older: str | None = None
    """The address of the document with older entries, as written there."""
    hub: Hub | None = None
    flaw: str | None
    """Why the document is not well-formed."""
    parted: Parted | None = None
    """Set if known entries are not in the document even as stumps."""
    feed: tuple[str, Fields] | None = None
    """Version and feed, if feedparser is not needed for these either."""


def prune(
    body: bytes,
    known: frozenset[bytes],
    max_entries: int,
    *,
    url: str,
    whole: bool = False,
    by_feedparser: bool = False,
) -> Pruned:
    """The document for feedparser. `body` is UTF-8, from `url`; characters that `trees.legal` removes do not make it
    malformed.

    whole: keep stumps of all known entries. by_feedparser: leave all entries, and the feed's own fields, to feedparser.
    Of identical elements the first is kept: a post listed twice is one entry, not two with the same address.
    """
    tree, flaw = trees.read(body, frozenset() if whole else known)
    if tree is not None and tree.parted is not None and len(tree.parted.every) > max_entries:
        tree, flaw = trees.read(body, frozenset())
    if tree is None:
        document, omitted = _cut(trees.legal(body), max_entries)
        return Pruned(document=document, is_malformed=True, omitted=omitted, flaw=flaw or "unreadable")
    root = tree.root
    for tag in tree.tags:  # not used, and the 1,100 of a Blogger feed cost feedparser 30 ms a poll
        _remove(tag)
    for element in tree.elements[max_entries:]:
        _remove(element)
    etree.strip_elements(root, f"{{*}}{STUMP}", with_tail=False)  # an entry's own such element must not make it known
    prefixes = plain_entry.prefixes(root)
    languages = {} if by_feedparser else _languages(root)
    hashes, read = _prune_entries(tree, max_entries, known, prefixes, languages)
    feed = plain_feed.read(root, prefixes=prefixes) if read and None not in read else None
    document = b"" if feed else etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=True)
    return Pruned(
        document=document,
        read=tuple(read),
        root=local_name(root),
        hashes=tuple(dict.fromkeys(tree.parted.every if tree.parted else hashes)),
        fresh=len(hashes.keys() - known),
        omitted=max(0, len(tree.elements) - max_entries),
        hints=hints.of_document(root),
        older=paging.older_page(root),
        hub=hubs.of_document(root, url),
        flaw=flaw,
        parted=tree.parted,
        feed=feed,
    )


def _prune_entries(
    tree: trees.Tree,
    max_entries: int,
    known: frozenset[bytes],
    prefixes: plain_entry.Prefixes,
    languages: dict[etree._Element, str | None],
) -> tuple[dict[bytes, None], list[Fields | None]]:
    """Removes entries that are known, repeated, or can be read here; cuts down or relieves the others. Returns the
    hashes of all, and for each that is left or read its fields if it is read. languages: see `_languages`."""
    clumsy = next(tree.root.iter(*_FEEDPARSERS_LISTS), None) is not None
    atom = is_atom(local_name(tree.root))
    hashes: dict[bytes, None] = {}
    read: list[Fields | None] = []
    for element, written in zip(tree.elements[:max_entries], tree.hashes, strict=False):
        digest = written or hashed(element)
        if digest in hashes:
            _remove(element)
            continue
        hashes[digest] = None
        _straighten(element, clumsy)
        is_known = digest in known
        if not is_known:
            _relieve(element)
        elif not _cut_down(element):
            continue
        holder = element.getparent()
        fields = None
        if holder in languages:
            fields = plain_entry.read(element, prefixes=prefixes, language=languages[holder], atom=atom)
        read.append(fields)
        if fields is not None:
            _remove(element)
            if is_known:
                fields[STUMP] = ""
    return hashes, read


def _cut(document: bytes, max_entries: int) -> tuple[bytes, int]:
    """A malformed document up to the end of the last entry that is wanted, and how many follow.

    feedparser would read them all first: 100,000 of them, in 5 MB, take it 9 s. And if the document breaks off within
    an entry, feedparser would read half a guid or half a link, which belongs to another entry.
    """
    starts = [match.start() for match in trees.ENTRY.finditer(document)]
    if len(starts) > max_entries:
        return document[: starts[max_entries]], len(starts) - max_entries
    closes = len(starts) == 1 or (starts and _END.search(document, 0, starts[-1]))  # its entries, where they are whole
    if closes and not _END.search(document, starts[-1]):
        return document[: starts[-1]], 0
    return document, 0


def hashed(element: etree._Element) -> bytes:
    """Eight bytes that stay the same when the feed around the element changes, however the element is written. For
    elements that `blocks` did not find.

    Exclusive canonical XML: only the namespaces that the element uses, attributes in a fixed order, without the tail.
    """
    try:
        written = etree.tostring(element, method="c14n", exclusive=True, with_tail=False)
    except etree.C14NError:  # an entity that a DTD would explain, or a relative namespace: not canonical, yet the same
        written = etree.tostring(element, with_tail=False)
    return blake2b(written, digest_size=HASH_BYTES).digest()


def _languages(root: etree._Element) -> dict[etree._Element, str | None]:
    """The parents of ordinary entries, and the language in force in each. Empty if another element has a base URI,
    since feedparser would apply it to what follows."""
    channels = list(root.iterfind("{*}channel"))
    if any(BASE in child.attrib for holder in (root, *channels) for child in holder):
        return {}
    try:
        outer = language_within(root, None)
        return {root: outer, **{channel: language_within(channel, outer) for channel in channels}}
    except Rare:
        return {}


def is_atom(root: str) -> bool:
    return root == "feed"


def _cut_down(element: etree._Element) -> bool:
    """Cuts an entry down to what identifies it; returns whether anything is left."""
    for child in list(element):
        if local_name(child) not in _IDENTITY or child.get("rel", "alternate") != "alternate":
            element.remove(child)
    if len(element) or element.attrib:
        etree.SubElement(element, STUMP)
        return True
    _remove(element)
    return False


def _straighten(element: etree._Element, clumsy: bool) -> None:
    """Removes what feedparser fails on.

    An element `authors` around the authors takes the place of feedparser's own list of them, which makes it fail on the
    whole document (clumsy: the document has such an element); an empty `link` prevents a permalink guid from becoming
    the link.
    """
    if clumsy:
        etree.strip_tags(element, *_FEEDPARSERS_LISTS)
    for link in element.findall("{*}link"):
        if not len(link) and not link.attrib and not (link.text or "").strip():
            element.remove(link)


def _relieve(element: etree._Element) -> None:
    """Removes what slows feedparser down or misleads it.

    Each tag is compared with all before it, so a flood of them takes quadratic time; a picture's caption
    (`media:description`) before the entry's own text would become its summary.
    """
    for tag in list(element.iter(*trees.TAGS))[MAX_TAGS:]:
        _remove(tag)
    captions = [found for found in element.iter("{*}description") if _is_media(found)]
    if captions and any(local_name(child) in _OWN_TEXT and not _is_media(child) for child in element):
        for caption in captions:
            _remove(caption)


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _is_media(element: etree._Element) -> bool:
    return (etree.QName(element).namespace or "").startswith(_MEDIA)
