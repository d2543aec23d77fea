"""Paragraphs whose lines were wrapped by hand or by a mail program → one line each.

Only white space changes (a word parted at its hyphen stays so), and no article counts as changed for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from worker.articles import languages

_WIDTHS = range(50, 101)  # of the longest line, in characters
_FEWEST_LINES, _FEWEST_WORDS = 3, 4  # of a paragraph that tells the width; of a line
# What begins an item, a quotation, a comment, a row, a rule.
_BEGINS = re.compile(r"[-–—*+•>|#=~_]|//|(?:\d{1,3}|\w)[.):]\s|\(\w{1,3}\)\s|\[\d")
# Columns (typists put two spaces between sentences), cells, code.
_SET_OUT = re.compile(r"[^\s.!?:]\s\s+\S|[\ufdd0\\{}]|;\Z|\s[=+<>!]=?\s|[\w\])]\(|[=-]>|::")
_ENDS = re.compile(r"[.!?:;…][\W_]*\Z")


def unwrapped(lines: Sequence[str]) -> Iterable[str]:
    """The lines, with those joined that are a paragraph of prose. All others stay, such as code, verse and lists."""
    if not any(len(line) in _WIDTHS and len(after) in _WIDTHS for line, after in pairwise(lines)):
        return lines  # as of most texts, whose paragraphs are apart
    pieces = _pieces(lines)
    widths = [width for piece in pieces if len(piece) >= _FEWEST_LINES and (width := _width(piece))]
    if not widths:
        return lines
    usual = max(set(widths), key=widths.count)
    return [line for piece in pieces for line in ([" ".join(piece)] if _width(piece, usual) else piece)]


def _pieces(lines: Iterable[str]) -> list[list[str]]:
    """The lines that may be a paragraph: next to each other, indented like the second; only the first is marked."""
    found: list[list[str]] = [[]]
    for line in lines:
        last, inner = found[-1], line.strip()
        if last and inner and not _BEGINS.match(inner) and (len(last) == 1 or _indent(line) == _indent(last[-1])):
            last.append(line.rstrip())
        else:
            found.append([line.rstrip()] if inner else [])
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _width(piece: Sequence[str], usual: int = 0) -> int:
    """How wide the lines of a wrapped paragraph may be; 0 if it is none.

    Behind each of its lines but the last the next word would not have fitted, most break off amid a sentence, and it
    has the words of sentences. Two lines tell too little of the width, and are measured by the `usual` one.
    """
    width = max(map(len, piece), default=0)
    if len(piece) < _FEWEST_LINES:
        width = max(width, usual)
    pairs = [(line, after.lstrip()) for line, after in pairwise(piece)]
    if not pairs or width not in _WIDTHS or any(_SET_OUT.search(line.lstrip()) for line in piece):
        return 0
    if any(len(line) + 1 + len(after.partition(" ")[0]) <= width for line, after in pairs):
        return 0
    if any(len(line.split(None, _FEWEST_WORDS)) < _FEWEST_WORDS for line, _ in pairs):
        return 0
    amid = sum(after[0].isalpha() and not after[0].isupper() and not _ENDS.search(line) for line, after in pairs)
    return width if 2 * amid >= len(pairs) and languages.is_prose(" ".join(piece)) else 0
