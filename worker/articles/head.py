"""What a page says about its article in its meta, link and time elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from lxml.html import HtmlElement

from worker import urls
from worker.articles import plain

_MAX_VALUES = 100  # of one meta name
_LANGUAGE = "content-language"
_MAX_HEADINGS = 8  # of a level
_PUBLISHED = ("publish", "entry-date", "pubdate", "date-created")  # in the class of a <time>


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Values verbatim, links absolute."""

    base: str
    """The base of the page's relative links."""
    meta: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The contents by property, name or itemprop in lower case, in document order; of http-equiv only the language."""
    scripts: tuple[str, ...] = ()
    """JSON-LD."""
    heading: str | None = None
    """The text of the only h1."""
    top: str | None = None
    """The text of the first h1."""
    headings: tuple[str, ...] = ()
    """The texts of the first h1 and h2."""
    canonical: str | None = None
    license: str | None = None
    language: str | None = None
    time: str | None = None
    """The `<time datetime>` that most likely says when the article was published."""

    def first(self, *names: str) -> str | None:
        """The first value of the first of these names that has one."""
        return next((value for name in names for value in self.meta.get(name, ())), None)


def read(tree: HtmlElement, url: str) -> Head:
    """The head of a page that came from `url`; the tree is not changed."""
    meta: dict[str, list[str]] = {}
    links: dict[str, str] = {}
    scripts: list[str] = []
    base = url
    for element in tree.iter("meta", "link", "script", "base", "a"):
        if element.tag == "meta":
            _note(element, meta)
        elif element.tag == "script":
            if (element.get("type") or "").strip().lower().startswith("application/ld+json") and element.text:
                scripts.append(element.text)
        elif element.tag == "base":
            base = urls.absolute(element.get("href") or "", url) or base
        else:
            for relation in (element.get("rel") or "").lower().split():
                if relation == "license" or (relation == "canonical" and element.tag == "link"):
                    links.setdefault(relation, element.get("href") or "")
    headings = _texts(tree, "h1")
    return Head(
        meta={name: tuple(values) for name, values in meta.items()},
        scripts=tuple(scripts),
        base=base,
        heading=headings[0] or None if len(headings) == 1 else None,
        top=next(iter(headings), None),
        headings=(*headings, *_texts(tree, "h2")),
        canonical=urls.absolute(links.get("canonical", ""), base),
        license=urls.absolute(links.get("license", ""), base),
        language=tree.get("lang") or tree.get("xml:lang"),
        time=_time(tree),
    )


def _note(element: HtmlElement, meta: dict[str, list[str]]) -> None:
    content = (element.get("content") or "").strip()
    stands_for = [element.get(attribute) for attribute in ("property", "name", "itemprop")]
    if (element.get("http-equiv") or "").lower() == _LANGUAGE:
        stands_for.append(_LANGUAGE)
    for name in stands_for:
        values = meta.setdefault((name or "").strip().lower(), [])
        if content and len(values) < _MAX_VALUES and content not in values:
            values.append(content)


def _texts(tree: HtmlElement, tag: str) -> list[str]:
    """The texts of the first eight elements of a kind, including empty ones."""
    return [plain.line("".join(element.itertext())) or "" for element in islice(tree.iter(tag), _MAX_HEADINGS)]


def _time(tree: HtmlElement) -> str | None:
    """The one marked as the date of publication; else the only one on the page, or in its article.

    Others may belong to neighbouring articles or comments, or give today's date in the header.
    """
    found = [element for element in tree.iter("time") if (element.get("datetime") or "").strip()]
    for element in found:
        marks = f"{element.get('class')} {element.get('itemprop')} {'pubdate' if 'pubdate' in element.attrib else ''}"
        if any(mark in marks.lower() for mark in _PUBLISHED):
            return str(element.get("datetime"))
    within = [element for element in found if next(element.iterancestors("article", "main"), None) is not None]
    return next((str(some[0].get("datetime")) for some in (found, within) if len(some) == 1), None)
