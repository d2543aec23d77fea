"""Dates as pages state them (ISO 8601) to instants, with the precision that was stated."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from worker.model import Millis, Precision

_EARLIEST, _LATEST = 1970, 2100  # a year outside is a mistake: 0001, 1601 and 9999 are some systems' "no date"
_FRACTION = re.compile("[.,]")
_TIME = re.compile(
    r"(?P<day>\d{4}-?\d\d-?\d\d)"
    r"(?:[Tt\s]\s*(?P<clock>\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?)"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?"
)


def parse(text: str | None) -> tuple[Millis, Precision] | None:
    """The instant and its precision; None where `text` is no ISO 8601 date from 1970 to 2099.

    A day without a time is 00:00 UTC of that day, precision `day`; so is a midnight without an offset, which is how
    systems write a day that they keep in a field for times. Another time without an offset is taken for UTC.
    """
    match = _TIME.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    clock, zone = match["clock"], (match["zone"] or "").upper()
    precision: Precision = "day"
    if clock and (zone or clock.strip("0:.,")):
        precision = "second" if len(_FRACTION.split(clock.replace(":", ""))[0]) > 4 else "minute"
    offset = "+00:00" if zone in ("", "Z", "UTC", "GMT") else zone
    try:
        at = datetime.fromisoformat(f"{match['day']}T{clock or '00:00'}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not _EARLIEST <= at.year < _LATEST:
        return None
    return Millis(int(at.timestamp()) * 1000 + at.microsecond // 1000), precision
