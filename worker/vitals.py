"""How the worker is, for those who ask it: probes, the status page, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.model import Millis

SAY_AGAIN_S = 60.0
"""What goes on being wrong is logged again after it."""
WORDS = {"state": "the state refuses", "output": "records can't be sealed", "room": "nothing is polled"}


@dataclass(slots=True)
class Vitals:
    """Written by the engine as it goes, read by the same loop; instants are of the wall clock."""

    started_at: Millis | None = None
    """When the feed lists were taken up; None before."""
    ticked_at: Millis | None = None
    """The last of its ticks, one a second."""
    shortage: str | None = None
    """Why there is no room for more on the disks; None: there is."""
    refused: str | None = None
    """Why the state took nothing the last time; None: it did."""
    refusals: int = 0
    """Of commits, one after the other."""
    unsealed: str | None = None
    """Why records could not be sealed the last time; None: they were."""
    under_way: int = 0
    """Leases that are held."""
    most: int = 0
    """… at once."""
    backlog: int | None = None
    """Work on the bus that nobody has begun; None: nobody here has looked."""
    stopping: bool = False
    told: dict[str, tuple[str, float]] = field(default_factory=dict)
    """The last line that was logged of each kind of trouble, and when, in s of the monotonic clock."""

    def is_news(self, event: str, error: str, at_s: float) -> bool:
        """Whether a trouble is to be logged now: it is another than the last of its kind, or goes on for long."""
        before, then_s = self.told.get(event, ("", 0.0))
        if before == error and at_s - then_s < SAY_AGAIN_S:
            return False
        self.told[event] = error, at_s
        return True

    @property
    def troubles(self) -> Mapping[str, str]:
        """What it can't do now and why, by a name of one word."""
        found = {"state": self.refused, "output": self.unsealed, "room": self.shortage}
        return {name: why for name, why in found.items() if why is not None}

    @property
    def said(self) -> str | None:
        """The same in lines for people; None where there is nothing."""
        return "\n".join(f"{WORDS[name]}: {why}" for name, why in self.troubles.items()) or None
