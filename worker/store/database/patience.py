"""How long a process waits for the server of its state.

A network that is gone shows by TCP's own timeouts. But behind a pooler or a load balancer, which goes on acknowledging
what comes, a server may be gone without a sign: then nothing but the time tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

ENDING_S = 3.0
"""For a process that ends, which it should within ten seconds."""


@dataclass(slots=True)
class Patience:
    """Of one process with one server. May be changed in any thread, also while an answer is waited for."""

    limit_s: float = math.inf
    """How long an answer may take."""
    is_short: bool = False
    """Whether the process ends."""
    is_over: bool = False
    """Whether the server is not asked any more: it did not answer a process that ends."""

    def shorten(self) -> None:
        """Call this when the process is to end."""
        self.limit_s, self.is_short = min(self.limit_s, ENDING_S), True

    def lose(self) -> None:
        """Call this when an answer did not come in time."""
        self.is_over = self.is_over or self.is_short
