"""OPML 2.0 (http://opml.org/spec2.opml): lists of other feed readers as our feed lists, and vice versa.

Folders become tags (`News` in `World` is `World/News`), as do categories. What OPML has no attribute for is stored in
attributes of our own namespace, which the specification allows, so that an export can be imported again without loss.

A list may come from a stranger, so document types (and hence entities) are refused, nothing is fetched, sizes are
bounded, and `${…}` is not a variable here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import TypeAlias, cast

import yaml
from lxml import etree
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from worker import urls
from worker.errors import Problem
from worker.model import Feed
from worker.settings.quantities import duration

NAMESPACE = "https://feedmill.example/opml-1"
MAX_BYTES = 64_000_000
"""A hundred thousand feeds take some 30 MB."""
MAX_DEPTH = 40
_KEYS = ("id", "every", "cron", "full_text", "html", "backfill", "backfill_from", "recheck", "expect")
"""Attributes in our namespace, as in a feed list; `recheck` is written as one text."""
_TAG = "tag:yaml.org,2002:"

Outline: TypeAlias = "dict[str, tuple[str | list[str], int]]"
"""A feed as one of our lists would have it: keys with their values and lines."""


def is_opml(name: str) -> bool:
    return name.lower().endswith((".opml", ".xml"))


def nodes(data: bytes, *, name: str) -> Node | Problem:
    """The feeds of an OPML document as nodes of a YAML feed list, each with its line."""
    outlines = _outlines(data, name)
    if isinstance(outlines, Problem):
        return outlines
    listed: list[Node] = [_mapping(outline) for outline in outlines]
    feeds = SequenceNode(_TAG + "seq", listed, _mark(1), _mark(1), flow_style=False)
    return MappingNode(_TAG + "map", [(_text("feeds", 1), feeds)], _mark(1), _mark(1), flow_style=False)


def document(feeds: Iterable[tuple[Feed, str | None, str | None]], *, title: str) -> bytes:
    """An OPML document of feeds, each with its title and the page of its site if known.

    Without headers; the URL is `public_url`. A feed is in the folder of its first tag; if it has more tags, all of them
    are also its categories.
    """
    root = etree.Element("opml", {"version": "2.0"}, nsmap={"feedmill": NAMESPACE})
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = title
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], etree._Element] = {(): body}
    for feed, feed_title, site in feeds:
        first = feed.tags[0] if feed.tags else ""
        path = tuple(first.split("/")) if _is_path(first) else ()
        parent = _folder(folders, path)
        etree.SubElement(parent, "outline", _attributes(feed, feed_title, site, in_folder=bool(path)))
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


class _NotOpml(Exception):
    def __init__(self, message: str, line: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.line, self.hint = line, hint


def _outlines(data: bytes, name: str) -> list[Outline] | Problem:
    try:
        return _merged(_feeds(_body(data)))
    except etree.XMLSyntaxError as error:
        line, column = error.position
        return Problem(file=name, line=line or 1, column=column, message=f"not XML: {(error.msg or '')[:200]}")
    except _NotOpml as error:
        return Problem(file=name, line=error.line, message=error.args[0], hint=error.hint)


def _body(data: bytes) -> etree._Element:
    if len(data) > MAX_BYTES:
        raise _NotOpml(f"larger than {MAX_BYTES // 10**6} MB")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    tree = etree.parse(BytesIO(data.lstrip()), parser)
    if getattr(tree.docinfo, "doctype", ""):
        raise _NotOpml("a document type declaration, which OPML has none of", hint="remove <!DOCTYPE …>")
    root = tree.getroot()
    body = root.find("body")
    if root.tag != "opml" or body is None:
        raise _NotOpml(f"not OPML: its first element is <{str(root.tag)[:50]}>", _line(root))
    return body


def _feeds(body: etree._Element) -> Iterator[Outline]:
    stack: list[tuple[etree._Element, tuple[str, ...]]] = [(child, ()) for child in reversed(body)]
    while stack:
        element, folders = stack.pop()
        if element.tag != "outline":
            continue
        url = urls.of_feed_scheme((element.get("xmlUrl") or element.get("xmlurl") or "").strip())
        if url:
            yield _outline(element, url, folders)
            inside = folders
        else:
            name = " ".join((element.get("title") or element.get("text") or "").split())
            inside = (*folders, name) if name else folders
        if len(inside) > MAX_DEPTH:
            raise _NotOpml("folders nested too deeply", _line(element))
        stack.extend((child, inside) for child in reversed(element))


def _outline(element: etree._Element, url: str, folders: Sequence[str]) -> Outline:
    line = _line(element)
    found: Outline = {"url": (url, line)}
    own = {key: element.get(f"{{{NAMESPACE}}}{key}") for key in _KEYS}
    title = " ".join((element.get("title") or element.get("text") or "").split())
    named = element.get(f"{{{NAMESPACE}}}title")  # ours: whether the title is the operator's or the feed's
    if title and named != "feed":
        found["title"] = (title, line)
    tags = _categories(element.get("category") or "")
    folder = "/".join(folders)
    if folder and folder not in tags:
        tags.insert(0, folder)
    if tags:
        found["tags"] = (tags, line)
    for key, value in own.items():
        if value is not None:
            found[key] = (value.split() if key == "recheck" else value, line)
    return found


def _merged(outlines: Iterable[Outline]) -> list[Outline]:
    """Makes one feed of those that occur in several folders (this is how readers write several tags), even if its
    address is spelled in different ways."""
    by_url: dict[str, Outline] = {}
    for outline in outlines:
        url = str(outline["url"][0])
        known = by_url.setdefault(urls.canonical_if_any(url) or url, outline)
        if known is outline or "tags" not in outline:
            continue
        tags = list(known.get("tags", ([], 0))[0])
        known["tags"] = ([*tags, *(tag for tag in outline["tags"][0] if tag not in tags)], known["url"][1])
    return list(by_url.values())


def _categories(text: str) -> list[str]:
    """Comma-separated, each a tag or, with slashes, a path (RSS 2.0's categories). In ours, commas are escaped."""
    found: list[str] = []
    for part in text.split(","):
        tag = _unescaped(part.strip().removeprefix("/"))
        if tag and tag not in found:
            found.append(tag)
    return found


def _attributes(feed: Feed, title: str | None, site: str | None, *, in_folder: bool) -> dict[str, str]:
    name = feed.title or title or feed.id
    found = {"type": "rss", "text": _xml(name), "title": _xml(name), "xmlUrl": feed.public_url or feed.url}
    if site is not None:
        found["htmlUrl"] = _xml(site)
    if len(feed.tags) > in_folder:
        found["category"] = ",".join(("/" if "/" in tag else "") + _escaped(tag) for tag in feed.tags)
    ours = {
        "id": feed.id,
        "title": None if feed.title is not None else "feed",
        "every": None if feed.every_s is None else duration(feed.every_s),
        "cron": feed.cron,
        "full_text": None if feed.full_text == "auto" else feed.full_text,
        "html": "true" if feed.html else None,
        "backfill": None if feed.backfill_s is None else duration(feed.backfill_s),
        "backfill_from": feed.backfill_from,
        "expect": None if feed.expect_s is None else duration(feed.expect_s),
        "recheck": " ".join(duration(age) for age in feed.recheck_s) or None,
    }
    return found | {f"{{{NAMESPACE}}}{key}": value for key, value in ours.items() if value is not None}


def _folder(folders: dict[tuple[str, ...], etree._Element], path: tuple[str, ...]) -> etree._Element:
    if path not in folders:
        parent = _folder(folders, path[:-1])
        folders[path] = etree.SubElement(parent, "outline", {"text": path[-1], "title": path[-1]})
    return folders[path]


def _is_path(tag: str) -> bool:
    """Whether folders can represent the tag: no part of it is empty, or has white space that would be lost."""
    parts = tag.split("/")
    return len(parts) <= MAX_DEPTH and all(part and part == " ".join(_xml(part).split()) for part in parts)


def _xml(text: str) -> str:
    """Without characters that are not allowed in XML."""
    return "".join(c for c in text if c >= " " and not "\ufffe" <= c <= "\uffff")


def _escaped(tag: str) -> str:
    return _xml(tag).replace("%", "%25").replace(",", "%2C")


def _unescaped(tag: str) -> str:
    return tag.replace("%2C", ",").replace("%25", "%")


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0


def _mark(line: int) -> yaml.Mark:
    return yaml.Mark("", 0, max(line, 1) - 1, 0, None, 0)


def _text(value: str, line: int) -> ScalarNode:
    return ScalarNode(_TAG + "str", value, _mark(line), _mark(line))


def _mapping(outline: Outline) -> MappingNode:
    pairs: list[tuple[Node, Node]] = []
    for key, (value, line) in outline.items():
        if isinstance(value, str):
            pairs.append((_text(key, line), _text(value, line)))
        else:
            items = [_text(item, line) for item in value]
            sequence = SequenceNode(_TAG + "seq", items, _mark(line), _mark(line), flow_style=True)
            pairs.append((_text(key, line), sequence))
    line = outline["url"][1]
    return MappingNode(_TAG + "map", pairs, _mark(line), _mark(line), flow_style=False)
