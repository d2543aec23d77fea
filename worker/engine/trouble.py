"""Logs what currently fails."""

from __future__ import annotations

import structlog

from worker.errors import StateError
from worker.telemetry.vitals import Vitals

log = structlog.stdlib.get_logger("feedmill.engine")


def tell(vitals: Vitals, event: str, error: Exception, **more: object) -> None:
    """Logs an error, unless the same one was logged for this event a moment ago."""
    if vitals.told[event].is_news(str(error)):
        log.error(event, error=str(error), **more)


def refused(vitals: Vitals, error: StateError, **more: object) -> None:
    """Notes and logs that the state refused a call."""
    vitals.refused = str(error)
    tell(vitals, "store.unusable", error, **more)
