"""Lines that a page shows as its article's and a text lacks: the lead, headings and lists, and paragraphs in an element
beside that of the others.

Told by where they stand and by what the page calls them, in any language. On the corpus (634 pages) these are 163 lines
of 68 pages; where the gold tells, 76 of them are the article's and 5 are not, of which 3 are leads. Five of the pages
have parts beside each other; half of the text was missing from three of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import chain, islice, pairwise

from lxml.html import HtmlElement

from worker.articles import apart, blocks, pointers
from worker.articles.blocks import Block, line_key, squashed

_KNOWN = 40  # characters, by which a lead is recognized
_ABOVE = 40  # blocks above the text, in which it is looked for
_PROSE, _PARAGRAPH = 40, 80  # characters, at least: shorter ones are labels and buttons, or captions
_LINKED, _MOSTLY = 0.3, 0.5  # of the characters of a lead or list, at most; of a paragraph
_LEADS, _MOST = 4, 300  # lines, at most: of a lead, of all that is lacking
_LEVELS = 8  # of elements around two parts of a text, at most, up to the one around both
_HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})
_TITLES = _HEADINGS | {"h1"}
_LISTS = frozenset({"ul", "ol"})
_AROUND = frozenset({"a", "aside", "button", "figcaption", "figure", "footer", "form", "li", "nav"})
# What sites call a lead, whatever their language: class="article__lead", "TeaserText".
_NAMES = frozenset(
    {
        *("abstract", "bajada", "chapo", "entradilla", "excerpt", "ingress", "intro", "introduction", "lead", "lede"),
        *("perex", "preamble", "preface", "standfirst", "summary", "teaser", "vorspann"),
    }
)
_SAID = re.compile(r"[.!?。！？؟।]\W{0,4}\Z")
_CUT_OFF = re.compile(r"(?:…|\.\.\.)\W*\Z")

Shown = Sequence[tuple[str, Block]]


def filled(text: str, shown: Shown, leads: Iterable[str]) -> str:
    """The text with such lines. shown: the blocks of its page, each with its `squashed` text. leads: what the page
    gives as its summary."""
    whole = _Text.of(text, shown)
    if beside := whole.lacking(_beside(whole)):
        whole = _Text.of(whole.merged(beside), shown)
    return whole.merged(whole.lacking(chain(_lead(whole, leads), _within(whole))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    squashed: str
    lines: list[str]
    known: frozenset[str]
    """`line_key` of each line."""
    shown: Shown
    places: list[int | None]
    """Which of the shown blocks each line is."""

    @classmethod
    def of(cls, text: str, shown: Shown) -> _Text:
        lines = text.split("\n")
        keys = list(map(line_key, lines))
        places = blocks.in_order(keys, ((key, at) for at, (key, _) in enumerate(shown)))
        return cls(squashed=squashed(text), lines=lines, known=frozenset(keys), shown=shown, places=places)

    def lacking(self, found: Iterable[int]) -> list[int]:
        """Those of the blocks that are not in the text in some other form, such as on one line with others."""
        new = {self.shown[at][0]: at for at in sorted(set(found))[:_MOST] if self.shown[at][0] not in self.squashed}
        return sorted(new.values())

    def merged(self, lacking: Sequence[int]) -> str:
        """The text with these blocks, where the page has them."""
        left = list(reversed(lacking))
        lines: list[str] = []
        for line, place in zip(self.lines, self.places, strict=True):
            while place is not None and left and left[-1] < place:
                lines.append(_line(self.shown[left.pop()][1]))
            lines.append(line)
        return "\n".join([*lines, *(_line(self.shown[at][1]) for at in reversed(left))])


def _line(block: Block) -> str:
    is_item = any(one.tag == "li" for one in islice(_upwards(block.element), 2))
    return f"- {block.text}" if is_item else block.text


def _lead(text: _Text, leads: Iterable[str]) -> Iterator[int]:
    """The paragraphs above the text that the page gives as its summary, or that have the name of a lead and stand below
    the title."""
    shown, lines = text.shown, zip(text.lines, text.places, strict=True)
    prose = (at for line, at in lines if at is not None and len(line) >= _PARAGRAPH)
    first = next((at for at in prose if shown[at][1].tag not in _TITLES), None)
    if first is None:
        return
    wanted = {key[:_KNOWN] for lead in leads if len(key := squashed(lead)) >= _KNOWN}
    above = range(max(0, first - _ABOVE), first)
    title = max((at for at in above if shown[at][1].tag == "h1"), default=first)
    named: HtmlElement | None = None
    found = 0
    for at in above:
        key, block = shown[at]
        if key in text.squashed or len(key) < _PROSE or found == _LEADS or _CUT_OFF.search(block.text):
            continue
        if key[:_KNOWN] in wanted:
            yield at
            found += 1
        elif at > title and block.linked <= _LINKED and _SAID.search(block.text):
            place = _named(block.element)
            if place is not None and (named is None or place is named):
                named = place
                yield at
                found += 1


def _named(element: HtmlElement) -> HtmlElement | None:
    """The element, or the one around it, if it has a lead's name and is no caption, teaser or the like."""
    around = [element, *element.iterancestors()]
    if any(one.tag in _AROUND for one in around):
        return None
    return next((one for one in around[:2] if _NAMES.intersection(apart.words(one))), None)


