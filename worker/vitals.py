"""How the worker is, for those who ask it: probes, the status page, metrics."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import Millis


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
