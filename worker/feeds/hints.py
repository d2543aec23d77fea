"""When to poll again, according to the feed document.

RSS 2.0 `ttl`, `skipHours` and `skipDays` (https://www.rssboard.org/rss-specification), and the RSS 1.0 module
Syndication (https://web.resource.org/rss/1.0/modules/syndication/), which other formats carry too. JSON Feed has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from worker.feeds.fields import Fields, string
from worker.model import Hints

_SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"
_DAY_S = 86_400.0
_PERIODS_S = {"hourly": 3600.0, "daily": _DAY_S, "weekly": 7 * _DAY_S, "monthly": 30 * _DAY_S, "yearly": 365 * _DAY_S}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MAX_TTL_MIN = 365 * 24 * 60  # more than a year is no number of minutes: an instant, or milliseconds
_WHOLE = re.compile(r"([0-9]{1,9})(?:\.0*)?", re.ASCII)


def of_document(root: etree._Element) -> Hints:
    """The hints of a well-formed document: in its channel, or in the root if that is the feed (Atom)."""
    ttl, period, frequency = "", "", ""
    hours: set[int] = set()
    days: set[int] = set()
    for holder in (root, *root.iterfind("{*}channel")):
        own = etree.QName(holder).namespace or ""  # RSS has no namespace, but some feeds declare one
        ttl = ttl or _text(holder, own, "ttl")
        period = period or _text(holder, _SYNDICATION, "updatePeriod")
        frequency = frequency or _text(holder, _SYNDICATION, "updateFrequency")
        hours.update(hour for text in _texts(holder, own, "skipHours", "hour") if (hour := _hour(text)) is not None)
        days.update(day for text in _texts(holder, own, "skipDays", "day") if (day := _weekday(text)) is not None)
    return Hints(
        ttl_s=_ttl_s(ttl),
        update_s=_update_s(period, frequency),
        skip_hours=_unless_all(hours, 24),
        skip_days=_unless_all(days, 7),
    )


def of_fields(feed: Fields) -> Hints:
    """The hints of a document that only feedparser can read, without `skipHours` and `skipDays`: it keeps only the last
    of each."""
    return Hints(
        ttl_s=_ttl_s(string(feed, "ttl").strip()),
        update_s=_update_s(string(feed, "sy_updateperiod").strip(), string(feed, "sy_updatefrequency").strip()),
    )


def _text(holder: etree._Element, namespace: str, name: str) -> str:
    return (holder.findtext(f"{{{namespace}}}{name}") or "").strip()


def _texts(holder: etree._Element, namespace: str, *path: str) -> Iterator[str]:
    for element in holder.iterfind("/".join(f"{{{namespace}}}{name}" for name in path)):
        yield (element.text or "").strip()


def _ttl_s(minutes: str) -> float | None:
    number = _whole(minutes)
    return number * 60.0 if number is not None and 0 < number <= _MAX_TTL_MIN else None


def _update_s(period: str, frequency: str) -> float | None:
    """Seconds from one update to the next; the period defaults to daily and the frequency to once, as in the module."""
    if not period and not frequency:
        return None
    period_s, times = _PERIODS_S.get(period.lower() or "daily"), _whole(frequency or "1")
    return period_s / times if period_s and times else None


def _hour(text: str) -> int | None:
    """0 to 23; 24 is 0, since the hours of RSS 0.91 went from 1 to 24."""
    number = _whole(text)
    return number % 24 if number is not None and number <= 24 else None


def _weekday(text: str) -> int | None:
    return _WEEKDAYS.index(text.lower()) if text.lower() in _WEEKDAYS else None


def _unless_all(skipped: set[int], count: int) -> frozenset[int]:
    """Empty if everything is skipped: the feed would never be polled again, which nobody means."""
    return frozenset() if len(skipped) == count else frozenset(skipped)


def _whole(text: str) -> int | None:
    match = _WHOLE.fullmatch(text)
    return int(match[1]) if match else None
