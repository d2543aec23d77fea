"""Sitemaps of any kind, and what leads to them: for feeds whose owner has named one for the older entries.

https://www.sitemaps.org/protocol.html: a `urlset` of addresses, a `sitemapindex` of further sitemaps, and `Sitemap`
lines in robots.txt. A sitemap tells only where its pages are and when they were last changed (`lastmod`): they are
selected by the date in the address, or else by that, and an address without any date is left out. It may list any page
of the site: which of them are articles shows when they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lxml import etree

from worker import urls
from worker.feeds import dates, news_sitemap, trees
from worker.feeds.entries import left_out, omission, problem, repeated_urls
from worker.model import DAY_MS, Entry, Millis, NotAFeed, ParsedFeed

MAX_DOCUMENTS = 1000
"""How many sitemaps of an index are read: no site has more of its own. The protocol allows 50,000."""
_MONTH_MS = 31 * DAY_MS
_SITEMAP_LINE = re.compile(r"(?im)^[ \t]*sitemap[ \t]*:[ \t]*(\S+)")
# The date of many addresses, /2026/11/28/…, and of the sitemaps of one month: sitemap-2026-11.xml.
_DATE = re.compile(r"(?<!\d)(20\d\d)([/_-]?)(0[1-9]|1[0-2])(?:\2(0[1-9]|[12]\d|3[01]))?(?!\d)")


def parse(document: bytes, *, url: str, now: Millis, since: Millis, max_entries: int) -> ParsedFeed | NotAFeed:
    """The pages, or further sitemaps, in a document with the root `urlset` or `sitemapindex` that are not older than
    `since`."""
    root = news_sitemap.tree(document)
    if isinstance(root, NotAFeed):
        return root
    if etree.QName(root).localname == "sitemapindex":
        places = root.findall("{*}sitemap")
        named = [(news_sitemap.text_of(place, "{*}loc"), _changed(place, now)) for place in places[:MAX_DOCUMENTS]]
        return _leading(named, url, since, omission(len(places) - MAX_DOCUMENTS, MAX_DOCUMENTS))
    return _listing(root, url, now, since, max_entries)


def of_robots(document: str, *, url: str, since: Millis) -> ParsedFeed:
    """The sitemaps that a robots.txt names."""
    named = [(match[1], None) for match in _SITEMAP_LINE.finditer(document)]
    return _leading(named[:MAX_DOCUMENTS], url, since, None)


def is_robots(url: str) -> bool:
    """Whether an address is that of a robots.txt (RFC 9309 section 2.3)."""
    return urlsplit(url).path == "/robots.txt"


def _leading(places: Iterable[tuple[str, Millis | None]], url: str, since: Millis, lost: str | None) -> ParsedFeed:
    """A document that names others: the newest first, then those without a date, without those that have not changed
    since. Only those on its own host, as the protocol requires."""
    host, foreign = urls.bare_host(url), 0
    dated: list[tuple[Millis | None, str]] = []
    for written, at in places:
        address = urls.absolute(written, url)
        if address is None or urls.bare_host(address) != host:
            foreign += 1
        elif _is_wanted(at, _named_until(address), since):
            dated.append((at, address))
    dated.sort(key=lambda place: -(place[0] or 0))
    return ParsedFeed(
        version="sitemapindex",
        further=tuple(dict.fromkeys(address for _, address in dated)),
        problem=problem(left_out("addresses on other hosts", foreign), lost),
    )


def _listing(root: etree._Element, url: str, now: Millis, since: Millis, max_entries: int) -> ParsedFeed:
    """The pages of a sitemap, newest first; those marked as news with all that is said of them."""
    trees.limit_attributes(root)
    host, foreign, undated = urls.bare_host(url), 0, 0
    own: dict[str, tuple[Millis, Entry]] = {}
    for place in root.iterfind("{*}url"):
        address = urls.absolute(news_sitemap.text_of(place, "{*}loc"), url)
        if address is None or urls.bare_host(address) != host:
            foreign += 1
            continue
        entry = Entry(url=address, found_in="sitemap")
        if news_sitemap.is_news(place):
            entry = news_sitemap.entry_of(place, url, now)
        at = entry.published or _named_at(address) or _changed(place, now)
        if at is None:
            undated += 1
        elif at + DAY_MS >= since and not urls.is_home(address):
            own[address] = (at, entry)
    entries = [entry for _, entry in sorted(own.values(), key=lambda dated: -dated[0])]
    return ParsedFeed(
        version="sitemap",
        entries=tuple(entries[:max_entries]),
        repeated_urls=repeated_urls((None, entry.url) for entry in entries),
        problem=problem(
            left_out("addresses on other hosts", foreign),
            left_out("addresses of no date", undated),
            omission(len(entries) - max_entries, max_entries),
        ),
    )


def _changed(place: etree._Element, now: Millis) -> Millis | None:
    return dates.millis(news_sitemap.text_of(place, "{*}lastmod")[:100], now)


def _is_wanted(changed: Millis | None, until: Millis | None, since: Millis) -> bool:
    """Judges a sitemap by its last change, or else by the month in its name; one that has neither is read."""
    last = until if changed is None else changed + DAY_MS
    return last is None or last >= since


def _named_at(address: str) -> Millis | None:
    """The beginning of the day, or month, in a page's address."""
    found = _DATE.search(urlsplit(address).path)
    return None if found is None or not found[2] else _midnight(found)


def _named_until(address: str) -> Millis | None:
    """The end of the day, or month, in a sitemap's address."""
    found = _DATE.search(address)
    at = None if found is None else _midnight(found)
    return None if found is None or at is None else Millis(at + (DAY_MS if found[4] else _MONTH_MS))


def _midnight(found: re.Match[str]) -> Millis | None:
    try:
        return Millis(round(datetime(int(found[1]), int(found[3]), int(found[4] or 1), tzinfo=UTC).timestamp() * 1000))
    except ValueError:  # the 30th of February
        return None
