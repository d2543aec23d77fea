"""What a page says about its article in JSON-LD (https://schema.org/Article)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from worker import urls
from worker.articles.plain import line, stated, unescaped
from worker.model import Author, Credit

Node: TypeAlias = Mapping[str, object]

_MAX_NODES = 2000  # of one page; sites with many have hundreds
_MAX_LIST = 50
# Article and its many kinds; blog, live blog, social and forum postings, questions; no JobPosting.
_ARTICLE = re.compile(r"(?:.*(?:Article|(?<!Job)Posting)|Report|Question)$", re.IGNORECASE)
_NEWS = re.compile(r".*NewsArticle$", re.IGNORECASE)
_DISCUSSION = re.compile(r"(?:DiscussionForumPosting|Question)$", re.IGNORECASE)
_RECORDING = re.compile(r"(?:VideoObject|AudioObject|PodcastEpisode|RadioEpisode|TVEpisode|Clip)$", re.IGNORECASE)
_ORGANISATION = re.compile(r".*Organization$", re.IGNORECASE)
_PAGE = re.compile(r".*Page$", re.IGNORECASE)
_OPENING = re.compile(r"[{\[]")
_WRAPPING = re.compile(r"<!\[CDATA\[|\]\]>|<!--|-->")
_STRAY_COMMA = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What JSON-LD says; dates and URLs verbatim, texts on one line."""

    is_article: bool = False
    """Whether there is a node for an article, posting or question; one for the page itself does not count."""
    is_news: bool = False
    """Whether it is for a piece of news, whose publisher may stand in for its author."""
    is_discussion: bool = False
    """Whether it is for a forum posting or a question, to which the replies below belong."""
    is_recording: bool = False
    """Whether there is none, but one for a video or an episode."""
    headline: str | None = None
    name: str | None = None
    description: str | None = None
    authors: tuple[Author, ...] = ()
    organisations: frozenset[str] = frozenset()
    """The names of those authors that are declared as organisations."""
    published: str | None = None
    modified: str | None = None
    language: str | None = None
    image: str | None = None
    keywords: tuple[str, ...] = ()
    section: str | None = None
    publisher: str | None = None
    license: str | None = None
    free: bool | None = None
    """isAccessibleForFree, of the article or of a part of it: False if either is not free."""
    locked: tuple[str, ...] = ()
    """CSS selectors of the parts that are not free."""
    words: int | None = None
    """wordCount."""
    based_on: Credit | None = None
    """isBasedOn: the work, and its publisher."""
    copyright_holder: Credit | None = None
    """The first one that is an organisation."""


