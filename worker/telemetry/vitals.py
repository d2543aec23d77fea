"""The health of the worker, for probes, the status page and metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.log import Sparing
from worker.model import Millis

WORDS = {
    "state": "the state refuses",
    "output": "records can't be sealed",
    "room": "nothing is polled",
    "machine": "nothing can be fetched",
    "bus": "work can't be handed out",
}


@dataclass(slots=True)
class Vitals:
    """Written by the engine, read in the same event loop. Times are of the wall clock."""

    started_at: Millis | None = None
    """When the feed lists were applied; None before."""
    ticked_at: Millis | None = None
    """Its last tick; there is one every second."""
    shortage: str | None = None
    """Why there is no room for more, on disk or in the archive; None: there is."""
    refused: str | None = None
    """Why the state refused the last call; None: it did not."""
    uncommitted: str | None = None
    """Why the state refused the last commit; None: it did not. On a full disk it may go on accepting small changes."""
    refusals: int = 0
    """Refused commits in a row."""
    unable: str | None = None
    """Why this machine could not do the last work, as it is short of something or offline; None: it could."""
    unsealed: str | None = None
    """Why records could not be sealed at the last attempt; None: they were."""
    unhanded: str | None = None
    """Why work could not be put on the bus at the last attempt; None: it could, or this process does not do that."""
    under_way: int = 0
    """Leases held."""
    most: int = 0
    """The most that can be held."""
    backlog: int | None = None
    """Work on the bus that nobody has begun; None: this process has not looked."""
    stopping: bool = False
    told: defaultdict[str, Sparing] = field(default_factory=lambda: defaultdict(Sparing))
    """What was logged of each kind of trouble."""

    @property
    def troubles(self) -> Mapping[str, str]:
        """What currently fails and why, by a one-word name."""
        found = {
            "state": self.refused or self.uncommitted,
            "output": self.unsealed,
            "room": self.shortage,
            "machine": self.unable,
            "bus": self.unhanded,
        }
        return {name: why for name, why in found.items() if why is not None}

    @property
    def said(self) -> str | None:
        """The same in lines for people; None if nothing fails."""
        return "\n".join(f"{WORDS[name]}: {why}" for name, why in self.troubles.items()) or None
