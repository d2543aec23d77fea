"""Hosts and feeds whose pages keep killing what reads them: for an hour the feed's own content has to do for them.

Without it a few hosts with pages that hang would hold every CPU process for its whole time limit, page after page; and
so would one feed whose every link is on another host.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.model import HOUR_MS, Millis

KILLS = 3
SPARED_MS = HOUR_MS


@dataclass(frozen=True, slots=True)
class Spared:
    """In memory alone: after a restart each may kill three times more."""

    forgiven: float
    """Kills that are made up for by a page that was read."""
    _kills: dict[str, float] = field(default_factory=dict)
    _until: dict[str, Millis] = field(default_factory=dict)

    def spares(self, name: str, now: Millis) -> bool:
        """Whether pages of `name` are not to be read now."""
        until = self._until.get(name)
        if until is None:
            return False
        if now >= until or until - now > SPARED_MS:  # or the clock was set back
            del self._until[name]
            return False
        return True

    def killed(self, name: str, now: Millis) -> None:
        """A page of `name` took too long, too much memory, or its process with it."""
        kills = self._kills.pop(name, 0.0) + 1
        if kills < KILLS:
            self._kills[name] = kills
        else:
            self._until[name] = Millis(now + SPARED_MS)

    def read(self, name: str) -> None:
        """A page of `name` was read."""
        kills = self._kills.pop(name, 0.0) - self.forgiven
        if kills > 0:
            self._kills[name] = kills


def hosts() -> Spared:
    """Of a site, three in a row: its pages are of one kind."""
    return Spared(forgiven=KILLS)


def feeds() -> Spared:
    """Of a feed, three that twenty pages each do not make up for: its links may be of all kinds, and good ones among
    them are no excuse for as many bad ones."""
    return Spared(forgiven=1 / 20)