def read(scripts: Iterable[str], url: str) -> Claims:
    """The claims of the node that describes the article at `url`; empty claims if no script has such a node.

    Of several articles (a page may list its neighbours) it is the one that names `url`, else the first; if there is
    none, the same for videos and episodes. Otherwise the dates, language and image of the page's own node are taken.
    """
    nodes = [node for script in scripts for node in _nodes(_parsed(script))][:_MAX_NODES]
    named = {str(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    found = _about(nodes, _ARTICLE, url)
    recording = _about(nodes, _RECORDING, url) if found is None else None
    article = found or recording
    if article is None:
        page = next((node for node in nodes if _is(node, _PAGE)), {})
        article = {key: page[key] for key in ("datePublished", "dateModified", "inLanguage", "image") if key in page}
    by = article.get("author") or article.get("creator")
    parts = [part for part in _listed(article.get("hasPart")) if _is_node(part) and _false(_free(part))]
    return Claims(
        is_article=found is not None,
        is_news=found is not None and _is(found, _NEWS),
        is_discussion=found is not None and _is(found, _DISCUSSION),
        is_recording=recording is not None,
        headline=_text(article.get("headline")) or _text(article.get("name")),
        name=_text(article.get("name")),
        description=_prose(article.get("description")),
        authors=tuple(_agents(by, named)),
        organisations=frozenset(agent.name for agent in _agents(by, named, _ORGANISATION)),
        published=_text(article.get("datePublished") or article.get("uploadDate")),
        modified=_text(article.get("dateModified")),
        language=_language(article.get("inLanguage")),
        image=_link(article.get("image"), named) or _link(article.get("thumbnailUrl"), named),
        keywords=_keywords(article.get("keywords")),
        section=next(iter(_texts(article.get("articleSection"))), None),
        publisher=next((agent.name for agent in _agents(article.get("publisher"), named)), None),
        license=_link(article.get("license"), named),
        free=False if parts or _false(_free(article)) else None if _free(article) is None else True,
        locked=tuple(selector for part in parts for selector in _texts(part.get("cssSelector"))),
        words=_whole_number(article.get("wordCount")),
        based_on=_work(article.get("isBasedOn") or article.get("isBasedOnUrl"), named),
        copyright_holder=next(
            (Credit(name=a.name, url=a.url) for a in _agents(article.get("copyrightHolder"), named, _ORGANISATION)),
            None,
        ),
    )


def _work(value: object, named: Mapping[str, Node]) -> Credit | None:
    for item in _listed(value):
        link, work = urls.absolute(_link(item, named) or ""), _resolved(item, named)
        by = (work.get("publisher") or work.get("sourceOrganization")) if _is_node(work) else None
        name = next((agent.name for agent in _agents(by, named)), None)
        if name or link:
            return Credit(name=name, url=link)
    return None


def _about(nodes: Iterable[Node], kind: re.Pattern[str], url: str) -> Node | None:
    """The node of a kind that names `url`, else the first of that kind."""
    some = [node for node in nodes if _is(node, kind)]
    return next((node for node in some if _names(node, url)), some[0] if some else None)


def _free(node: Node) -> object:
    return node.get("isAccessibleForFree", node.get("isAccessibleForfree"))  # as Google's examples once had it


def _false(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower().rpartition("/")[2] == "false")


def _whole_number(value: object) -> int | None:
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.isdecimal() and len(text) < 8 else None


def _listed(value: object) -> list[object]:
    return (value if isinstance(value, list) else [value])[:_MAX_LIST]


def _parsed(script: str) -> object:
    """The value of one script; None if it can't be read.

    Sites wrap it in CDATA or comments, leave line breaks in strings and commas before brackets, and append to it.
    """
    text = _WRAPPING.sub(" ", script)
    start = _OPENING.search(text)
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
    """The nodes at the top level, in document order: those in lists and graphs, and the main entity of a page.

    Nodes nested elsewhere (a list's items, a comment, a publisher) are about something else.
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


def _prose(value: object) -> str | None:
    return stated(value, 5000) if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    return [text for item in _listed(value) if (text := _text(item))]


def _resolved(value: object, named: Mapping[str, Node]) -> object:
    """The node that a reference refers to; other values as they are."""
    if _is_node(value) and "name" not in value and "url" not in value:
        return named.get(str(value.get("@id")), value)
    return value


def _agents(value: object, named: Mapping[str, Node], kind: re.Pattern[str] | None = None) -> Iterator[Author]:
    """The persons and organisations in a value, or only those of a `kind`; addresses are not names."""
    for item in _listed(value):
        agent = _resolved(item, named)
        node: Node = agent if _is_node(agent) else {"name": agent}
        if kind is not None and not _is(node, kind):
            continue
        address = _link(node.get("url"), named)
        for name in _texts(node.get("name")):
            if "://" not in name:
                yield Author(name=name, url=urls.absolute(address) if address else None)


def _link(value: object, named: Mapping[str, Node]) -> str | None:
    """The first URL of a string, an ImageObject or CreativeWork, or a list of them."""
    for item in _listed(value):
        node = _resolved(item, named)
        link = (node.get("contentUrl") or node.get("url") or node.get("@id")) if _is_node(node) else node
        if isinstance(link, list):
            link = next(iter(link), None)
        if isinstance(link, str) and link.strip():
            return line(link, urls.MAX_LENGTH + 1)  # a link that was cut off can't be resolved
    return None


def _keywords(value: object) -> tuple[str, ...]:
    """A list of keywords, or one string with commas between them, which may be all that is in a list."""
    items = _texts(value)
    return tuple(items if len(items) != 1 else items[0].split(","))


def _language(value: object) -> str | None:
    if _is_node(value):
        value = value.get("alternateName") or value.get("name")
    return next(iter(_texts(value)), None)
