"""Where the page of an entry is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from worker import patterns, urls
from worker.model import Rewrite


def page_url(link: str, rewrites: Iterable[Rewrite]) -> str:
    """The address that `rewrites` make of an entry's link, one after the other.

    One that makes no absolute http(s) URL of it leaves it as it was. Who the entry is goes by its link, not by this.
    """
    for rewrite in rewrites:
        link = urls.absolute(patterns.replaced(rewrite.match, rewrite.to, link)) or link
    return link
