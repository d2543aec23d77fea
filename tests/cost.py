"""What something may cost, in CPU time, however fast or busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_LOOP_S = 0.010
"""What `_loop` takes on a machine at rest, such as the bounds were set on."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails where the block takes more CPU time than that of a machine at rest: a slow or busy one may take as many
    times longer as a known loop does, before and after it."""
    before_s = _loop()
    begun = time.process_time()
    yield
    taken_s = time.process_time() - begun
    slower = max(1.0, (before_s + _loop()) / 2 / _LOOP_S)
    assert taken_s < seconds * slower


def _loop() -> float:
    begun = time.process_time()
    counts: dict[int, int] = {}
    for number in range(100_000):
        counts[number & 255] = counts.get(number & 255, 0) + number
    return time.process_time() - begun
