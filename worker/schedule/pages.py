"""When a page that could not be had is fetched again."""

from __future__ import annotations

from collections.abc import Sequence

from worker.model import Millis


def next_try(*, now: Millis, tries: int, waits_s: Sequence[float]) -> Millis | None:
    """When to fetch a page that has failed `tries` times; None if it was tried often enough."""
    return Millis(now + round(waits_s[tries - 1] * 1000)) if tries <= len(waits_s) else None
