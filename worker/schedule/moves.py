"""Where a feed has moved to, according to its server (RFC 9110 sections 15.4.2 and 15.4.9)."""

from __future__ import annotations

from dataclasses import dataclass

AGREEING = 3
"""So many polls in a row have to be redirected to the same address, because a single 301 is often a login page or a
short-lived mistake."""
MISSES = 3
"""After so many failures in a row at the new address, the one in the lists is used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The address that permanent redirects (all 301 or 308) have led to lately."""

    to: str | None = None
    polls: int = 0
    """How many polls in a row were led there."""

    @property
    def in_force(self) -> str | None:
        """The address to use instead of the one in the lists; None: the one in the lists."""
        return self.to if self.polls >= AGREEING else None

    def answered(self, *, led_to: str | None) -> Moves:
        """After a successful poll. led_to: where permanent redirects led from where it began; None if there were none,
        or temporary ones among them."""
        if led_to is None:
            return self if self.in_force else NOT_MOVED
        if led_to == self.to:
            return Moves(to=led_to, polls=self.polls + 1)
        return Moves(to=led_to, polls=1)

    def failed(self, *, misses: int) -> Moves:
        """After the `misses`th poll in a row that failed."""
        return NOT_MOVED if self.in_force and misses >= MISSES else self


NOT_MOVED = Moves()
