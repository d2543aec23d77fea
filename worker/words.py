"""Times, durations and counts in words."""

from __future__ import annotations

from worker.model import Millis


def ago(at: Millis | None, now: Millis) -> str:
    """`3 min ago`, `in 2 h`, `never`."""
    if at is None:
        return "never"
    distance = span(abs(now - at))
    if distance == "0 s":
        return "now"
    return f"{distance} ago" if at <= now else f"in {distance}"


def span(millis: int) -> str:
    """A duration in the largest suitable unit."""
    seconds = millis // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
