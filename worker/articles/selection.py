"""The part of a page that is its article, where the feed's owner says which: by CSS selectors."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from lxml import etree
from lxml.html import HtmlElement

from worker.articles import plain
from worker.model import Rules

NOT_THERE = "what select names is not on the page, or holds no text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    tree: HtmlElement
    """The page without what `remove` names; the page itself where that is nothing."""
    text: str | None
    """What `select` names, a line a paragraph; None where it names nothing that there is."""
    problem: str | None
    """One line for people."""


def part_of(tree: HtmlElement, rules: Rules) -> Part:
    """What `rules` leave of a page, which is not changed."""
    if rules.remove:
        tree = _without(tree, rules.remove)
    text = _held(tree, rules.select) if rules.select else ""
    return Part(tree=tree, text=text or None, problem=NOT_THERE if rules.select and not text else None)


def _without(tree: HtmlElement, selectors: tuple[str, ...]) -> HtmlElement:
    if not _found(tree, selectors):
        return tree
    tree = copy.deepcopy(tree)
    for element in _found(tree, selectors):
        if element.getparent() is None:
            element.clear()
        else:
            element.drop_tree()  # what follows it stays
    return tree


def _held(tree: HtmlElement, selectors: tuple[str, ...]) -> str:
    """The text of the elements, in the page's order; what stands within another one comes once."""
    pieces: list[str] = []
    last: HtmlElement | None = None
    for element in _found(tree, selectors):
        if last is None or last not in element.iterancestors():
            pieces.append(str(etree.tostring(element, encoding="unicode", method="html", with_tail=False)))
            last = element
    return plain.from_html("<br>".join(pieces))


def _found(tree: HtmlElement, selectors: tuple[str, ...]) -> list[HtmlElement]:
    """In the page's order, each once."""
    return cast("list[HtmlElement]", _compiled(selectors)(tree))


@functools.lru_cache(maxsize=256)
def _compiled(selectors: tuple[str, ...]) -> Callable[[HtmlElement], object]:
    from lxml.cssselect import CSSSelector  # 15 ms, which most pages do without

    return CSSSelector(", ".join(selectors), translator="html")
