"""`python -m worker.cli …` as a process of its own, forked from one that has its modules loaded by then: to load them
takes most of a second of CPU, each time.

All else is as of a process that was started by itself: its id, its environment, its signals, its end. What is to be
seen of the start itself is for `subprocess`.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).parents[1]


class Process:
    """A worker that runs, as `subprocess.Popen` would show it."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], stderr: IO[bytes] | None = None) -> None:
        """command: as `subprocess` would have it. stderr: where that goes; else `communicate` gives it in the end."""
        self.returncode: int | None = None
        self._said = stderr or tempfile.TemporaryFile()  # noqa: SIM115  # `communicate` closes it
        self._kept, told = os.pipe()
        with tempfile.TemporaryFile() as request:
            request.write(json.dumps({"words": command[3:], "environ": dict(env), "folder": str(Path.cwd())}).encode())
            request.seek(0)
            socket.send_fds(_forking().asked, [b"."], [request.fileno(), self._said.fileno(), told])
            os.close(told)
            self.pid = int(self._line())

    def _line(self) -> str:
        return b"".join(iter(lambda: os.read(self._kept, 1).strip(), b"")).decode()

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._kept], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._kept], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("feedmill", timeout or 0)
            self.returncode = int(self._line())
            os.close(self._kept)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        self.wait(timeout)
        self._said.seek(0)
        with self._said:
            return None, self._said.read().decode()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Forking:
    """The process that all are forked from; it ends with this one."""

    def __init__(self) -> None:
        self.asked, there = socket.socketpair()
        with there:
            command = [sys.executable, "-m", "tests.warm", str(there.fileno())]
            environment = {**os.environ, "PYTHONWARNINGS": "error"}
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(
                command, pass_fds=[there.fileno()], cwd=_ROOT, env=environment, stdin=nothing, stdout=nothing
            )
        atexit.register(self._end)

    def _end(self) -> None:
        self.asked.shutdown(socket.SHUT_RDWR)
        self.asked.close()
        self._process.wait()


_forking = functools.cache(_Forking)


# --- there ----------------------------------------------------------------------------------------------------------


def _serve(asked: socket.socket) -> None:
    """Returns in each process that was a worker, when that has come to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody wants to know of those who keep workers
    while True:
        more, files, _, _ = socket.recv_fds(asked, 1, 3)
        if not more:
            return
        if os.fork() == 0:
            asked.close()
            _keep(*files)
            return
        for file in files:
            os.close(file)


def _keep(request: int, stderr: int, told: int) -> None:
    """Forks the worker, and tells its id and then how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        os.close(told)
        os.dup2(stderr, sys.stderr.fileno())
        os.close(stderr)
        with open(request, "rb") as file:
            asked = json.load(file)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _work(**asked)
        return
    os.close(request)
    os.close(stderr)
    os.write(told, b"%d\n" % worker)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
    os._exit(0)


def _work(words: list[str], environ: dict[str, str], folder: str) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["feedmill", *words]
    runpy.run_module("worker.cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    import_module("worker.cli.running")
    with socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given)
