"""Lines below an article that the page has in another place: boxes to sign up or to pay, comments, hidden dialogs; and
lines anywhere that it marks as menus, dialogs or captions, or names as a box of those kinds.

The former are told by where they stand, in any language: outside the element that holds most of the text, in elements
that share no class with those around it. Sections of one article are alike. On the corpus (634 pages) these are 47
lines of 20 pages, the others 49 of 23; where the gold tells, none of them is the article's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lxml.html import HtmlElement

_MOST = 0.8  # of a text's characters
_FEWEST, _PROSE = 3, 40  # lines of so many characters in the element
_HOLDERS = frozenset({"article", "body", "div", "main", "section", "td"})
_MARKED = 0.2  # of a text's characters, at most: a page of captions, or one wrapped in a nav, is no other text
_NOT_TEXT = frozenset({"dialog", "figcaption", "nav"})
_ROLES = frozenset(
    {"alertdialog", "complementary", "contentinfo", "dialog", "menu", "menubar", "navigation", "search", "toolbar"}
)
# What sites call boxes amid a text, whatever their language: class="article-newsletter", "NewsletterBox".
_BOXES = frozenset({"comments", "modal", "newsletter", "promo", "recommendations", "related", "share", "sharing"})
_WORDS = re.compile("[A-Z]?[a-z]+")  # of a class
_DIGITS = re.compile(r"\d+")
_NAME = 5  # characters of a class, at least: shorter ones say how wide a margin is
# Begins what editors say of their own article, which may be set apart.
_REMARK = re.compile(
    r"\W*(?:an? )?(?:correct|clarif|updat|edit|note\b|redak|korr|anm|hinweis|errat|rectif|correc|correz|corrig"
    r"|fe de erratas|mise à jour|actualiz|aggiorn|atualiz|nota\b|rättelse|rettel|opravk|sprostow|исправ|уточн"
    r"|обновл|訂正|更正|정정|تصحيح)",
    re.IGNORECASE,
)


Places = Sequence[HtmlElement | None]
"""In which element of its page each line of a text is; None: in none."""


def end(lines: Sequence[str], places: Places) -> int:
    """How many lines of a text there are up to the last one that is in its place."""
    holder = _holder(lines, places)
    last = len(lines)
    if holder is not None:
        while last and _is_apart(places[last - 1], holder) and not _REMARK.match(lines[last - 1]):
            last -= 1
    return last


def marked(lines: Sequence[str], places: Places) -> frozenset[int]:
    """The indexes of lines that the page itself marks as something else than its text: menus, dialogs, captions, and
    boxes that are named as such."""
    known: dict[HtmlElement, HtmlElement | None] = {}
    found = {
        at: box for at, place in enumerate(places) if place is not None and (box := _box(place, known)) is not None
    }
    sizes: Counter[HtmlElement] = Counter()
    for at, box in found.items():
        sizes[box] += len(lines[at])
    most = _MARKED * sum(map(len, lines))
    small = frozenset(at for at, box in found.items() if sizes[box] <= most)
    return small if sum(len(lines[at]) for at in small) <= most else frozenset()


def _box(place: HtmlElement, known: dict[HtmlElement, HtmlElement | None]) -> HtmlElement | None:
    """The innermost of such elements that it is in. known: of other places."""
    passed: list[HtmlElement] = []
    found: HtmlElement | None = None
    for element in (place, *place.iterancestors()):
        if element in known:
            found = known[element]
            break
        passed.append(element)
        if element.tag in _NOT_TEXT or element.get("role") in _ROLES or not _BOXES.isdisjoint(words(element)):
            found = element
            break
    known.update(dict.fromkeys(passed, found))
    return found


def _holder(lines: Iterable[str], places: Iterable[HtmlElement | None]) -> HtmlElement | None:
    """The innermost element that holds most of the text, if several lines of prose are in it."""
    sizes: Counter[HtmlElement] = Counter()
    prose: Counter[HtmlElement] = Counter()
    for line, place in zip(lines, places, strict=True):
        if place is not None:
            inner = place if place.tag in _HOLDERS else place.getparent()
            sizes[inner] += len(line)
            prose[inner] += len(line) >= _PROSE
    most = _MOST * sizes.total()
    for counts in (sizes, prose):
        for inner, count in list(counts.items()):
            for around in inner.iterancestors():
                counts[around] += count
    holders = [one for one, size in sizes.items() if size >= most and prose[one] >= _FEWEST and one.tag in _HOLDERS]
    return min(holders, key=sizes.__getitem__, default=None)  # of equals the first, which is within the others


def _is_apart(place: HtmlElement | None, holder: HtmlElement) -> bool:
    """Whether it is outside of the holder, and up to where they meet no name is on both sides. A holder without names
    is like every element of its kind that has none, either."""
    if place is None:
        return False
    theirs, ours = [place, *place.iterancestors()], [holder, *holder.iterancestors()]
    if holder in theirs:
        return False
    while theirs and ours and theirs[-1] is ours[-1]:
        theirs.pop()
        ours.pop()
    if not theirs or not names(ours).isdisjoint(names(theirs)):
        return False
    return bool(names([holder])) or not any(one.tag == holder.tag and not names([one]) for one in theirs)


def names(elements: Iterable[HtmlElement]) -> frozenset[str]:
    """Their classes and ids without numbers, such as those of parts of an article."""
    stated = " ".join(f"{element.get('class', '')} {element.get('id', '')}" for element in elements)
    return frozenset(name for name in _DIGITS.sub("", stated).split() if len(name) >= _NAME)


def words(element: HtmlElement) -> Iterator[str]:
    """Of its classes: `article` and `lead` of "article__lead" or "ArticleLead"."""
    return (word.lower() for word in _WORDS.findall(element.get("class") or ""))