def _within(text: _Text) -> Iterator[int]:
    """Headings and whole lists right above a line of the text, and below another, in the element in which it stands."""
    shown = text.shown
    wanted: dict[HtmlElement, bool] = {}
    for above, below in pairwise(at for at in text.places if at is not None):
        lowest = _unit(shown[below][1].element)
        found: list[tuple[int, HtmlElement]] = []
        for at in range(below - 1, above - 1, -1):
            unit = _unit(shown[at][1].element)
            if at == above or shown[at][0] in text.known or unit.getparent() is not lowest.getparent():
                found = [one for one in found if one[1] is not unit]  # of which the text has a part
                break
            if unit not in wanted:
                wanted[unit] = unit is not lowest and _is_text(unit)
            if not wanted[unit]:
                break
            found.append((at, unit))
        yield from (at for at, _ in found)


def _unit(element: HtmlElement) -> HtmlElement:
    """The whole list in which it is an item; what stands around that or another element, but nothing else."""
    unit = element
    while (parent := unit.getparent()) is not None and (unit.tag == "li" or parent.tag == "li"):
        unit = parent
    is_alone = unit.getprevious() is None and unit.getnext() is None  # all children would be counted for each of them
    return parent if parent is not None and parent.tag == "div" and is_alone else unit


def _is_text(unit: HtmlElement) -> bool:
    """Whether it is a heading, or a list with an item as long as a sentence; not one of contents, or buttons."""
    element = unit[0] if unit.tag == "div" and len(unit) == 1 else unit
    if element.tag not in _HEADINGS | _LISTS:
        return False
    links = ("".join(link.itertext()) for link in element.iter("a"))
    if sum(map(len, links)) > _LINKED * sum(map(len, element.itertext())):
        return False
    if element.tag in _HEADINGS:
        return not pointers.is_label("".join(element.itertext()).strip())
    return any(len("".join(item.itertext())) >= _PROSE for item in element)


def _beside(text: _Text) -> Iterator[int]:
    """Paragraphs below, and headings above them, in elements of the kinds in which most of the text's stand, and named
    as those are, or else in elements of the same names: pages set advertisements between parts of an article."""
    shown, lines = text.shown, zip(text.lines, text.places, strict=True)
    ours = [(at, line) for line, at in lines if at is not None and shown[at][1].tag == "p"]
    sizes: Counter[HtmlElement] = Counter()
    kinds: Counter[str] = Counter()
    for at, line in ours:
        sizes[shown[at][1].element.getparent()] += len(line)
        kinds[shown[at][1].element.get("class") or ""] += len(line)
    if not ours:
        return
    (holder, _), (kind, size) = sizes.most_common(1)[0], kinds.most_common(1)[0]
    if 2 * size < sum(map(len, text.lines)):
        return
    alike: dict[HtmlElement | None, bool] = {None: False, holder: False}
    names = apart.names([holder])
    heading: int | None = None
    for at in range(ours[0][0], len(shown)):
        key, block = shown[at]
        if block.tag == "h1":
            return  # that of another article
        parent = block.element.getparent()
        if parent not in alike:
            alike[parent] = _is_alike(parent, holder, names, wholly=not kind)
        if not alike[parent]:
            continue
        if block.tag in _HEADINGS and key not in text.known:
            heading = at
        elif pointers.is_label(block.text) or block.linked > _MOSTLY or (not kind and len(key) < _PROSE):
            heading = None
        elif block.tag == "p" and (block.element.get("class") or "") == kind and key not in text.known:
            if heading is not None:
                yield heading
            yield at
            heading = None


def _is_alike(element: HtmlElement, holder: HtmlElement, ours: Set[str], *, wholly: bool) -> bool:
    """Whether it has a name of the holder (`ours`), or all of its names, and both are in elements of the same kinds, up
    to the one around both."""
    theirs = apart.names([element])
    if ours.isdisjoint(theirs) or (wholly and ours != theirs):
        return False
    for one, other in islice(zip(_upwards(element), _upwards(holder), strict=False), _LEVELS):
        if one is other:
            return True
        if one.tag != other.tag or one.tag == "article":
            return False
    return False


def _upwards(element: HtmlElement) -> Iterator[HtmlElement]:
    yield element
    yield from element.iterancestors()
