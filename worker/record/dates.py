"""Dates as records have them."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

from worker.model import Millis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@functools.lru_cache(64)  # records committed together have the same time
def rfc3339(at: Millis) -> str:
    """`2026-11-23T04:05:06Z`, with milliseconds if they are not 0. Raises ValueError outside the years 1 to 9999."""
    seconds, millis = divmod(at, 1000)
    try:
        # Not strftime(), whose %Y has no leading zeros.
        text = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    except OverflowError as error:
        raise ValueError(f"no year from 1 to 9999: {at} ms") from error
    return f"{text}.{millis:03d}Z" if millis else f"{text}Z"


def to_the_second(at: Millis) -> str:
    """`rfc3339` without milliseconds."""
    return rfc3339(Millis(at // 1000 * 1000))


def instant(date: str) -> Millis:
    """The time that `rfc3339` has written. Raises ValueError."""
    return Millis(round(datetime.fromisoformat(date).timestamp() * 1000))
