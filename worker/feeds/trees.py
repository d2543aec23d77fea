"""A feed document as a tree; common kinds of malformed documents are mended."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from lxml import etree

from worker.feeds import blocks
from worker.feeds.blocks import Parted

TAGS = ("{*}category", "{*}subject")  # what feedparser turns into tags, wherever it is
_MAX_ATTRIBUTES = 100
_OVERLOADED = etree.XPath(f"descendant-or-self::*[@*[{_MAX_ATTRIBUTES + 1}]]")
_SPACE = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])+")
_DECLARATION = re.compile(rb"<\?xml\b[^>]*\?>")
_USUAL_DECLARATION = re.compile(
    rb"""<\?xml version=["']1\.0["'](?: encoding=["'][\w.:-]+["'])?(?: standalone=["'](?:yes|no)["'])? ?\?>"""
)
# XML 1.0 section 2.2, production [2]: what may not stand in a document, neither as itself nor as a reference.
_C0 = bytes({*range(0x20)} - {0x9, 0xA, 0xD})
_NONCHARACTERS = tuple(character.encode() for character in ("\ufffe", "\uffff"))
# References, but for those that are plainly to what is allowed: most of them are quotation marks and dashes.
_REFERENCE = re.compile(
    rb"&#(?!(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[xX](?:[2-9a-fA-F][0-9a-fA-F]|[1-9a-fA-F][0-9a-fA-F]{2}));)"
    rb"(?:[xX]([0-9a-fA-F]+)|([0-9]+));?"
)
_UNDECLARED = etree.ErrorTypes.ERR_UNDECLARED_ENTITY
_AROUND_THE_ROOT = (etree.ErrorTypes.ERR_DOCUMENT_EMPTY, etree.ErrorTypes.ERR_DOCUMENT_END)
_OF_WHAT_IS_THERE = (_UNDECLARED, etree.ErrorTypes.ERR_INVALID_CHAR, *_AROUND_THE_ROOT)
"""Errors that leaving entries out can't have caused."""
_ROOT = re.compile(rb"<((?:[\w.-]{1,40}:)?(?:rss|feed|RDF))[\s>]")
ENTRY = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:item|entry)[\s/>]", re.IGNORECASE)
_ENTRIES = tuple(f"{{*}}{written}" for name in ("item", "entry") for written in (name, name.title(), name.upper()))
"""feedparser ignores the case of names, as HTML does."""
_CDATA = b"<![CDATA["
# Except those that XML itself defines.
_AMPERSAND = re.compile(rb"&(?!#[xX]?[0-9a-fA-F]+;|(?:amp|lt|gt|quot|apos);)(?:([A-Za-z][A-Za-z0-9]{0,31});)?")
_MOST_MENDS = 2
_POSITION = re.compile(r", line \d+, column \d+$")  # in what is left of the document


@dataclass(frozen=True, slots=True)
class Tree:
    """A document, and the parts of it that are used."""

    root: etree._Element
    elements: Sequence[etree._Element]
    """The entries' elements."""
    tags: Sequence[etree._Element]
    """The elements of the feed's own tags."""
    hashes: Sequence[bytes | None]
    """Of the elements as written; None for those that were not found in the bytes."""
    parted: Parted | None = None
    """Set if known entries are not in the tree."""


def read(document: bytes, known: frozenset[bytes]) -> tuple[Tree | None, str | None]:
    """The tree of the document, which is UTF-8, or None if it can't be mended; and what is wrong with the document.

    known: hashes of entries that may be left out of the tree.
    """
    document, flaw = _bare(document), None
    for _ in range(_MOST_MENDS + 1):
        try:
            return _legal_tree(document, known), flaw and _POSITION.sub("", flaw)
        except etree.XMLSyntaxError as error:
            flaw = flaw or error.msg or "unreadable"
            mended = _mended(document, error)
        if mended is None or mended == document:
            break
        document = mended
    return None, flaw


def _legal_tree(document: bytes, known: frozenset[bytes]) -> Tree:
    """Characters that XML does not allow are removed only if lxml refuses the document, since looking for them takes
    nearly as long as parsing. Raises lxml's error."""
    try:
        return _smallest_tree(document, known)
    except etree.XMLSyntaxError as error:
        if _code(error) == _UNDECLARED:  # removing characters would not help
            raise
        allowed = legal(document)
        if allowed == document:
            raise
    return _smallest_tree(allowed, known)


