"""Where a feed has moved to, by its server's word (RFC 9110 sections 15.4.2 and 15.4.9)."""

from __future__ import annotations

from dataclasses import dataclass

AGREEING = 3
"""Polls that have to be led to the same address: one 301 is as often a login page or a mistake of an hour."""
MISSES = 3
"""Failures in a row at the new address, after which the one in the lists is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The address that permanent redirects, all of them 301 or 308, have led to lately."""

    to: str | None = None
    polls: int = 0
    """That were led there, one after the other."""

    @property
    def in_force(self) -> str | None:
        """Where the feed is asked instead of at the address in the lists."""
        return self.to if self.polls >= AGREEING else None

    def answered(self, *, led_to: str | None) -> Moves:
        """After a poll that went well; `led_to` is where permanent redirects led from where it began, None where there
        were none, or others with them."""
        if led_to is None:
            return self if self.in_force else NOT_MOVED
        if led_to == self.to:
            return Moves(to=led_to, polls=self.polls + 1)
        return Moves(to=led_to, polls=1)

    def failed(self, *, misses: int) -> Moves:
        """After the poll that was the `misses`th in a row to fail."""
        return NOT_MOVED if self.in_force and misses >= MISSES else self


NOT_MOVED = Moves()
