"""The processes that work on one state together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from worker.model.feed import Millis

Role = Literal["schedule", "fetch", "publish"]
ROLES: tuple[Role, ...] = ("schedule", "fetch", "publish")
ALL_ROLES: frozenset[Role] = frozenset(ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of them, as it told of itself last."""

    name: str
    """Made up at its start."""
    host: str
    """The name of its machine."""
    pid: int
    version: str
    roles: frozenset[Role]
    started_at: Millis
    seen_at: Millis
    """When it told of itself."""
    under_way: int = 0
    """Pieces of work."""
    most: int = 0
    """… at once."""
    trouble: str | None = None
    """What it can't do now, in lines for people."""
    backlog: int | None = None
    """Work on the bus that nobody has begun, as one that schedules has seen it; None: it has not."""
