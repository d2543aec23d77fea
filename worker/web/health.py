"""Whether the worker is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Mapping

from worker.model import Millis
from worker.vitals import Vitals

STALE_MS = 30_000
"""A tick, due each second, that has not come for so long; half of the unit file's WatchdogSec."""


def is_alive(vitals: Vitals, now: Millis) -> bool:
    """Whether its loop turns: who asks is answered by the same loop, so what remains is that the engine ticks."""
    return vitals.ticked_at is None or not now - vitals.ticked_at > STALE_MS


def unready(vitals: Vitals, now: Millis) -> Mapping[str, str]:
    """What keeps it from taking up work, by a name of one word; empty where nothing does."""
    found = {}
    if vitals.stopping:
        found["stopping"] = "it was asked to stop"
    elif vitals.started_at is None or vitals.ticked_at is None:
        found["starting"] = "the feed lists are not taken up yet"
    elif not is_alive(vitals, now):
        found["stalled"] = f"no tick for {(now - vitals.ticked_at) // 1000} s"
    return {**found, **vitals.troubles}
