"""A command that dies at one of its steps: each call that changes a file of its worker's folder, each commit.

In a process forked from this one, which has its modules: a kill takes a tenth of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from tests.whole import stepping
from tests.whole.conftest import Worker

FORK = multiprocessing.get_context("fork")
Command = Callable[[Worker], object]


class _Counted(stepping.Steps):
    """Counts all steps alike; dies at the `at`-th."""

    def __init__(self, worker: Worker, at: int) -> None:
        super().__init__(stepping.Orders(out=str(worker.folder), clock=""))
        self.names: list[str] = []
        self._at = at

    def take(self, step: str, half: Callable[[], object] | None = None) -> None:
        with self._lock:
            self.names.append(step)
            if len(self.names) == self._at:
                if half:
                    half()
                os.kill(os.getpid(), signal.SIGKILL)


def steps(worker: Worker, command: Command) -> list[str]:
    """Carries out the command, which has to end well; the steps that it takes."""
    here, there = FORK.Pipe(duplex=False)
    status = _run(worker, command, 0, there)
    assert status == 0, status
    names: list[str] = here.recv()
    return names


def dies(worker: Worker, command: Command, at: int) -> None:
    """The command, which dies at its `at`-th step, counted from 1, or comes to its end before."""
    _, there = FORK.Pipe(duplex=False)
    status = _run(worker, command, at, there)
    assert status in (0, -signal.SIGKILL), status


def _run(worker: Worker, command: Command, at: int, told: Connection) -> int | None:
    def run() -> None:
        counted = _Counted(worker, at)
        counted.patch()
        stepping.note_commits(counted)
        command(worker)
        told.send(counted.names)

    process = FORK.Process(target=run)
    process.start()
    process.join(120)
    return process.exitcode
