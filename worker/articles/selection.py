"""The part of a page that is its article, if the feed's rules name it by CSS selectors."""

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
    """The page without what `remove` matches; the page itself if that is nothing."""
    text: str | None
    """What `select` matches, one line a paragraph; None if it matches nothing, or there is no `select`."""
    problem: str | None
    """One line for people."""


def part_of(tree: HtmlElement, rules: Rules) -> Part:
    """The part of a page that `rules` leave; the page is not changed."""
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
    """The text of the matching elements, in the page's order; what is within another one comes only once."""
    pieces: list[str] = []
    last: HtmlElement | None = None
    for element in _found(tree, selectors):
        if last is None or last not in element.iterancestors():
            pieces.append(str(etree.tostring(element, encoding="unicode", method="html", with_tail=False)))
            last = element
    return plain.from_html("<br>".join(pieces))


def _found(tree: HtmlElement, selectors: tuple[str, ...]) -> list[HtmlElement]:
    """The matching elements in the page's order, each once."""
    return cast("list[HtmlElement]", _compiled(selectors)(tree))


@functools.lru_cache(maxsize=256)
def _compiled(selectors: tuple[str, ...]) -> Callable[[HtmlElement], object]:
    from lxml.cssselect import CSSSelector  # takes 15 ms, which most pages don't need

    return CSSSelector(", ".join(selectors), translator="html")
