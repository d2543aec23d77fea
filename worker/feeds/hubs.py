"""The hub that a feed document advertises, which announces its new entries (WebSub,
https://www.w3.org/TR/websub/#discovery).

`<link rel="hub">` and `<link rel="self">` of Atom, which RSS carries in its channel under Atom's namespace; `hubs` and
`feed_url` of JSON Feed 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from worker.feeds.fields import Fields, mappings, string
from worker.model import Hub
from worker.urls import absolute

_ATOM = "http://www.w3.org/2005/Atom"
_MAX_LINKS = 50


def of_document(root: etree._Element, url: str) -> Hub | None:
    """The hub of a well-formed document: in its channel, or in the root if that is the feed (Atom)."""
    links: list[etree._Element] = []
    for holder in (root, *root.iterfind("{*}channel")):
        links += holder.iterfind(f"{{{_ATOM}}}link")
    return _chosen(_related(links[:_MAX_LINKS]), url)


def of_fields(feed: Fields, url: str) -> Hub | None:
    """The hub of a document that only feedparser can read."""
    links = mappings(feed, "links")[:_MAX_LINKS]
    return _chosen(((string(link, "rel"), string(link, "href")) for link in links), url)


def of_json(feed: Fields, url: str) -> Hub | None:
    """The hub of a JSON Feed."""
    hubs = mappings(feed, "hubs")[:_MAX_LINKS]
    links = [("hub", string(hub, "url")) for hub in hubs if string(hub, "type").lower() in ("websub", "pubsubhubbub")]
    return _chosen([*links, ("self", string(feed, "feed_url"))], url)


def _related(links: Iterable[etree._Element]) -> Iterator[tuple[str, str]]:
    for link in links:
        for relation in (link.get("rel") or "").lower().split():
            yield relation, link.get("href") or ""


def _chosen(links: Iterable[tuple[str, str]], url: str) -> Hub | None:
    """The first hub; its topic is the document's own link to itself, or the address that it was fetched from."""
    hub, topic = None, None
    for relation, href in links:
        address = absolute(href.strip(), url)
        if relation == "hub":
            hub = hub or address
        elif relation == "self":
            topic = topic or address
    return None if hub is None else Hub(url=hub, topic=topic or url)
