"""A text as HTML: each of its lines on a line of its own, with the links and emphasis that it has on its page.

A line is a paragraph, a heading, an item, a row of a table or a line of code. Lists, tables, quotations and code begin
in front of their first line and end behind their last one, so that a line can be left out (see `store.known.lines`).
The line between the head of a table and its other rows, which has dashes in the text, is empty.

Nothing of the source's markup is passed on, so nothing has to be made safe: what is written is escaped text between a
few tags without attributes, and links to absolute http(s) URLs. A line that the source does not have like this is
without markup.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from html import escape
from itertools import takewhile

from lxml import etree

from worker import dedup, urls
from worker.articles import blocks, charset, markup, plain
from worker.articles.blocks import line_key

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LISTS, _CELLS = frozenset({"ul", "ol"}), frozenset({"td", "th"})
_GROUPS = frozenset({*_LISTS, "li", "blockquote", "pre"})
"""Elements around lines that are written, besides tables."""
_DEEPEST = 6
"""Groups around a line. All of them may begin and end with each second line."""
_RULE, _ROW = re.compile(r"\|(?:-{3,}\|)+"), re.compile(r"\|(?=.* \| ).*\|")
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
    """The text as paragraphs and tables without markup."""
    lines = text.split("\n")
    return _joined(lines, [None] * len(lines))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A line of the text as the source has it."""

    html: str
    place: etree._Element
    """The innermost element that sets it apart from others; of a row, the row."""


_Groups = tuple[tuple[str, etree._Element | None], ...]
"""Their tags, and which they are; None: one that only the text has."""


def _written(text: str, tree: etree._Element, base: str | None, *, room: int) -> str:
    lines = text.split("\n")
    keys = [line_key(line) for line in lines]
    shown = list(_blocks(tree, base, frozenset(filter(None, keys)), room))
    first = dict(reversed(shown))  # for a line that the text has in another place
    found = blocks.in_order(keys, shown)
    return _joined(lines, [one or first.pop(key, None) for key, one in zip(keys, found, strict=True)])


def _joined(lines: Sequence[str], found: Sequence[_Shown | None]) -> str:
    """The lines as HTML, each with the tags of the groups that begin or end with it."""
    around = _around({one.place for one in found if one is not None})
    written: list[str] = []
    still: _Groups = ()
    for line, one in zip(lines, found, strict=True):
        is_in_table = bool(still) and still[-1][0] == "table"
        if one is None and is_in_table and _RULE.fullmatch(line):
            written.append("")
            continue
        if one is not None:
            groups = around[one.place]
        elif _ROW.fullmatch(line):
            groups = still if is_in_table else (("table", None),)
        else:
            groups = ()
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(still, groups, strict=False)))
        if written:
            written[-1] += _ends(still[same:])
        begun = "".join(f"<{tag}>" for tag, _ in groups[same:])
        written.append(begun + (_plain(line, groups) if one is None else _line(one, groups, same < len(groups))))
        still = groups
    written[-1] += _ends(still)
    return "\n".join(written)


def _around(places: Collection[etree._Element]) -> dict[etree._Element, _Groups]:
    """The groups that each of the elements is in, without those around an item that holds all of them."""
    known: dict[etree._Element, _Groups] = {}
    found: dict[etree._Element, _Groups] = {}
    for place in places:
        # A row without a table, as in a part of one, is in one all the same.
        table = next(place.iterancestors("table"), place.getparent()) if place.tag == "tr" else None
        found[place] = _groups(place, known) if table is None else (*_groups(table, known), ("table", table))
    levels = zip(*found.values(), strict=False) if len(found) > 1 else ()
    common = takewhile(lambda level: all(one == level[0] for one in level), levels)
    start = max((at + 1 for at, level in enumerate(common) if level[0][0] == "li"), default=0)
    return {place: _cut(groups[start:]) for place, groups in found.items()}


def _cut(groups: _Groups) -> _Groups:
    """The outermost of them. A row stays in its table; a list whose items would be cut off is none."""
    if len(groups) <= _DEEPEST:
        return groups
    if groups[-1][0] == "table":
        groups = (*groups[: _DEEPEST - 1], groups[-1])
    return groups[: _DEEPEST - 1] if groups[_DEEPEST - 1][0] in _LISTS else groups[:_DEEPEST]


