"""A well-formed feed document without what is known of it.

feedparser's cost grows with the document, not with what is new in it. So the elements of the entries are hashed with
lxml first, and those that are known are cut down to what identifies them before feedparser gets the document: measured
over 70 feeds, 9 ms instead of 38 where one entry is new (4 where none is), and the entry the same.

Known entries stay as stumps, rather than go, because an identifier that another entry carries too identifies neither:
that way feedparser reads the identifiers of all of them by its own rules.
"""

from __future__ import annotations

import contextlib
import html.entities
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

from lxml import etree

from worker.feeds import hints, hubs, paging, plain_entry
from worker.feeds.fields import Fields
from worker.feeds.text import MAX_TAGS
from worker.model import Hints, Hub

STUMP = "feedmill-known"
"""The child that marks a known entry's element; feedparser makes it a key of the entry."""

_IDENTITY = frozenset({"guid", "id", "link", "origLink"})
_OWN_TEXT = frozenset({"description", "summary", "content", "encoded"})
_TAGS = ("{*}category", "{*}subject")  # what feedparser makes tags of, wherever it stands
_MAX_ATTRIBUTES = 100
_OVERLOADED = etree.XPath(f"descendant-or-self::*[@*[{_MAX_ATTRIBUTES + 1}]]")
_FEEDPARSERS_LISTS = ("{*}authors", "{*}contributors", "{*}links")
_MEDIA = "http://search.yahoo.com/mrss"  # with and without a slash at the end
_DECLARATION = re.compile(r"<\?xml\b[^>]*\?>")
# XML 1.0 section 2.2, production [2]: what may not stand in a document, neither as itself nor as a reference.
_C0 = bytes({*range(0x20)} - {0x9, 0xA, 0xD})
_NONCHARACTERS = tuple(character.encode() for character in ("\ufffe", "\uffff"))
_CDATA = "<![CDATA["
# But for what XML itself knows.
_AMPERSAND = re.compile(r"&(?!#[xX]?[0-9a-fA-F]+;|(?:amp|lt|gt|quot|apos);)(?:([A-Za-z][A-Za-z0-9]{0,31});)?")
_ENTRY = re.compile(r"<(?:[\w.-]{1,40}:)?(?:item|entry)[\s/>]", re.IGNORECASE)
# References, but for those that are plainly to what is allowed: most of them are quotation marks and dashes.
_REFERENCE = re.compile(
    r"&#(?!(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[xX](?:[2-9a-fA-F][0-9a-fA-F]|[1-9a-fA-F][0-9a-fA-F]{2}));)"
    r"(?:[xX]([0-9a-fA-F]+)|([0-9]+));?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    document: bytes
    """For feedparser: UTF-8, the known entries as stumps, without those that are read already."""
    read: tuple[Fields | None, ...]
    """In their order: what the entries say that are read already, None for those that the document has."""
    root: str
    """The local name of the root element."""
    hashes: tuple[bytes, ...]
    """Of the entry elements, in their order, each once."""
    fresh: int
    """Entry elements that are not known."""
    omitted: int
    """Entry elements that are more than was asked for, and not in the document any more."""
    hints: Hints
    older: str | None
    """Where the document before is, as it is written there."""
    hub: Hub | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    reason: str
    document: str
    """Without what XML does not allow."""


def legal(text: str) -> str:
    """`text` without XML declaration and without the characters that XML does not allow.

    They are cleaned away in the end, yet would make the document malformed, and references to them make feedparser
    fail altogether.
    """
    data = text.encode("utf-8", "ignore").translate(None, _C0)  # as bytes, at half of what a pattern takes
    for character in _NONCHARACTERS:
        data = data.replace(character, b"")
    return _REFERENCE.sub(_legal_reference, _bare(data.decode()))


def _bare(text: str) -> str:
    text = text.lstrip("\ufeff \t\r\n")
    declaration = _DECLARATION.match(text)
    return text if declaration is None else text[declaration.end() :]


def _legal_reference(match: re.Match[str]) -> str:
    hexadecimal, decimal = match.groups()
    digits = (hexadecimal or decimal).lstrip("0")
    if len(digits) > 7:
        return ""
    code = int(digits or "0", 16 if hexadecimal else 10)
    allowed = code in (0x9, 0xA, 0xD) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return match[0] if allowed else ""


def explained(text: str) -> str:
    """`text` with HTML's entities as what they stand for, where it declares none: XML has but five. What nobody knows,
    and an ampersand by itself, is text."""
    if "<!ENTITY" in text:
        return text
    first, *sections = text.split(_CDATA)
    parts = [section.partition("]]>") for section in sections]
    return _AMPERSAND.sub(_explained, first) + "".join(
        f"{_CDATA}{inside}{end}{_AMPERSAND.sub(_explained, after)}" for inside, end, after in parts
    )


def _explained(match: re.Match[str]) -> str:
    code = html.entities.name2codepoint.get(match[1] or "")
    return chr(code) if code else f"&amp;{match[0][1:]}"


def prune(
    text: str, known: frozenset[bytes], max_entries: int, *, url: str, by_feedparser: bool = False
) -> Pruned | Malformed:
    """The document for feedparser. `text` came from `url`; what `legal` takes out does not count.

    by_feedparser: it is to read all entries. Of elements that are identical the first stays: a post that is listed
    twice is one entry, not two with one address.
    """
    root = _tree(text)
    if isinstance(root, Malformed):
        return root
    limit_attributes(root)
    elements, tags_of_feed = _outermost(root)
    for tag in tags_of_feed:  # not asked for, and the 1,100 of a Blogger feed cost feedparser 30 ms at each poll
        _remove(tag)
    for element in elements[max_entries:]:
        _remove(element)
    omitted = max(0, len(elements) - max_entries)
    hashes: dict[bytes, None] = {}
    fresh = 0
    read: list[Fields | None] = []
    languages = {} if by_feedparser else _languages(root)
    prefixes, atom = plain_entry.prefixes(root), is_atom(_local_name(root))
    for element in elements[:max_entries]:
        digest = hashed(element)
        if digest in hashes:
            _remove(element)
            continue
        hashes[digest] = None
        _straighten(element)
        if digest not in known:
            fresh += 1
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
            if digest in known:
                fields[STUMP] = ""
    document = etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=True)
    return Pruned(
        document=document,
        read=tuple(read),
        root=_local_name(root),
        hashes=tuple(hashes),
        fresh=fresh,
        omitted=omitted,
        hints=hints.of_document(root),
        older=paging.older_page(root),
        hub=hubs.of_document(root, url),
    )


