"""A page's text: trafilatura's, corrected by a second look at the page, or by other extractors.

The steps were chosen on 634 pages with gold text (four public sets); both halves of the sites were looked at more than
once, so the figures predict nothing for other sites, but no step rests on a single page. A row sums up several trials,
and not each of these improves every set. F1 on scrapinghub, fundus, trafilatura and readability, step by step:

    trafilatura by default                            .954  .958  .927  .918
    its first result, unless the page's prose is elsewhere (`_first`)
                                                      .965  .961  .927  .940
    without foreign lines at its edges (edges.py)     .969  .964  .927  .938
    with the lead, without lines that are links       .969  .968  .933  .937
    without what stands elsewhere, below (apart.py)   .972  .970  .938  .937
    with what else is amid it (gaps.py), without boxes there (apart.py)
                                                      .975  .978  .945  .938
    without lines that no witness has (`_confirmed`)  .976  .978  .947  .936

If the feed has a full copy (simulated by the gold text without its short lines, with a credit), it chooses between
three results, from the second step on: .976, .964 and .941 on the sets with whole texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy

import trafilatura
from lxml.html import HtmlElement
from trafilatura.baseline import basic_cleaning
from trafilatura.external import jt_stoplist_init, try_justext
from trafilatura.settings import Extractor

from worker import dedup
from worker.articles import apart, blocks, gaps, plain, pointers, scripts
from worker.articles.blocks import Block, line_key, squashed
from worker.model import Effort

_LINK = 0.9  # of a line's characters
_SAID = 25  # characters from which a line is not within another by chance
_EMPTY, _MAX_EMPTY = 40, 2000  # words, characters, at most
_LISTED = frozenset({"li", "td", "th", "dt", "dd", "option"})
_ALIKE = 0.97  # F1 of two texts' words
_MENU, _MENU_LINK = 40, 0.5  # characters of a line, on average and at most, where menus are among them; of their lines
_EMPTY_ROW = re.compile(r"^\|(?:(?: *\|)+|---\|)(?:\n|\Z)", re.MULTILINE)
_LONE_CELL = re.compile(r"^\| ([^|\n]*[^|\s]) \|$", re.MULTILINE)
_EMPTY_ITEM = re.compile(r"^-\n|\n-$", re.MULTILINE)
_FULL_STOP = re.compile(r"[.!?…。！？؟।]\W{0,4}\Z")
# The stop words of all languages: read here, where processes are made ready, and not with somebody's page (0.4 s).
jt_stoplist_init()


def read(tree: HtmlElement, url: str, *, discussion: bool, effort: Effort, witness: str = "") -> str:
    """The text of a page of any kind; "" if there is none. The tree is not changed.

    discussion: readers' comments are a part of it. witness: the feed's own text, if it is that of an article; it
    decides between results that differ.
    """
    text = _of(tree, url, comments=True) if discussion else _first(tree, url)
    if witness and not discussion and effort != "fast" and _f1(text, witness) < _ALIKE:
        others = (_of(tree, url), _of(tree, url, fast=True, precise=True))
        text = max((text, *others), key=lambda one: _f1(one, witness))
    if len(text) > _MAX_EMPTY or dedup.word_count(text) >= _EMPTY:
        return text
    return max(text, scripts.body(tree), key=dedup.word_count)


def prose(text: str, tree: HtmlElement) -> str:
    """The text of an article, one line a block, from its first sentence to its last, if `text` is one element's text on
    one line or the whole page; if that is less than half, only links are left out.

    For a short text, trafilatura's own extractor finds fewer than the 250 characters that it demands, which in Chinese
    are several paragraphs: it then takes everything on the page, including title, byline, buttons and menus.
    """
    one_line = "\n" not in text
    if not one_line and len(text) > _MENU * text.count("\n"):
        return text
    shown = blocks.read(tree)
    found = _made_of(text, shown)
    unlinked = [block for block in found if block.linked <= _LINK]
    if not unlinked:
        return text
    longest = max(unlinked, key=lambda block: len(block.text))
    said = [block for block in unlinked if block is longest or _FULL_STOP.search(block.text)]
    start, end = found.index(said[0]), len(found) - found[::-1].index(said[-1])
    if not one_line and not (found[0] is shown[0] and any(block.linked > _MENU_LINK for block in found[:start])):
        return text
    # Links in the lists of an article may be its content; those of a page are its menus.
    own = [one.text if one.linked <= _LINK or (one_line and one.tag in _LISTED) else "" for one in found]
    kept = own[start:end]
    return "\n".join(filter(None, kept if 2 * sum(map(len, kept)) >= sum(map(len, own)) else own))


def _made_of(text: str, shown: Iterable[Block]) -> list[Block]:
    """The consecutive blocks that the text consists of; none if it does not consist of blocks."""
    whole, at = squashed(text), 0
    found: list[Block] = []
    for block in shown:
        key = squashed(block.text)
        if whole.startswith(key, at):
            found.append(block)
            at += len(key)
    return found if at == len(whole) else []


def mended(
    text: str, tree: HtmlElement, url: str, *, effort: Effort, language: str | None, leads: Iterable[str]
) -> str:
    """The text of an article (not a thread or a list) with its lead, without what only looks like text.

    language: of the page, as it states. leads: what page and feed give as its summary.
    """
    if effort == "fast" or not text:
        return text
    if effort == "thorough":
        text = _confirmed(text, (_of(tree, url, precise=True), _justext(tree, language)))
    shown = [(squashed(block.text), block) for block in blocks.read(tree)]
    return gaps.filled(_in_its_place(_without_pointers(text, shown), shown), shown, leads)


def _first(tree: HtmlElement, url: str) -> str:
    """trafilatura's first result; that of its fallbacks if the page's prose is not in it, or next to none of it is
    prose.

    By default it falls back whenever another result is twice as long, which on news pages often includes the
    neighbouring articles.
    """
    text = _of(tree, url, fast=True)
    whole = squashed(text)
    run = [squashed(paragraph) for paragraph in blocks.longest_run(tree, enough=len(whole) // 2)]
    prose = sum(map(len, run))
    there = sum(len(paragraph) for paragraph in run if paragraph in whole)
    elsewhere = there < prose / 2 and prose > 1.5 * len(whole)
    return _of(tree, url) if not whole or elsewhere or prose < len(whole) / 5 else text


def _of(tree: HtmlElement, url: str, *, fast: bool = False, precise: bool = False, comments: bool = False) -> str:
    """trafilatura's result. fast: only from its own extractor, run once."""
    options = Extractor(output_format="python", url=url, fast=fast, precision=precise, comments=comments)
    if fast and not precise:
        # By itself it tries again, in the mode that takes most, wherever it has little of the page's text, which to
        # measure takes a tenth of the time; `_first` asks where the prose is. None of its settings prevents that, but
        # it does so in "balanced" mode alone, and knows the others by what they change.
        options.focus = "balanced, once"
    document = trafilatura.bare_extraction(tree, url=url, options=options)
    # A Document, or None where there is no text at all.
    pieces = (getattr(document, "text", None), getattr(document, "comments", None) if comments else None)
    return _plain(plain.lines("\n".join(piece for piece in pieces if piece)))


