"""Durations in words."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"))


def span(seconds: float) -> str:
    """In the notation of the configuration, in the largest unit that needs at most one decimal: 90s, 15m, 1.5h, 7d."""
    for size, unit in _UNITS:
        if seconds >= size and round(seconds / size, 1) * size == round(seconds):
            return f"{seconds / size:.1f}".removesuffix(".0") + unit
    if seconds > 600:
        return f"{seconds / 60:.0f}m"
    return f"{seconds:.3g}s"
