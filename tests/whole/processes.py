"""Waiting for a worker, and ending it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

from tests import warm
from tests.whole.conftest import Worker
from worker.record import Record


def until(condition: Callable[[], object], timeout_s: float = 120, look_s: float = 0.05) -> None:
    """look_s: between two looks at the condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(look_s)


def stopped(process: warm.Process | subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    """Ends the worker; its exit status and its log."""
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    return process.returncode, log


def ended(worker: Worker) -> bool:
    """Whether all of the worker's processes are gone, in time: one that loads its modules ends when it has them."""
    deadline = time.monotonic() + 60
    while worker.processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not worker.processes()


def found(worker: Worker) -> list[Record]:
    """The records there are so far."""
    return worker.records() if (worker.out / "manifest").exists() else []


@contextlib.contextmanager
def running(worker: Worker, command: Sequence[str] = (), **environment: str) -> Iterator[None]:
    """`run`, or another command, under way; in the end it is asked to stop, and must end well."""
    process: warm.Process | subprocess.Popen[bytes]
    with worker.log.open("ab") as log:
        if command:
            process = subprocess.Popen(command, stderr=log, env=worker.environment() | environment)
        else:
            process = warm.Process(worker.command("run"), stderr=log, env=worker.environment() | environment)
    try:
        yield
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
