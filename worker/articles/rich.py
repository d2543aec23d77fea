"""A text as HTML: each of its lines an element on a line of its own, with the links and emphasis that it has on its
page.

Nothing of the source's markup is passed on, so nothing has to be made safe: what is written is escaped text between a
few tags without attributes, and links to absolute http(s) URLs. A line that the source does not have like this, such
as the row of a table, is a paragraph without markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from html import escape

from lxml import etree
from lxml.html import HtmlElement

from worker import dedup, urls
from worker.articles import blocks, charset, markup, plain
from worker.articles.blocks import line_key

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_AROUND = {"li": "<ul><li>{}</li></ul>", "blockquote": "<blockquote><p>{}</p></blockquote>"}
"""The elements that a line may be in, or be."""
_INLINE = {tag: tag for tag in ("code", "del", "em", "ins", "kbd", "mark", "q", "samp", "strong", "sub", "sup", "var")}
_INLINE |= {"b": "strong", "i": "em", "cite": "em", "dfn": "em", "s": "del", "strike": "del", "tt": "code"}


def of_page(text: str, body: bytes, *, url: str, content_type: str | None) -> str:
    """The text of a page as HTML; see `worker.articles.from_page`."""
    tree = markup.parse(charset.decode(body, content_type))
    if tree is None:
        return of_lines(text)
    stated = next((element.get("href") for element in tree.iter("base")), None)
    return _written(text, tree, urls.absolute(stated or "", url) or url)


def of_fragment(text: str, fragment: str, *, url: str | None) -> str:
    """The text of an entry as HTML. fragment: its content. url: the base of its relative links."""
    tree = markup.parse(f"<html>{plain.tamed(fragment).decode()}")
    return of_lines(text) if tree is None else _written(text, tree, url)


def of_lines(text: str) -> str:
    """The text as paragraphs without markup."""
    return "\n".join(map(_paragraph, text.split("\n")))


def _paragraph(line: str) -> str:
    return f"<p>{escape(line, quote=False)}</p>"


def _written(text: str, tree: HtmlElement, base: str | None) -> str:
    lines = text.split("\n")
    keys = [line_key(line) for line in lines]
    found = blocks.in_order(keys, _blocks(tree, base, frozenset(filter(None, keys))))
    return "\n".join(html or _paragraph(line) for line, html in zip(lines, found, strict=True))


def _blocks(tree: HtmlElement, base: str | None, wanted: Set[str]) -> Iterator[tuple[str, str]]:
    """The blocks of a page as `blocks.read` finds them, in order: `line_key` and HTML of those whose key is wanted."""
    around = [tree]
    inline: list[str | None] = []
    """The tags that are open, except those that are already: then a line can't have more than there are kinds."""
    said: list[str] = []
    html: list[tuple[str, str]] = []
    """Tags and texts, in pairs: one of both is empty."""

    def ended() -> Iterator[tuple[str, str]]:
        still = [tag for tag in inline if tag]
        if said and (key := line_key(plain.clean("".join(said)))) in wanted:
            html.extend((_end(tag), "") for tag in reversed(still))
            pieces = (tag or escape(plain.clean(text), quote=False) for tag, text in html)
            yield key, _around(around[-1], dedup.folded("".join(pieces)))
        said.clear()
        html[:] = [(f"<{tag}>", "") for tag in still]

    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        tag, text = str(element.tag), element.tail
        if event == "start":
            text = element.text
            if tag in blocks.SILENT:
                walk.skip_subtree()
                continue
            if tag in blocks.BLOCKS or tag == "br":
                yield from ended()
            if tag in blocks.BLOCKS:
                around.append(element)
            else:
                inline.append(_unless_open(_tag(element, base), inline))
                if inline[-1]:
                    html.append((f"<{inline[-1]}>", ""))
        elif tag in blocks.BLOCKS:
            yield from ended()
            around.pop()
        elif tag not in blocks.SILENT and (opened := inline.pop()):
            if html[-1] == (f"<{opened}>", ""):
                html.pop()  # nothing is in it
            else:
                html.append((_end(opened), ""))
        if text:
            said.append(text)
            html.append(("", text))
    yield from ended()


def _around(place: HtmlElement, html: str) -> str:
    tag = str(place.tag)
    if tag in _HEADINGS:
        return f"<{tag}>{html}</{tag}>"
    parent = place.getparent()
    form = _AROUND.get(tag) or ("" if parent is None else _AROUND.get(str(parent.tag)))
    return (form or "<p>{}</p>").replace("{}", html)


def _unless_open(tag: str | None, inline: Iterable[str | None]) -> str | None:
    name = _name(tag or "")
    return None if any(one and _name(one) == name for one in inline) else tag


def _end(tag: str) -> str:
    return f"</{_name(tag)}>"


def _name(tag: str) -> str:
    return tag.partition(" ")[0]


def _tag(element: HtmlElement, base: str | None) -> str | None:
    """What is written for an element within a line; None if nothing is."""
    if element.tag != "a":
        return _INLINE.get(str(element.tag))
    target = _target(element, base)
    return None if target is None else f'a href="{escape(target)}"'


def _target(link: HtmlElement, base: str | None) -> str | None:
    """Where it leads; None if that is a place on its own page, or no http(s) URL."""
    address = link.get("href", "").strip()
    return None if address.startswith("#") else urls.absolute(address, base)
