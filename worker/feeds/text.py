"""Untrusted text: limits its characters and length, and tells HTML from plain text."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterable, Sequence

import nh3

MAX_LINE = 1_000
MAX_GUID = 4_000
MAX_SUMMARY = 100_000
MAX_CONTENT = 2_000_000
MAX_TAGS = 50
MAX_AUTHORS = 50
# C0 but for tab and line feed, DEL and C1 (terminals obey some of them), and halves of surrogate pairs, which no
# encoding can write.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_C0, _C1 = bytes({*range(0x20), 0x7F} - {0x9, 0xA}), re.compile(rb"\xc2[\x80-\x9f]")
_LINE_ENDS = re.compile("\r\n?")
_BREAKS = re.compile(r"<(?=(?:br|/?p|/?div|/?li|/?h[1-6])\b)", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>")
_LOOKS_LIKE_HTML = re.compile(r"</[a-z]|<(?:p|br|img|a|div)\b|&(?:#\d{2,6}|#x[0-9a-f]{2,5}|[a-z]{2,8});", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")


def clean(text: str, limit: int) -> str:
    """`text` without control characters and surrounding space, with line ends as `\n`, at most `limit` characters."""
    if not _is_clean(text):
        text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    return text.strip()[:limit].rstrip()


def _is_clean(text: str) -> bool:
    """Checks the bytes, which takes half as long as patterns."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return False
    return len(data.translate(None, _C0)) == len(data) and (text.isascii() or _C1.search(data) is None)


def line(text: str, limit: int = MAX_LINE) -> str | None:
    """Plain text as one line; None if nothing is left."""
    return " ".join(clean(text, 20 * limit).split())[:limit].rstrip() or None


def line_of_html(markup: str, limit: int = MAX_LINE) -> str | None:
    """The text of a piece of HTML as one line: no tags, no scripts, entities resolved; None if nothing is left."""
    if "<" in markup or "&" in markup:
        shortened = _BREAKS.sub(" <", markup[: 20 * limit])
        markup = html.unescape(nh3.clean(shortened, tags=set()))
    return line(markup, limit)


def html_of_text(text: str) -> str:
    """Plain text as HTML, with paragraphs at empty lines."""
    paragraphs = (html.escape(part.strip(), quote=False) for part in re.split(r"\n[ \t]*\n", text))
    return "".join(f"<p>{part}</p>" for part in paragraphs if part).replace("\n", "<br>")


def body_of_text(text: str) -> str:
    """Text that is declared as plain, as HTML. Some of it is HTML all the same, which its tags and entities tell."""
    return text if _LOOKS_LIKE_HTML.search(text) else html_of_text(text)


def summary_and_content(summary: str, others: Iterable[str]) -> tuple[str | None, str | None]:
    """Sorts an entry's pieces of HTML into its summary, and its content if that says more.

    feedparser's `content[0]` may be the caption of a picture, and the longer text may be where the summary belongs: the
    longest is the content unless it is the summary itself, and the longest of the others is then the summary.
    """
    summary = clean(summary, MAX_CONTENT)
    rest = [text for other in others if (text := clean(other, MAX_CONTENT)) and text != summary]
    found = [summary, *rest] if summary else rest
    longest = _longest(found)  # of equals the first, which is the summary
    if longest == summary and len(summary) <= MAX_SUMMARY:
        return summary or None, None
    shorter = _longest([text for text in found if text != longest])
    return shorter[:MAX_SUMMARY] or None, longest


def _longest(markup: Sequence[str]) -> str:
    """The longest, not counting tags; of equals the first; empty if there is none."""
    longest = markup[0] if markup else ""
    for other in markup[1:]:
        if _is_longer(other, longest):
            longest = other
    return longest


def _is_longer(markup: str, than: str) -> bool:
    extent = _extent(than)
    # Most contents are so much longer than summaries that their beginning, up to a tag, is enough to tell.
    beginning = markup[: max(0, markup.find("<", 2 * extent + 500))]
    return _extent(beginning) > extent or (len(markup) > extent and _extent(markup) > extent)


def _extent(markup: str) -> int:
    return len(_MARKUP.sub("", markup))


@functools.lru_cache(maxsize=8)  # all entries of a feed have the same few
def language(tag: str) -> str | None:
    """A language tag in the customary case (RFC 5646 section 2.1.1), with `_` read as `-`; None if it is not one."""
    tag = tag.strip().replace("_", "-")
    if _LANGUAGE.fullmatch(tag) is None:
        return None
    primary, *rest = tag.split("-")
    return "-".join([primary.lower(), *(_subtag(part) for part in rest)])


def _subtag(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


def tags(terms: Iterable[str]) -> tuple[str, ...]:
    """Each once, ignoring case, in the order of the feed."""
    found: dict[str, str] = {}
    for term in terms:
        if (tag := line_of_html(term, 200)) is not None:
            found.setdefault(tag.casefold(), tag)
    return tuple(found.values())[:MAX_TAGS]
