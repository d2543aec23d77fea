"""A text as HTML: each of its lines an element on a line of its own, with the links and emphasis that it has on its
page.

Nothing of the source's markup is passed on, so nothing has to be made safe: what is written is escaped text between a
few tags without attributes, and links to absolute http(s) URLs. A line that the source does not have like this, such
as the row of a table, is a paragraph without markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from html import escape

from lxml import etree

from worker import dedup, urls
from worker.articles import blocks, charset, markup, plain
from worker.articles.blocks import line_key

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_AROUND = {"li": "<ul><li>{}</li></ul>", "blockquote": "<blockquote><p>{}</p></blockquote>", "pre": "<pre>{}</pre>"}
"""The elements that a line may be in, or be."""
_INLINE = {tag: tag for tag in ("code", "del", "em", "ins", "kbd", "mark", "q", "samp", "strong", "sub", "sup", "var")}
_INLINE |= {"b": "strong", "i": "em", "cite": "em", "dfn": "em", "s": "del", "strike": "del", "tt": "code"}
_SPACE = re.compile(r"[^\S\t]")
_ROOM = 10_000
"""Characters of start tags, beyond twice the length of its source, that a text may have: a link is repeated in each of
its lines, and an address may be 8,000 characters longer than the link to it. 176 kB became 64 MB."""


def of_page(text: str, body: bytes, *, url: str, content_type: str | None) -> str:
    """The text of a page as HTML; see `worker.articles.from_page`."""
    tree = markup.parse(charset.decode(body, content_type))
    if tree is None:
        return of_lines(text)
    stated = next((element.get("href") for element in tree.iter("base")), None)
    return _written(text, tree, urls.absolute(stated or "", url) or url, room=_ROOM + 2 * len(body))


def of_fragment(text: str, fragment: str, *, url: str | None) -> str:
    """The text of an entry as HTML. fragment: its content. url: the base of its relative links."""
    tree = markup.parse(f"<html>{plain.tamed(fragment).decode()}")
    return of_lines(text) if tree is None else _written(text, plain.noted(tree), url, room=_ROOM + 2 * len(fragment))


def of_lines(text: str) -> str:
    """The text as paragraphs without markup."""
    return "\n".join(map(_paragraph, text.split("\n")))


def _paragraph(line: str) -> str:
    return f"<p>{escape(line, quote=False)}</p>"


def _written(text: str, tree: etree._Element, base: str | None, *, room: int) -> str:
    lines = text.split("\n")
    keys = [line_key(line) for line in lines]
    shown = list(_blocks(tree, base, frozenset(filter(None, keys)), room))
    first = dict(reversed(shown))  # for a line that the text has in another place
    found = blocks.in_order(keys, shown)
    return "\n".join(
        html or first.pop(key, "") or _paragraph(line) for line, key, html in zip(lines, keys, found, strict=True)
    )


def _blocks(tree: etree._Element, base: str | None, wanted: Set[str], room: int) -> Iterator[tuple[str, str]]:
    """The blocks of a page as `blocks.read` finds them, in order: `line_key` and HTML of those whose key is wanted, as
    far as there is room for their start tags."""
    around = [tree]
    inline: list[str | None] = []
    """What is written for each element that is open."""
    still: list[str] = []
    """The same without None. None of them is written twice: then a line can't have more than there are kinds."""
    said: list[str] = []
    html: list[tuple[str, str]] = []
    """Tags and texts, in pairs: one of both is empty."""
    set_out = 0  # elements that keep their line breaks

    def ended() -> Iterator[tuple[str, str]]:
        nonlocal room
        whole = "".join(said)
        # Too many marks in a row are left out where they stand together, which here they need not.
        if said and not dedup.is_flooded(whole, plain.MAX_MARKS) and (key := line_key(plain.clean(whole))) in wanted:
            room -= sum(map(len, still))  # which the next line begins with
            html.extend((_end(tag), "") for tag in reversed(still))
            pieces = (tag or escape(plain.clean(text), quote=False) for tag, text in html)
            line = "".join(pieces)
            yield key, _around(around[-1], _SPACE.sub(" ", line).rstrip() if set_out else dedup.folded(line))
        said.clear()
        html[:] = [(f"<{tag}>", "") for tag in still]

    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        if room < 0:
            return
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
                set_out += tag == "pre"
            else:
                inline.append(opened := _unless_open(_tag(element, base), still))
                if opened:
                    still.append(opened)
                    html.append((f"<{opened}>", ""))
                    room -= len(opened)
        elif tag in blocks.BLOCKS:
            yield from ended()
            around.pop()
            set_out -= tag == "pre"
        elif tag not in blocks.SILENT and (opened := inline.pop()):
            still.pop()
            if html[-1] == (f"<{opened}>", ""):
                html.pop()  # nothing is in it
            else:
                html.append((_end(opened), ""))
        for at, piece in enumerate(text.split("\n") if set_out and text else (text,)):
            if at:
                yield from ended()
            if piece:
                said.append(piece)
                html.append(("", piece))
    yield from ended()


def _around(place: etree._Element, html: str) -> str:
    tag = str(place.tag)
    if tag in _HEADINGS:
        return f"<{tag}>{html}</{tag}>"
    parent = place.getparent()
    form = _AROUND.get(tag) or ("" if parent is None else _AROUND.get(str(parent.tag)))
    return (form or "<p>{}</p>").replace("{}", html)


def _unless_open(tag: str | None, still: Iterable[str]) -> str | None:
    name = _name(tag or "")
    return None if any(_name(one) == name for one in still) else tag


def _end(tag: str) -> str:
    return f"</{_name(tag)}>"


def _name(tag: str) -> str:
    return tag.partition(" ")[0]


def _tag(element: etree._Element, base: str | None) -> str | None:
    """What is written for an element within a line; None if nothing is."""
    if element.tag != "a":
        return _INLINE.get(str(element.tag))
    target = _target(element, base)
    return None if target is None else f'a href="{escape(target)}"'


def _target(link: etree._Element, base: str | None) -> str | None:
    """Where it leads; None if that is a place on its own page, or no http(s) URL."""
    address = link.get("href", "").strip()
    return None if address.startswith("#") else urls.absolute(address, base)
