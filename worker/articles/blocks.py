"""The pieces of text that a page shows, in order: what a reader sees as a paragraph, a heading, an item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lxml import etree
from lxml.html import HtmlElement

from worker.articles import plain

T = TypeVar("T")
SILENT = frozenset(
    {
        *("applet", "audio", "canvas", "datalist", "embed", "head", "iframe", "math", "noscript", "object", "script"),
        *("select", "style", "svg", "template", "textarea", "title", "video"),
    }
)
BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details"),
        *("dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3"),
        *("h4", "h5", "h6", "header", "hr", "html", "label", "legend", "li", "main", "nav", "ol", "option", "p"),
        *("pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
_PARAGRAPH = 40  # characters, at least: shorter ones are labels and buttons
_CHROME = ("nav", "footer", "header", "aside", "form")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    text: str
    """On one line."""
    element: HtmlElement
    """That directly contains the text."""
    linked: float
    """The share of its characters that link to other pages."""

    @property
    def tag(self) -> str:
        return str(self.element.tag)


def read(tree: HtmlElement) -> list[Block]:
    """The blocks of a page; the tree is not changed. Line breaks (`br`) end a block, too."""
    found: list[tuple[str, HtmlElement, float]] = []
    pieces: list[str] = []
    open_now = [tree]
    linked, depth = 0, 0

    def end() -> None:
        """Ends the block if it has any pieces: most elements have no text of their own."""
        nonlocal linked
        text = " ".join("".join(pieces).split())
        pieces.clear()
        found.append((text, open_now[-1], linked / len(text)))
        linked = 0

    walk = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if tag in SILENT:
                walk.skip_subtree()
                continue
            if tag in BLOCKS:
                if pieces:
                    end()
                open_now.append(element)
            elif tag == "br":
                if pieces:
                    end()
            elif tag == "a" and _leads_on(element):
                depth += 1
            text = element.text
        else:
            if tag in BLOCKS:
                if pieces:
                    end()
                open_now.pop()
            elif tag == "a" and _leads_on(element):
                depth -= 1
            text = element.tail
        if text and (pieces or not text.isspace()):
            pieces.append(text)
            if depth:
                linked += len(text.strip())
    if pieces:
        end()
    # ASCII that can be printed is clean, now that its white space is folded: half of the texts.
    clean = (
        (one if one.isascii() and one.isprintable() else plain.line(one, len(one) + 1), element, share)
        for one, element, share in found
    )
    return [Block(text=one, element=element, linked=share) for one, element, share in clean if one is not None]


def longest_run(tree: HtmlElement, *, enough: int = 0) -> list[str]:
    """The paragraphs side by side in one element; of all elements, those with the most characters in total.

    On a page with an article in prose they are all or most of it; navigation, footers and forms are not considered.
    Text between line breaks counts as well, but is looked at only if `p` elements have fewer than `enough` characters.
    Cheaper than `read`.
    """
    sizes: Counter[HtmlElement] = Counter()
    for element in tree.iter("p"):
        size = sum(map(len, element.itertext()))
        parent = element.getparent()
        if size >= _PARAGRAPH and parent is not None and _linked(element) * 2 < size:
            sizes[parent] += size
    found = _paragraphs(sizes)
    if sum(map(len, found)) > enough:
        return found
    for element in tree.iter("div", "td", "section", "article", "blockquote"):
        if own := sum(len(text) for text in _own(element) if len(text) >= _PARAGRAPH):
            sizes[element] += own
    return _paragraphs(sizes)


def _linked(element: HtmlElement) -> int:
    return sum(len(text) for link in element.iter("a") for text in link.itertext())


def _paragraphs(sizes: Counter[HtmlElement]) -> list[str]:
    """The paragraphs of the largest element that is not part of the page's frame."""
    for element, _ in sizes.most_common(8):
        if element.tag not in _CHROME and next(element.iterancestors(*_CHROME), None) is None:
            texts = ("".join(p.itertext()) for p in element.iterchildren("p"))
            long = [text for text in (*texts, *_own(element)) if len(text) >= _PARAGRAPH]
            return [clean for text in long if (clean := plain.line(text, len(text) + 1)) is not None]
    return []


def _own(element: HtmlElement) -> Iterator[str]:
    """The texts directly in an element."""
    if text := element.text:
        yield text.strip()
    for child in element:
        if text := child.tail:
            yield text.strip()


def _leads_on(link: HtmlElement) -> bool:
    """Whether the link leads to another page: headings of documentation link to themselves."""
    address = link.get("href")
    return address is not None and not address.startswith("#")


def in_order(keys: Sequence[str], shown: Iterable[tuple[str, T]]) -> list[T | None]:
    """For each line of a text what a page shows there, in the order of both; None for what it does not show. keys:
    `line_key` of each line. shown: the same for what the page shows."""
    known: dict[str, list[tuple[int, T]]] = {key: [] for key in keys}
    for at, (key, one) in enumerate(shown):
        if key in known:
            known[key].append((at, one))
    left = {key: iter(there) for key, there in known.items()}
    found: list[T | None] = []
    last = -1
    for key in keys:
        last, here = next(((at, one) for at, one in left[key] if at > last), (last, None))
        found.append(here)
    return found


def line_key(line: str) -> str:
    """The same for a line of trafilatura, which marks items and cells, and for the block that it came from."""
    return squashed(line).lstrip("-|").rstrip("|")


def squashed(text: str) -> str:
    """The form in which texts are compared: extractors differ in where they put white space."""
    return "".join(text.split())
