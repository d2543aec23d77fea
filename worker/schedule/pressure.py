"""The pace for a host that has asked to wait: additive increase, multiplicative decrease.

Each refusal halves the rate, and each answer gives back a fixed part of the whole, as TCP does (Chiu and Jain, 1989: of
the simple rules, the one that settles at what the other side can take).
"""

from __future__ import annotations

from worker.model import HostPolicy

WHOLE = 64
"""Shares are fractions of this: at `WHOLE` a host is asked at its configured pace, at 1 at a 64th of it."""
_RECOVERY = 4
_LEAST_MS = 250
"""The delay assumed for a host without one, once it refuses."""


def refused(share: int) -> int:
    """The share after a 429 or 503."""
    return max(share // 2, 1)


def answered(share: int) -> int:
    """The share after any other answer."""
    return min(share + _RECOVERY, WHOLE)


def paced(policy: HostPolicy, *, crawl_ms: int, share: int) -> HostPolicy:
    """How a host is treated now: as configured, but no faster than its robots.txt asks for, and slowed down to its
    share."""
    delay_ms = max(policy.delay_ms, crawl_ms)
    concurrency = 1 if crawl_ms else policy.concurrency
    if share >= WHOLE:
        return HostPolicy(concurrency=concurrency, delay_ms=delay_ms)
    return HostPolicy(
        concurrency=max(concurrency * share // WHOLE, 1), delay_ms=max(delay_ms, _LEAST_MS) * WHOLE // share
    )
