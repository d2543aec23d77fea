"""The address from which the page of an entry is fetched."""

from __future__ import annotations

from collections.abc import Iterable

from worker import patterns, urls
from worker.model import Rewrite


def page_url(link: str, rewrites: Iterable[Rewrite]) -> str:
    """The entry's link after applying `rewrites` one after the other.

    A rewrite that does not result in an absolute http(s) URL is ignored. The entry is still identified by its link.
    """
    for rewrite in rewrites:
        link = urls.absolute(patterns.replaced(rewrite.match, rewrite.to, link)) or link
    return link
