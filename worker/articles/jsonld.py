"""What a page says of its article in JSON-LD (https://schema.org/Article)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from worker import urls
from worker.articles.plain import line, unescaped
from worker.model import Author

Node: TypeAlias = Mapping[str, object]

_MAX_NODES = 2000  # of one page; sites with many have hundreds
_MAX_LIST = 50
# Article and its many kinds; blog, live blog, social and forum postings; no JobPosting.
_ARTICLE = re.compile(r"(?:.*(?:Article|(?<!Job)Posting)|Report)$", re.IGNORECASE)
_PAGE = re.compile(r".*Page$", re.IGNORECASE)
_WRAPPING = re.compile(r"<!\[CDATA\[|\]\]>|<!--|-->")
_STRAY_COMMA = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What JSON-LD says; dates and URLs verbatim, texts on one line."""

    headline: str | None = None
    description: str | None = None
    authors: tuple[Author, ...] = ()
    published: str | None = None
    modified: str | None = None
    language: str | None = None
    image: str | None = None
    keywords: tuple[str, ...] = ()
    section: str | None = None
    publisher: str | None = None
    license: str | None = None


def read(scripts: Iterable[str], url: str) -> Claims:
    """The claims of the node that describes the article at `url`; empty ones where no script has such a node.

    Of several articles (a page may list its neighbours) it is the one that names `url`, else the first. Where there
    is none, the dates, language and image of the page's own node are taken.
    """
    nodes = [node for script in scripts for node in _nodes(_parsed(script))][:_MAX_NODES]
    named = {str(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    articles = [node for node in nodes if _is(node, _ARTICLE)]
    article = next((node for node in articles if _names(node, url)), articles[0] if articles else None)
    if article is None:
        page = next((node for node in nodes if _is(node, _PAGE)), {})
        article = {key: page[key] for key in ("datePublished", "dateModified", "inLanguage", "image") if key in page}
    return Claims(
        headline=_text(article.get("headline")) or _text(article.get("name")),
        description=_text(article.get("description"), 5000),
        authors=tuple(_agents(article.get("author") or article.get("creator"), named)),
        published=_text(article.get("datePublished")),
        modified=_text(article.get("dateModified")),
        language=_language(article.get("inLanguage")),
        image=_link(article.get("image"), named) or _link(article.get("thumbnailUrl"), named),
        keywords=_keywords(article.get("keywords")),
        section=next(iter(_texts(article.get("articleSection"))), None),
        publisher=next((agent.name for agent in _agents(article.get("publisher"), named)), None),
        license=_link(article.get("license"), named),
    )


def _parsed(script: str) -> object:
    """The value of one script; None where it can't be read.

    Sites wrap it in CDATA or comments, leave line breaks in strings and commas before brackets, and append to it.
    """
    text = _WRAPPING.sub(" ", script)
    start = re.search(r"[{\[]", text)
    if start is None:
        return None
    decoder = json.JSONDecoder(strict=False)
    for attempt in (text, _STRAY_COMMA.sub(r"\1", text)):
        try:
            value: object = decoder.raw_decode(attempt, start.start())[0]
        except (ValueError, RecursionError):
            continue
        return value
    return None


def _nodes(value: object) -> Iterator[Node]:
    """The nodes at the top, in document order: those of lists and graphs, and the main entity of a page.

    What is nested elsewhere (a list's items, a comment, a publisher) is about something else.
    """
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item[:_MAX_NODES]))
        elif _is_node(item):
            yield item
            waiting.extend(item[key] for key in ("mainEntity", "@graph") if key in item)


def _is_node(value: object) -> TypeGuard[Node]:
    return isinstance(value, dict)


def _is(node: Node, pattern: re.Pattern[str]) -> bool:
    types = [name.rpartition("/")[2] for name in _texts(node.get("@type"))]
    return any(pattern.match(name) for name in types)


def _names(node: Node, url: str) -> bool:
    main = node.get("mainEntityOfPage")
    claimed = (node.get("url"), main.get("@id") if _is_node(main) else main, node.get("@id"))
    return any(isinstance(link, str) and _same(link, url) for link in claimed)


def _same(link: str, url: str) -> bool:
    try:
        return urls.canonical(urls.absolute(link, url) or "") == urls.canonical(url)
    except ValueError:
        return False


def _text(value: object, limit: int = 1000) -> str | None:
    return unescaped(value, limit) if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [text for item in items[:_MAX_LIST] if (text := _text(item))]


def _resolved(value: object, named: Mapping[str, Node]) -> object:
    """A node in place of a reference to it."""
    if _is_node(value) and "name" not in value and "url" not in value:
        return named.get(str(value.get("@id")), value)
    return value


def _agents(value: object, named: Mapping[str, Node]) -> Iterator[Author]:
    """The persons and organisations of a value; addresses are no names."""
    for item in (value if isinstance(value, list) else [value])[:_MAX_LIST]:
        agent = _resolved(item, named)
        node: Node = agent if _is_node(agent) else {"name": agent}
        address = _link(node.get("url"), named)
        for name in _texts(node.get("name")):
            if "://" not in name:
                yield Author(name=name, url=urls.absolute(address) if address else None)


def _link(value: object, named: Mapping[str, Node]) -> str | None:
    """The first URL of a string, an ImageObject or CreativeWork, or a list of them."""
    for item in (value if isinstance(value, list) else [value])[:_MAX_LIST]:
        node = _resolved(item, named)
        link = (node.get("contentUrl") or node.get("url") or node.get("@id")) if _is_node(node) else node
        if isinstance(link, list):
            link = next(iter(link), None)
        if isinstance(link, str) and link.strip():
            return line(link, urls.MAX_LENGTH + 1)  # one that is cut is too long to be resolved
    return None


def _keywords(value: object) -> tuple[str, ...]:
    """A list of them, or one string with commas between."""
    items = _texts(value)
    return tuple(items if isinstance(value, list) else [word for item in items for word in item.split(",")])


def _language(value: object) -> str | None:
    if _is_node(value):
        value = value.get("alternateName") or value.get("name")
    return next(iter(_texts(value)), None)
