"""When a feed's 410 Gone, or a page's 404 or 410, is believed (RFC 9110 sections 15.5.5 and 15.5.11)."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import DAY_MS, Millis

CONFIRMED_BY = 3
"""So many in a row …"""
CONFIRMED_AFTER_MS = DAY_MS
"""… over at least a day, because a failed deployment may also answer 410."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Such answers in a row."""

    since: Millis | None = None
    answers: int = 0

    def then(self, now: Millis) -> Gone:
        """With one more."""
        return Gone(since=now if self.since is None else self.since, answers=self.answers + 1)

    def is_confirmed(self, now: Millis) -> bool:
        """Whether the feed is to be retired (not polled until its owner changes its URL or asks for it), or the article
        of the page to be deleted."""
        long = self.since is not None and now - self.since >= CONFIRMED_AFTER_MS
        return long and self.answers >= CONFIRMED_BY


NOT_GONE = Gone()
