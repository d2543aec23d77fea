"""Waiting for a worker, and ending it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

from tests.whole.conftest import Worker


def until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def stopped(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    """Ends the worker; its exit status and its log."""
    process.send_signal(number)
    _, log = process.communicate(timeout=15)
    return process.returncode, log


def ended(worker: Worker) -> bool:
    """Whether all of the worker's processes are gone, in time: one that loads its modules ends when it has them."""
    deadline = time.monotonic() + 30
    while worker.processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not worker.processes()
