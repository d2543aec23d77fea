"""Hosts whose pages keep killing what reads them: for an hour the feed's own content has to do for them.

Without it a few hosts with pages that hang would hold every CPU process for its whole time limit, page after page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.model import Millis

KILLS = 3
"""In a row, from one host."""
SPARED_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class SparedHosts:
    """In memory alone: after a restart a host may kill three times more."""

    _kills: dict[str, int] = field(default_factory=dict)
    _until: dict[str, Millis] = field(default_factory=dict)

    def spares(self, host: str, now: Millis) -> bool:
        """Whether pages of `host` are not to be read now."""
        until = self._until.get(host)
        if until is None:
            return False
        if now >= until or until - now > SPARED_MS:  # or the clock was set back
            del self._until[host]
            return False
        return True

    def killed(self, host: str, now: Millis) -> None:
        """A page of `host` took too long, too much memory, or its process with it."""
        kills = self._kills.pop(host, 0) + 1
        if kills < KILLS:
            self._kills[host] = kills
        else:
            self._until[host] = Millis(now + SPARED_MS)

    def read(self, host: str) -> None:
        """A page of `host` was read."""
        self._kills.pop(host, None)