def _groups(element: etree._Element, known: dict[etree._Element, _Groups]) -> _Groups:
    """Those that an element is in, from the outside to the inside. known: of other elements."""
    if (found := known.get(element)) is not None:
        return found
    tag, parent = str(element.tag), element.getparent()
    found = () if parent is None else _groups(parent, known)
    is_full = bool(found) and (found[-1][0] == "pre" or len(found) >= 2 * _DEEPEST)
    if tag in _GROUPS and parent is not None and not is_full:
        if tag == "li" and (not found or found[-1][0] not in _LISTS):
            found = (*found, ("ul", parent))  # none was there
        found = (*found, (tag, element))
    known[element] = found
    return found


def _line(one: _Shown, groups: _Groups, is_first: bool) -> str:
    """The line within its groups; is_first: the innermost of them begins with it."""
    tag = str(one.place.tag)
    inner = groups[-1][0] if groups else ""
    if inner == "table" and not one.html.startswith("<tr>"):  # its words are in no cell
        return f"<tr><td>{one.html}</td></tr>"
    if inner in {"pre", "table"} or (inner == "li" and is_first and tag not in _HEADINGS):
        return one.html
    tag = tag if tag in _HEADINGS else "p"
    return f"<{tag}>{one.html}</{tag}>"


def _ends(groups: _Groups) -> str:
    return "".join(f"</{tag}>" for tag, _ in reversed(groups))


def _plain(line: str, groups: _Groups) -> str:
    """A line that the source does not have."""
    if not groups:
        return f"<p>{escape(line, quote=False)}</p>"
    return f"<tr>{''.join(f'<td>{escape(cell.strip(), quote=False)}</td>' for cell in line[1:-1].split(' | '))}</tr>"


def _blocks(tree: etree._Element, base: str | None, wanted: Set[str], room: int) -> Iterator[tuple[str, _Shown]]:
    """The blocks of a page as `blocks.read` finds them, and the rows of its tables, in order: `line_key` and HTML of
    those whose key is wanted, as far as there is room for their start tags."""
    around = [tree]
    inline: list[str | None] = []
    """What is written for each element that is open."""
    still: list[str] = []
    """The same without None. None of them is written twice: then a line can't have more than there are kinds."""
    said: list[str] = []
    html: list[tuple[str, str]] = []
    """Tags and texts, in pairs: one of both is empty."""
    set_out = 0  # elements that keep their line breaks
    rows: list[_Row] = []
    are_rows = any("|" in key for key in wanted)

    def ended() -> Iterator[tuple[str, _Shown]]:
        nonlocal room
        whole = "".join(said)
        # Too many marks in a row are left out where they stand together, which here they need not.
        if said and not dedup.is_flooded(whole, plain.MAX_MARKS):
            key = line_key(plain.clean(whole))
            if key in wanted or rows:
                room -= sum(map(len, still))  # which the next line begins with
                html.extend((_end(tag), "") for tag in reversed(still))
                pieces = (tag or escape(plain.clean(text), quote=False) for tag, text in html)
                line = "".join(pieces)
                line = _SPACE.sub(" ", line).rstrip() if set_out else dedup.folded(line)
                if key in wanted:
                    yield key, _Shown(line, around[-1])
                if rows:
                    rows[-1].cell.append((key, line))
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
                if are_rows and tag == "tr":
                    rows.append(_Row())
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
            if rows and tag in _CELLS:
                rows[-1].end_cell(tag)
            elif rows and tag == "tr" and (key := (row := rows.pop()).key()) in wanted:
                yield key, _Shown(row.html(), element)
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


@dataclass(slots=True)
class _Row:
    """A row of a table, while it is read."""

    cell: list[tuple[str, str]] = field(default_factory=list)
    """Of the lines of the cell that is open: `line_key` and HTML."""
    cells: list[tuple[str, str]] = field(default_factory=list)
    """The same of each cell."""

    def end_cell(self, tag: str) -> None:
        key = "".join(key for key, _ in self.cell)
        html = " ".join(html for _, html in self.cell)
        self.cells.append((key, f"<{tag}>{html}</{tag}>"))
        self.cell.clear()

    def key(self) -> str:
        return line_key("|".join(key for key, _ in self.cells))

    def html(self) -> str:
        return f"<tr>{''.join(html for _, html in self.cells)}</tr>"


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
