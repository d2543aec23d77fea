"""The processes that work on a shared state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from worker.model.feed import Millis

Role = Literal["schedule", "fetch", "publish"]
ROLES: tuple[Role, ...] = ("schedule", "fetch", "publish")
ALL_ROLES: frozenset[Role] = frozenset(ROLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of them, as it last reported about itself."""

    name: str
    """Chosen at random when it starts."""
    host: str
    """The name of its machine."""
    pid: int
    version: str
    roles: frozenset[Role]
    started_at: Millis
    seen_at: Millis
    """When it last reported."""
    under_way: int = 0
    """Pieces of work under way."""
    most: int = 0
    """The most it can have under way."""
    trouble: str | None = None
    """What currently fails, for people, one line each."""
    backlog: int | None = None
    """Work on the bus that nobody has begun, as seen by a process that schedules; None: it doesn't, or can't tell."""
