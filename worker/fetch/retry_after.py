"""Retry-After (RFC 9110 section 10.2.3)."""

from __future__ import annotations

import re

from worker.schedule import http_date_s

LONGEST_S = 7 * 86_400.0
"""A host that asks for a longer wait is asked again after this: it may have meant a client long gone."""

_SECONDS = re.compile(r"([+-]?)(\d+)", re.ASCII)


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """Seconds to wait from `now_s` (UTC since 1970), between 0 and `LONGEST_S`; None if the value is missing or
    meaningless.

    The value is a number of seconds or an HTTP-date in any of its three forms (RFC 9110 section 5.6.7).
    """
    text = (value or "").strip()
    seconds = _SECONDS.fullmatch(text)
    if seconds is not None:
        sign, digits = seconds.groups()
        # Longer numbers than the limit are not parsed, because int() refuses thousands of digits.
        wait = LONGEST_S if len(digits.lstrip("0")) > 9 else float(digits)
        return 0.0 if sign == "-" else min(wait, LONGEST_S)
    date_s = http_date_s(text)
    return None if date_s is None else min(max(date_s - now_s, 0.0), LONGEST_S)
