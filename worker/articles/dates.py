"""Dates as pages state them (ISO 8601) → instants, with the precision stated."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from worker.model import DAY_MS, Millis, Precision

_LATEST = 2100  # years from here on are mistakes: 9999 is some systems' "no date", like 0001, 1601 and 1970-01-01
_FRACTION = re.compile("[.,]")
_TIME = re.compile(
    r"(?P<day>\d{4}-?\d\d-?\d\d)"
    r"(?:[Tt\s]\s*(?P<clock>\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?)"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?"
)


def parse(text: str | None) -> tuple[Millis, Precision] | None:
    """The instant and its precision; None if `text` is not an ISO 8601 date from 1970-01-02 to 2099.

    A day without a time is 00:00 UTC of that day, precision `day`; so is a midnight without an offset or in UTC, which
    is how systems write a day that they keep in a field for times. Any other time without an offset counts as UTC.
    """
    match = _TIME.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    clock, zone = match["clock"], (match["zone"] or "").upper()
    precision: Precision = "day"
    offset = "+00:00" if zone in ("", "Z", "UTC", "GMT") else zone
    if clock and (clock.strip("0:.,") or offset.strip("+-0:")):
        precision = "second" if len(_FRACTION.split(clock.replace(":", ""))[0]) > 4 else "minute"
    try:
        at = datetime.fromisoformat(f"{match['day']}T{clock or '00:00'}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    instant = Millis(int(at.timestamp()) * 1000 + at.microsecond // 1000)
    return (instant, precision) if instant >= DAY_MS and at.year < _LATEST else None
