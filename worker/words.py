"""Times, durations and counts in words."""

from __future__ import annotations

from worker.model import Millis


def ago(at: Millis | None, now: Millis) -> str:
    """`3 min ago`, `in 2 h`, `never`."""
    if at is None:
        return "never"
    if abs(now - at) < 1000:
        return "now"
    distance = span(abs(now - at))
    return f"{distance} ago" if at <= now else f"in {distance}"


def due(at: Millis | None, now: Millis) -> str:
    """`in 2 h`, `due`, `never`: of what is still to come."""
    return "due" if at is not None and at <= now else ago(at, now)


def span(millis: int) -> str:
    """A duration in the largest suitable unit."""
    seconds = millis // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s" if seconds or not millis else f"{millis} ms"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def size(count: int) -> str:
    """A number of bytes in the largest suitable unit."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 0.9995 * factor:  # with three figures that is one of it
            return f"{count / factor:.3g} {unit}" if count < 999.5 * factor else f"{count / factor:,.0f} {unit}"
    return f"{count} B"
