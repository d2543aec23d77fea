"""The article in a page's script data, for pages whose markup is nearly empty: what the site's own scripts would show.

Next.js (`__NEXT_DATA__`), Nuxt, Apollo, Arc (`Fusion.globalContent`) and states under many other names: each is a JSON
value that contains the article as one string of markup, or as a list of paragraphs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from worker import dedup
from worker.articles import plain

_MAX_SCRIPT = 3_000_000  # characters
_MAX_VALUES = 50_000  # of one page
_LEAST = 80  # words
_STATE = re.compile(
    r"(?:^|[;\s])(?:window\s*\.\s*|self\s*\.\s*|var\s+|globalThis\s*\.\s*)?[\w$.\[\]\"']{2,60}\s*=\s*(?=[{\[])"
)
_MAX_STATES = 40  # assignments of one script that are looked at
_MARKUP = re.compile(r"<(?:p|div|br|h[1-6]|li|span|blockquote)\b", re.IGNORECASE)
# Under which names the text stands; what stands under others (comments, terms, settings) is not the article.
_BODY = re.compile(
    r"(?:(?:article|post|story|content|rich|full|main|news|html|page)_?)*"
    r"(?:body|content|text|html|content_elements|paragraphs|blocks|elements|children|bodyhtml|contenthtml)"
    r"(?:_?(?:html|text|raw|rendered|value|blocks|elements))?",
    re.IGNORECASE,
)
_DESCRIBING = re.compile(
    r"(?:article_?|post_?|seo_?)?(?:title|headlines?|byline|authors?)|(?:date_?)?publi(?:shed|cation)(?:_?(?:at|date|time|on))?"
    r"|(?:display|first_publish|created)_?(?:date|at)",
    re.IGNORECASE,
)
_PARAGRAPH_TYPES = frozenset({"text", "paragraph", "p", "header", "heading", "raw_html"})
_PARAGRAPH_TEXTS = ("content", "text", "html", "value")


def body(tree: HtmlElement) -> str:
    """The longest text of at least 80 words under a key that names an article's body; "" if there is none."""
    best = ""
    for value in _values(tree):
        for text in _bodies(value):
            if len(text) > len(best) and dedup.word_count(text) >= _LEAST:
                best = text
    return best


def _values(tree: HtmlElement) -> Iterator[object]:
    """The JSON values of a page's scripts."""
    decoder = json.JSONDecoder(strict=False)
    for element in tree.iter("script"):
        script = (element.text or "").strip()
        kind = (element.get("type") or "").lower()
        if not script or len(script) > _MAX_SCRIPT or "ld+json" in kind:
            continue
        starts = [0] if "json" in kind else [found.end() for found in _starts(script)]
        end = 0
        for start in starts:
            if start < end:
                continue
            try:
                value, end = decoder.raw_decode(script, start)
            except (ValueError, RecursionError):
                continue
            yield value


def _starts(script: str) -> Iterator[re.Match[str]]:
    for at, found in enumerate(_STATE.finditer(script)):
        if at == _MAX_STATES:
            return
        yield found


def _bodies(value: object) -> Iterator[str]:
    """Texts under such keys, in no particular order, that have a title, an author or a date beside them or one level
    up: texts of forms, banners and settings have none."""
    waiting: list[tuple[str, object, bool, bool]] = [("", value, False, False)]
    seen = 0
    while waiting and seen < _MAX_VALUES:
        name, item, beside, above = waiting.pop()
        seen += 1
        is_body = (beside or above) and _BODY.fullmatch(name) is not None
        if isinstance(item, dict):
            here = any(_DESCRIBING.fullmatch(str(key)) for key in item)
            waiting.extend((str(key), inner, here, beside) for key, inner in item.items())
        elif isinstance(item, list):
            if is_body and (text := _of_paragraphs(item)):
                yield text
            waiting.extend((name, inner, beside, above) for inner in item)
        elif isinstance(item, str) and is_body and (_MARKUP.search(item) or len(item) > 1000):
            yield plain.from_html(item)


def _of_paragraphs(items: list[object]) -> str:
    """The text of a list of paragraphs, each a string or a node with its kind and text."""
    pieces: list[str] = []
    for item in items:
        if isinstance(item, str):
            pieces.append(item)
        elif isinstance(item, dict) and str(item.get("type", "text")).lower() in _PARAGRAPH_TYPES:
            found = next((item[key] for key in _PARAGRAPH_TEXTS if isinstance(item.get(key), str)), None)
            pieces.extend([found] if isinstance(found, str) else [])
    return plain.lines("\n".join(plain.from_html(piece) for piece in pieces))
