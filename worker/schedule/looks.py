"""When an article is looked at again: edited, gone, or not had yet."""

from __future__ import annotations

from collections.abc import Sequence

from worker.model import HOUR_MS, Millis
from worker.schedule.gone import Gone

NOT_HAD_S = (6 * 3600.0, 24 * 3600.0, 72 * 3600.0)
"""Ages of an entry at which a page that could not be had, or was none of the article, is asked for again."""
_GONE_AGAIN_MS = (HOUR_MS, 6 * HOUR_MS, 18 * HOUR_MS)
"""After each 404 or 410 of a page that was there: some come back within a day, by the hour."""
_FREE_REVISIONS = 4
"""So many come as they are made; news has three at the median, and the rest within a day."""


def next_look(*, now: Millis, first_seen_at: Millis, ages_s: Sequence[float]) -> Millis | None:
    """The next of the ages at which an entry is to be looked at; None after the last."""
    due = (Millis(first_seen_at + round(age_s * 1000)) for age_s in sorted(ages_s))
    return next((at for at in due if at > now), None)


def next_look_if_gone(gone: Gone, now: Millis) -> Millis:
    """When to see whether a page is still gone; `gone` has the answer just given."""
    return Millis(now + _GONE_AGAIN_MS[min(gone.answers, len(_GONE_AGAIN_MS)) - 1])


def next_revision(*, now: Millis, revision: int, revised_at: Millis | None) -> Millis:
    """When an entry that its feed has changed is read again. Feeds that flap are not followed at each turn: after the
    first revisions there is an hour between two, then four, then a day; the last words are never lost."""
    if revised_at is None or revision < _FREE_REVISIONS:
        return now
    wait_ms = HOUR_MS * min(4 ** (revision - _FREE_REVISIONS), 24)
    return Millis(max(now, min(revised_at, now) + wait_ms))
