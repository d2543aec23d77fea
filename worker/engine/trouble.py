"""What can't be done now, in the log."""

from __future__ import annotations

import time

import structlog

from worker.errors import StateError
from worker.vitals import Vitals

log = structlog.stdlib.get_logger("feedmill.engine")


def tell(vitals: Vitals, event: str, error: Exception, **more: object) -> None:
    """Logs an error, unless it is the one that was logged of this kind less than `vitals.SAY_AGAIN_S` ago."""
    if vitals.is_news(event, str(error), time.monotonic()):
        log.error(event, error=str(error), **more)


def refused(vitals: Vitals, error: StateError, **more: object) -> None:
    """The state took nothing."""
    vitals.refused = str(error)
    tell(vitals, "store.unusable", error, **more)
