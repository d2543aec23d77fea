"""How long an answer stays fresh, according to its header fields (RFC 9111 sections 4.2, 5.1, 5.2 and 5.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

from worker.model import Freshness

LONGEST_S = 365 * 86_400.0
"""Longer times are cut to this; RFC 9111 section 1.2.2 only requires that numbers don't overflow."""

# A directive: token [= token | quoted-string], up to the next comma outside of quotes. Spaces before it are not
# matched, because a run of them would be scanned again from each one, and a head may have 100 kB.
_DIRECTIVE = re.compile(r'([^\s,="]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?[^,]*(?:,|$)', re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)


def freshness(
    *, cache_control: Sequence[str], age: str | None, expires: str | None, date: str | None, now_s: float
) -> Freshness | None:
    """What is left of the freshness lifetime (section 4.2.1) of an answer that arrived at `now_s` (UTC since 1970).

    Takes the fields' raw values (`cache_control`: of every line). None if the answer is already stale, says nothing
    that can be understood, or must be fetched again each time (`no-store`, `no-cache`).

    `max-age` takes precedence over `s-maxage`, which is for the site's own CDN: that is often given a year, and purged
    when there is news. It counts only if there is no `max-age`.
    """
    directives = _directives(cache_control)
    if "no-store" in directives or "no-cache" in directives:
        return None
    reason = next((name for name in ("max-age", "s-maxage") if name in directives), "Expires - Date")
    lifetime = _delta_s(directives[reason]) if reason in directives else _until_expiry_s(expires, date, now_s)
    if lifetime is None:
        return None
    passed = _delta_s(age or "") or 0.0
    if lifetime <= passed:
        return None
    reason = f"{reason}={lifetime:.0f}"
    return Freshness(seconds=lifetime - passed, reason=f"{reason}, Age: {passed:.0f}" if passed else reason)


def _directives(lines: Sequence[str]) -> dict[str, str]:
    """By lower-case name; if a directive occurs twice, the first counts (section 4.2.1)."""
    found: dict[str, str] = {}
    for match in _DIRECTIVE.finditer(", ".join(lines)):
        found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    return found


def _delta_s(value: str) -> float | None:
    """A number of seconds (section 1.2.2), at most `LONGEST_S`."""
    digits = value.strip()
    if not _DIGITS.fullmatch(digits):
        return None
    # Longer numbers than the limit are not parsed, because int() refuses thousands of digits.
    return LONGEST_S if len(digits.lstrip("0")) > 9 else min(float(digits), LONGEST_S)


def _until_expiry_s(expires: str | None, date: str | None, now_s: float) -> float | None:
    """Expires minus Date; without a Date, minus the time of the answer. An invalid Expires means expired (section
    5.3)."""
    end = http_date_s(expires)
    if end is None:
        return None
    start = http_date_s(date)
    return min(end - (now_s if start is None else start), LONGEST_S)


def http_date_s(value: str | None) -> float | None:
    """Seconds since 1970 of an HTTP-date in any of its three forms (RFC 9110 section 5.6.7)."""
    try:
        moment = parsedate_to_datetime(value or "")
        # "-0000" and asctime() dates have no zone; both mean UTC.
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