def _tree(text: str) -> etree._Element | Malformed:
    """What XML does not allow is looked for where lxml refuses the document: the search takes nearly as long."""
    with contextlib.suppress(etree.XMLSyntaxError, UnicodeEncodeError):
        return _parsed(_bare(text))
    document = legal(text)
    try:
        return _parsed(document)
    except etree.XMLSyntaxError as error:
        return Malformed(reason=error.msg or "unreadable", document=document)


def _parsed(document: str) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(document.encode(), parser)


def cut(text: str, max_entries: int) -> tuple[str, int]:
    """A document that is not well-formed up to the end of its last entry that is wanted, and how many follow.

    feedparser would read them all first: 100,000 of them, in 5 MB, take it 9 s.
    """
    starts = [match.start() for match in _ENTRY.finditer(text)]
    omitted = max(0, len(starts) - max_entries)
    return (text[: starts[max_entries]], omitted) if omitted else (text, 0)


def _outermost(root: etree._Element) -> tuple[list[etree._Element], list[etree._Element]]:
    """The elements of the entries, and the tags of the feed itself.

    What looks like an entry inside another one belongs to that one. The root is none.
    """
    entries: list[etree._Element] = []
    tags: list[etree._Element] = []
    walk = etree.iterwalk(root, events=("start",), tag=("{*}item", "{*}entry", *_TAGS))
    for _, element in walk:
        if element is root:
            continue
        (entries if _local_name(element) in ("item", "entry") else tags).append(element)
        walk.skip_subtree()
    return entries, tags


def hashed(element: etree._Element) -> bytes:
    """Eight bytes that stay the same when the feed around the element changes.

    Exclusive canonical XML: only the namespaces that the element uses, attributes in one order, nothing of the tail.
    """
    try:
        written = etree.tostring(element, method="c14n", exclusive=True, with_tail=False)
    except etree.C14NError:  # an entity that a DTD would explain, or a relative namespace: not canonical, yet the same
        written = etree.tostring(element, with_tail=False)
    return blake2b(written, digest_size=8).digest()


def _languages(root: etree._Element) -> dict[etree._Element, str | None]:
    """The elements around entries of the usual kind, and the language in force in each."""
    try:
        outer = plain_entry.language_within(root, None)
        return {
            root: outer,
            **{channel: plain_entry.language_within(channel, outer) for channel in root.iterfind("{*}channel")},
        }
    except ValueError:
        return {}


def is_atom(root: str) -> bool:
    return root == "feed"


def _cut_down(element: etree._Element) -> bool:
    """To what identifies the entry. Whether there is anything."""
    for child in list(element):
        if _local_name(child) not in _IDENTITY or child.get("rel", "alternate") != "alternate":
            element.remove(child)
    if len(element) or element.attrib:
        etree.SubElement(element, STUMP)
        return True
    _remove(element)
    return False


def _straighten(element: etree._Element) -> None:
    """Take out what feedparser stumbles over.

    An element `authors` around the authors takes the place of its list of them, and it fails on the whole document; an
    empty `link` keeps a permalink guid from being the link; and no entry is known because it says so.
    """
    etree.strip_elements(element, f"{{*}}{STUMP}", with_tail=False)
    etree.strip_tags(element, *_FEEDPARSERS_LISTS)
    for link in element.findall("{*}link"):
        if not len(link) and not link.attrib and not (link.text or "").strip():
            element.remove(link)


def _relieve(element: etree._Element) -> None:
    """Take out what costs or misleads feedparser.

    Each tag is compared with all before it, which a flood of them makes quadratic; the caption of a picture
    (`media:description`) that stands before the entry's own text becomes its summary.
    """
    for tag in list(element.iter(*_TAGS))[MAX_TAGS:]:
        _remove(tag)
    captions = [found for found in element.iter("{*}description") if _is_media(found)]
    if captions and any(_local_name(child) in _OWN_TEXT and not _is_media(child) for child in element):
        for caption in captions:
            _remove(caption)


def limit_attributes(root: etree._Element) -> None:
    """Canonical XML and feedparser are both quadratic in the attributes of an element: 1.2 s for 10,000."""
    for element in cast(list[etree._Element], _OVERLOADED(root)):
        attributes = element.attrib
        kept = {name: attributes[name] for name in attributes.keys()[:_MAX_ATTRIBUTES]}
        attributes.clear()
        attributes.update(kept)


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _local_name(element: etree._Element) -> str:
    """Empty for what is no element, such as the reference to an entity."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _is_media(element: etree._Element) -> bool:
    return (etree.QName(element).namespace or "").startswith(_MEDIA)