def _smallest_tree(document: bytes, known: frozenset[bytes]) -> Tree:
    found = blocks.found(document)
    parted = blocks.parted(document, found, known)
    if parted is not None:
        try:
            tree = _outermost(parsed(parted.document), parted.hashes)
        except etree.XMLSyntaxError as error:
            if _code(error) in _OF_WHAT_IS_THERE:
                raise
        else:
            if tree.hashes is parted.hashes:
                return replace(tree, parted=parted)
    return _outermost(parsed(document), [block.hash for block in found])


def parsed(document: bytes) -> etree._Element:
    """The root of a document in UTF-8; nothing that it names is fetched or expanded. Raises lxml's error."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(document, parser)


def _outermost(root: etree._Element, hashes: Sequence[bytes]) -> Tree:
    """The elements of the entries, and the tags of the feed itself.

    What looks like an entry inside another one belongs to that one. The root never counts as one. hashes: of the
    elements as written, if they were found.
    """
    limit_attributes(root)
    entries: list[etree._Element] = []
    tags: list[etree._Element] = []
    walk = etree.iterwalk(root, events=("start",), tag=(*_ENTRIES, *TAGS))
    for _, element in walk:
        if element is root:
            continue
        (entries if local_name(element).lower() in ("item", "entry") else tags).append(element)
        walk.skip_subtree()
    return Tree(root, entries, tags, hashes if len(hashes) == len(entries) else [None] * len(entries))


def limit_attributes(root: etree._Element) -> None:
    """Canonical XML and feedparser are both quadratic in the attributes of an element: 1.2 s for 10,000."""
    for element in cast(list[etree._Element], _OVERLOADED(root)):
        attributes = element.attrib
        kept = {name: attributes[name] for name in attributes.keys()[:_MAX_ATTRIBUTES]}
        attributes.clear()
        attributes.update(kept)


def legal(document: bytes) -> bytes:
    """Without XML declaration and without the characters that XML does not allow.

    These are cleaned away in the end anyway, but would make the document malformed, and references to them make
    feedparser fail altogether.
    """
    document = document.translate(None, _C0)
    for character in _NONCHARACTERS:
        document = document.replace(character, b"")
    return _REFERENCE.sub(_legal_reference, _bare(document))


def _bare(document: bytes) -> bytes:
    """Without a declaration that lxml may fail on."""
    space = _SPACE.match(document)
    document = document if space is None else document[space.end() :]
    if _USUAL_DECLARATION.match(document):
        return document
    declaration = _DECLARATION.match(document)
    return document if declaration is None else document[declaration.end() :]


def _legal_reference(match: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = match.groups()
    digits = (hexadecimal or decimal).lstrip(b"0")
    if len(digits) > 7:
        return b""
    code = int(digits or b"0", 16 if hexadecimal else 10)
    allowed = code in (0x9, 0xA, 0xD) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return match[0] if allowed else b""


def _mended(document: bytes, error: etree.XMLSyntaxError) -> bytes | None:
    """Without what lxml failed on, if that is a common flaw and it is plain what was meant; otherwise None."""
    if _code(error) in _AROUND_THE_ROOT:
        return _alone(document)
    return _explained(document) if "Entity" in (error.msg or "") else None


def _alone(document: bytes) -> bytes | None:
    """From the start of its root to the root's end; None if there are entries outside."""
    root = _ROOT.search(document)
    end = -1 if root is None else document.rfind(b"</" + root[1], root.end())
    if root is None or end < 0:
        return None
    start, end = root.start(), document.find(b">", end) + 1
    return None if ENTRY.search(document, 0, start) or ENTRY.search(document, end) else document[start:end]


def _code(error: etree.XMLSyntaxError) -> int:
    code: int = vars(error)["code"]  # lxml's stubs don't have it
    return code


def _explained(document: bytes) -> bytes:
    """With HTML's entities replaced by their characters, if the document does not declare them: XML has only five.
    Unknown entities, and single ampersands, become text."""
    if b"<!ENTITY" in document:
        return document
    first, *sections = document.split(_CDATA)
    parts = [section.partition(b"]]>") for section in sections]
    return _AMPERSAND.sub(_meaning, first) + b"".join(
        b"%b%b%b%b" % (_CDATA, inside, end, _AMPERSAND.sub(_meaning, after)) for inside, end, after in parts
    )


def _meaning(match: re.Match[bytes]) -> bytes:
    code = html.entities.name2codepoint.get((match[1] or b"").decode())
    return chr(code).encode() if code else b"&amp;%b" % match[0][1:]


def local_name(element: etree._Element) -> str:
    """Empty for nodes that are not elements, such as entity references."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
