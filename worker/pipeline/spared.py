"""Hosts and feeds whose pages keep killing the process that reads them: for an hour, the feed's own content is used
instead.

Without this, a few hosts with pages that hang would keep every CPU process busy up to its time limit, page after page;
and so would a single feed whose links lead to ever different hosts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.model import HOUR_MS, Millis

KILLS = 3
SPARED_MS = HOUR_MS


@dataclass(frozen=True, slots=True)
class Spared:
    """Kept only in memory: after a restart, each may kill three more."""

    forgiven: float
    """How many kills a successfully read page makes up for."""
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
        """Call when a page of `name` took too long or too much memory, or its process died."""
        kills = self._kills.pop(name, 0.0) + 1
        if kills < KILLS:
            self._kills[name] = kills
        else:
            self._until[name] = Millis(now + SPARED_MS)

    def read(self, name: str) -> None:
        """Call when a page of `name` was read."""
        kills = self._kills.pop(name, 0.0) - self.forgiven
        if kills > 0:
            self._kills[name] = kills


def hosts() -> Spared:
    """For hosts: three kills in a row, because the pages of a site are much alike."""
    return Spared(forgiven=KILLS)


def feeds() -> Spared:
    """For feeds: each read page makes up for a twentieth of a kill, because links may lead to pages of all kinds, and
    good ones don't excuse as many bad ones."""
    return Spared(forgiven=1 / 20)
