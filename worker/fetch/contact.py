"""Whether this machine reaches anything: if it does not, that is not the fault of those it asks."""

from __future__ import annotations

import time
from collections.abc import Callable

FEW = 3
"""So many hosts in a row that don't answer are taken for a sign that the fault is here."""


class Contact:
    """Kept from one attempt to the next. The first hosts that don't answer get the blame, as there may be no others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._had_at = clock()
        self._silent: set[str] = set()

    def had(self) -> None:
        """Something has answered, be it with a refusal."""
        self._had_at = self._clock()
        self._silent.clear()

    def is_lost(self, host: str, begun: float) -> bool:
        """Whether that `host` has not answered, to an attempt begun at `begun`, is to be laid to this machine. Not if
        something else has answered since: hosts that don't answer take longest, so they often end together."""
        if begun < self._had_at:
            return False
        self._silent.add(host)
        return len(self._silent) >= FEW
