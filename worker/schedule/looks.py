"""When an article's page is looked at again: for edits, because it is gone, or because it could not be had."""

from __future__ import annotations

from collections.abc import Sequence

from worker.model import HOUR_MS, Millis
from worker.schedule.gone import Gone

NOT_HAD_S = (6 * 3600.0, 24 * 3600.0, 72 * 3600.0)
"""Ages of an entry at which a page that could not be had, or did not have the article, is fetched again."""
_GONE_AGAIN_MS = (HOUR_MS, 6 * HOUR_MS, 18 * HOUR_MS)
"""How long after each 404 or 410 of a page that was there: some come back within a day, most of these within hours."""
_FREE_REVISIONS = 4
"""So many revisions are written without delay; a news article has three at the median, and the rest come within a
day."""


def next_look(*, now: Millis, first_seen_at: Millis, ages_s: Sequence[float]) -> Millis | None:
    """The next time at which an entry reaches one of the ages; None after the last."""
    due = (Millis(first_seen_at + round(age_s * 1000)) for age_s in sorted(ages_s))
    return next((at for at in due if at > now), None)


def next_look_if_gone(gone: Gone, now: Millis) -> Millis:
    """When to check whether a page is still gone; `gone` includes the answer just received."""
    return Millis(now + _GONE_AGAIN_MS[min(gone.answers, len(_GONE_AGAIN_MS)) - 1])


def next_revision(*, now: Millis, revision: int, revised_at: Millis | None) -> Millis:
    """When to read an entry again that its feed has changed. Feeds that keep changing are not followed at every turn:
    after the first revisions there is an hour between two, then four, then sixteen, then a day. The last version is
    never lost."""
    if revised_at is None or revision < _FREE_REVISIONS:
        return now
    wait_ms = HOUR_MS * min(4 ** (revision - _FREE_REVISIONS), 24)
    return Millis(max(now, min(revised_at, now) + wait_ms))
