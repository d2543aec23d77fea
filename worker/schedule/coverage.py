"""Entries that came and went between two polls, because a document shows only the last so many.

If a document has nothing in common with the one before, entries may have been missed: as many as the feed would have
published between that poll and the oldest entry shown now. This is an estimate, and is presented as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from worker.model import HOUR_MS, Millis
from worker.schedule.history import MONTH_MS, History

LEAST = 0.5
"""How many entries must be expected in between before it is called a gap."""


def missed(
    *, previous: Millis, now: Millis, published: Sequence[Millis | None], total: int, history: History | None
) -> float | None:
    """How many entries were probably missed; None if there is no gap.

    previous: when the last successful poll was. published: the dates of the entries that are new. total: entries of the
    document. history: from before this document.

    New entries that are older than the poll before were published late, or under other names than before: then it is no
    gap.
    """
    if total == 0 or len(published) < total:
        return None
    known = 0.0 if history is None else _pace(history, now)
    dates = [date for date in published if date is not None and date <= now]
    if any(date <= previous for date in dates):
        return None
    if len(dates) == total:
        pace = max(known, (total - 1) / max(max(dates) - min(dates), HOUR_MS))
        expected = (min(dates) - previous) * pace
    else:
        expected = (now - previous) * known - total
    return expected if expected >= LEAST else None


def coverage(seen: int, missed: float) -> float:
    """The share of a feed's entries that were seen, in [0, 1]."""
    return seen / (seen + missed) if missed > 0 else 1.0


def _pace(history: History, now: Millis) -> float:
    """Recent entries per millisecond. A rate r over a time T gives, faded, r × MONTH_MS × (1 - e^(-T / MONTH_MS))
    entries."""
    known_for = max(now - history.since, HOUR_MS)
    faded = history.month * math.exp(min(history.at - now, 0) / MONTH_MS)
    return faded / (MONTH_MS * -math.expm1(-known_for / MONTH_MS))
