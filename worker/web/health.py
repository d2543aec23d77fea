"""Whether the worker is alive, and whether it is ready."""

from __future__ import annotations

from collections.abc import Mapping

from worker.model import Millis
from worker.telemetry.vitals import Vitals

STALE_MS = 30_000
"""If there was no tick (one is due every second) for this long, the engine has stalled. Half of WatchdogSec in the unit
file."""


def is_alive(vitals: Vitals, now: Millis) -> bool:
    """Whether the engine ticks. (That the event loop runs is shown by there being an answer at all.)"""
    return vitals.ticked_at is None or not now - vitals.ticked_at > STALE_MS


def unready(vitals: Vitals, now: Millis) -> Mapping[str, str]:
    """What keeps the worker from taking up work, by a one-word name; empty if nothing does."""
    found = {}
    if vitals.stopping:
        found["stopping"] = "it was asked to stop"
    elif vitals.started_at is None or vitals.ticked_at is None:
        found["starting"] = "the feed lists are not taken up yet"
    elif not is_alive(vitals, now):
        found["stalled"] = f"no tick for {(now - vitals.ticked_at) // 1000} s"
    return {**found, **vitals.troubles}
