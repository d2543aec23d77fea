"""The dates in feeds: RFC 3339 and its relatives, RFC 822 and its relatives.

feedparser's own parser is not used: it takes every zone that it does not know (CEST) for UTC and `+0530` for `+0500`,
reads `2024/05/17` as the first of January and `1770112800` as the year 1770, and completes what is missing from the
clock. A date that is not understood is None: the page may still have one.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

from worker.model import DAY_MS, Millis

_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_COMMENT = re.compile(r"\([^()]*\)")  # RFC 5322 section 3.2.2
# Years that begin with zeros, which parsedate_tz would take for one of two digits, or a minus, for a time of day.
_NO_YEAR = re.compile(r"(?<![-+:\d])0\d{3}\b| -\d+ \d")
# What follows a time of day. Names of one letter are military time, which RFC 822 got wrong; only Z is understood.
_ZONE = re.compile(
    r"(?<=:\d\d)(?![:\d])(?P<fraction>[.,]\d+)?\s*(?P<name>[A-Z]{1,5}(?![A-Z]))?\s*"
    r"(?:(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?(?!\d))?",
    re.ASCII,
)
# Only names with one meaning: IST is India's, Israel's and Ireland's, ET and PT leave open whether it is summer.
_OFFSETS = {
    name: offset
    for offset, names in {
        "+0000": "Z UT UTC GMT WET",
        "+0100": "CET MET WEST BST WAT",
        "+0200": "CEST MEST EET SAST CAT",
        "+0300": "EEST MSK EAT TRT",
        "+0700": "WIB ICT",
        "+0800": "HKT SGT AWST PHT",
        "+0900": "JST KST",
        "+0930": "ACST",
        "+1000": "AEST",
        "+1030": "ACDT",
        "+1100": "AEDT",
        "+1200": "NZST",
        "+1300": "NZDT",
        "-0230": "NDT",
        "-0300": "ADT BRT ART",
        "-0330": "NST",
        "-0400": "EDT AST",
        "-0500": "EST CDT",
        "-0600": "CST MDT",
        "-0700": "MST PDT",
        "-0800": "PST AKDT",
        "-0900": "AKST",
        "-1000": "HST",
    }.items()
    for name in names.split()
}


_MONTHS = dict(
    **{"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6},
    **{"Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12},
)
_USUAL = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d?) ({'|'.join(_MONTHS)}) ([12]\d{{3}})"
    r" (\d\d):(\d\d):(\d\d) (?:GMT|([+-])([01]\d)([0-5]\d))",
    re.ASCII,
)
"""RFC 822 as nearly every RSS feed writes it."""


def millis(written: str, now: Millis) -> Millis | None:
    """The instant that `written` names; in UTC if it names no zone, midnight if it names no time.

    None if it is not understood, or lies before 1970-01-02 (an unset clock) or more than a day after `now`. Up to a day
    ahead it is kept as written: that is more often a wrong clock or zone than an announcement.
    """
    instant = _usual(written)
    if instant is None:
        at = _unusual(written)
        instant = None if at is None else (at - _EPOCH) // _MS
    return Millis(instant) if instant is not None and DAY_MS <= instant <= now + DAY_MS else None


def _usual(written: str) -> int | None:
    """Parses the usual form, at a fifth of the cost."""
    match = _USUAL.fullmatch(written)
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    try:
        at = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    ahead_ms = 60_000 * (60 * int(hours) + int(minutes)) if sign else 0
    return (at - _EPOCH) // _MS + (ahead_ms if sign == "-" else -ahead_ms)


def _unusual(written: str) -> datetime | None:
    text = _with_numeric_zone(" ".join(_COMMENT.sub(" ", written[:100]).upper().split()))
    return (_iso(text) or _rfc822(text)) if text else None


def _with_numeric_zone(text: str) -> str | None:
    """`text` with the zone as `+hhmm` at its end; None if the zone's name is not known."""
    match = _ZONE.search(text)
    if match is None:
        return text
    if match["sign"]:
        offset = f"{match['sign']}{match['hours']:0>2}{match['minutes'] or '00'}"
    elif match["name"]:
        if match["name"] not in _OFFSETS:
            return None
        offset = _OFFSETS[match["name"]]
    else:
        offset = ""
    before, after = text[: match.start()], text[match.end() :]
    if before[:4].isdigit():  # ISO 8601, which has no space there
        return f"{before}{match['fraction'] or ''}{offset}{after}"
    return " ".join(part for part in (before, after, offset) if part)


def _iso(text: str) -> datetime | None:
    """ISO 8601 (RFC 3339, W3CDTF to the day), and the same with slashes."""
    try:
        at = datetime.fromisoformat(text.replace("/", "-") if re.match(r"\d{4}/", text) else text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _rfc822(text: str) -> datetime | None:
    """RFC 822 to 5322 with years of four or two digits, RFC 850, asctime."""
    try:
        parts = parsedate_tz(text if ":" in text else f"{text} 00:00")
        if parts is None or _NO_YEAR.search(text):
            return None
        return datetime(*parts[:6], tzinfo=timezone(timedelta(seconds=parts[9] or 0)))
    except (ValueError, IndexError, OverflowError):  # also what parsedate_tz itself raises on odd input
        return None