def _plain(text: str) -> str:
    """Without the marks of tables and lists that are empty or have one cell, which serve only the layout."""
    if "|" in text:
        text = _LONE_CELL.sub(r"\1", _EMPTY_ROW.sub("", text))
    return _EMPTY_ITEM.sub("", text).strip("\n")


def _justext(tree: HtmlElement, language: str | None) -> str:
    """jusText's result by the stop words of a `language`, or of all together, which takes 20 ms more."""
    found = try_justext(basic_cleaning(deepcopy(tree)), None, (language or "").partition("-")[0])
    return plain.lines("\n".join(paragraph.text or "" for paragraph in found))


def _confirmed(text: str, witnesses: Iterable[str]) -> str:
    """The lines that a witness has, too; all lines if those are less than half of the text."""
    said = [(frozenset(map(line_key, one.split("\n"))), squashed(one)) for one in witnesses]
    lines = text.split("\n")
    kept = [line for line in lines if (key := line_key(line)) and any(_has(key, *one) for one in said)]
    return "\n".join(kept) if 2 * sum(map(len, kept)) >= len(text) else text


def _has(key: str, lines: frozenset[str], whole: str) -> bool:
    return key in lines or (len(key) >= _SAID and key in whole)


def _without_pointers(text: str, shown: Sequence[tuple[str, Block]]) -> str:
    """The text without lines that lead to other articles or consist of links; links in lists may be content, and
    stay."""
    lines = text.split("\n")
    keys = [line_key(line) for line in lines]
    wanted = frozenset(keys)
    links: dict[str, bool] = {}
    for key, block in shown:
        if key in wanted:
            links[key] = links.get(key, True) and block.linked > _LINK and block.tag not in _LISTED
    away = pointers.elsewhere(shown) | {key for key, is_link in links.items() if is_link}
    kept = [line for line, key in zip(lines, keys, strict=True) if key not in away]
    return "\n".join(kept) if 2 * sum(map(len, kept)) >= len(text) else text


def _in_its_place(text: str, shown: Sequence[tuple[str, Block]]) -> str:
    """The text without what the page has in another place, or as something else."""
    lines = text.split("\n")
    places = blocks.in_order(list(map(line_key, lines)), ((key, block.element) for key, block in shown))
    marked = apart.marked(lines, places)
    kept = [at for at in range(apart.end(lines, places)) if at not in marked]
    return "\n".join(lines[at] for at in kept)


def _f1(one: str, other: str) -> float:
    """How alike two texts are in their words, up to 1 for the same words."""
    here, there = Counter(dedup.words(one)), Counter(dedup.words(other))
    both = here.total() + there.total()
    return 2 * (here & there).total() / both if both else 1.0
