"""`python -m worker.cli …` as a process of its own, forked from one that has its modules loaded by then: to load them
takes most of a second of CPU, each time. So are the fork server of its CPU processes, and what multiprocessing has
beside that.

All else is as of a process that was started by itself: its id, its environment, its signals, its end. What is to be
seen of the start itself is for `subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from multiprocessing import forkserver, resource_tracker, util
from pathlib import Path
from typing import IO, NoReturn

_ROOT = Path(__file__).parents[1]

MARK = "FEEDMILL_TEST_FOLDER"
"""In the environment of a worker's processes: what they are found by."""


def called(mark: str) -> str:
    """What the CPU processes of a worker with this mark are called: of who was forked, /proc shows another's
    environment."""
    return f"cpu {zlib.crc32(mark.encode()):08x}"


class Process:
    """A worker that runs, as `subprocess.Popen` would show it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        """command: as `subprocess` would have it. stderr: where that goes, and stdout nowhere unless that is said; else
        `communicate` gives both in the end."""
        self.returncode: int | None = None
        self._said = [] if stderr else [tempfile.TemporaryFile(), tempfile.TemporaryFile()]  # noqa: SIM115  # `communicate` closes them
        self._kept, told = os.pipe()
        with tempfile.TemporaryFile() as request, Path(os.devnull).open("wb") as nowhere:
            request.write(json.dumps({"words": command[3:], "environ": dict(env), "folder": str(Path.cwd())}).encode())
            request.seek(0)
            files = [file.fileno() for file in (request, *(self._said or (stdout or nowhere, stderr)))]
            socket.send_fds(_forking().asked, [b"."], [*files, told])
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

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        said = []
        for file in self._said:
            with file:
                file.seek(0)
                said.append(file.read().decode())
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def piped(command: Sequence[str], *, env: Mapping[str, str], stderr: IO[bytes]) -> Iterator[tuple[Process, IO[bytes]]]:
    """One whose stdout is a pipe, with its end to read from; it is killed in the end."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as said:
        with os.fdopen(theirs, "wb") as written:
            process = Process(command, env=env, stdout=written, stderr=stderr)
        try:
            yield process, said
        finally:
            process.kill()
            process.wait()


class _Forking:
    """The process that all are forked from, one for all processes of the suite: started by who needs it first, it ends
    with the last of them."""

    def __init__(self) -> None:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        address = f"\0feedmill {run}" if sys.platform == "linux" else f"{tempfile.gettempdir()}/feedmill-{run}"
        self._process: subprocess.Popen[bytes] | None = None
        self.asked = socket.socket(socket.AF_UNIX)
        while self.asked.connect_ex(address):
            self._start(address)
        atexit.register(self._end)

    def _start(self, address: str) -> None:
        """Unless another does."""
        with socket.socket(socket.AF_UNIX) as listener:
            try:
                listener.bind(address)
            except OSError:
                return
            listener.listen()
            command = [sys.executable, "-m", "tests.warm", str(listener.fileno())]
            environment = {**os.environ, "PYTHONWARNINGS": "error"}
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(
                command, pass_fds=[listener.fileno()], cwd=_ROOT, env=environment, stdin=nothing, stdout=nothing
            )

    def _end(self) -> None:
        self.asked.shutdown(socket.SHUT_RDWR)  # what this process forked has it, too
        self.asked.close()
        if self._process:
            self._process.wait()


_forking = functools.cache(_Forking)


# --- there ----------------------------------------------------------------------------------------------------------


def _serve(listener: socket.socket) -> None:
    """Returns when nobody is there any more, and in each process that was a worker, when that has come to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody wants to know of those who keep workers
    sockets = [listener]
    while True:
        for asked in select.select(sockets, [], [])[0]:
            if asked is listener:
                sockets.append(listener.accept()[0])
                continue
            more, files, _, _ = socket.recv_fds(asked, 1, 4)
            if not more:
                asked.close()
                sockets.remove(asked)
            elif os.fork() == 0:
                for each in sockets:
                    each.close()
                _keep(*files)
                return
            for file in files:
                os.close(file)
        if sockets == [listener]:
            if sys.platform != "linux":  # where it is a file
                Path(listener.getsockname()).unlink()
            return


def _keep(request: int, stdout: int, stderr: int, told: int) -> None:
    """Forks the worker, and tells its id and then how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        os.close(told)
        os.dup2(stdout, sys.stdout.fileno())
        os.dup2(stderr, sys.stderr.fileno())
        os.close(stdout)
        os.close(stderr)
        with open(request, "rb") as file:
            asked = json.load(file)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _work(**asked)
        return
    for file in (request, stdout, stderr):
        os.close(file)
    os.write(told, b"%d\n" % worker)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
    os._exit(0)


def _work(words: list[str], environ: dict[str, str], folder: str) -> None:
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    gc.enable()
    _fork_ahead()
    sys.argv = ["feedmill", *words]
    runpy.run_module("worker.cli", run_name="__main__", alter_sys=True)


_AHEAD: Mapping[str, Callable[[Sequence[int]], None]] = {
    "multiprocessing.forkserver": lambda files: _fork_server(*files),
    "multiprocessing.resource_tracker": lambda files: resource_tracker.main(files[-1]),
}


def _fork_server(listener: int, alive: int, *key: int) -> None:
    """key: since Python 3.14 a file to read what callers have to know from."""
    forkserver.main(listener, alive, [], **({"authkey_r": key[0]} if key else {}))


def _fork_ahead() -> None:
    """What multiprocessing would start when it has to, by then without threads; they end when they are not asked."""
    spawn = util.spawnv_passfds
    kept: dict[str, tuple[int, int]] = {}

    def spawned(path: bytes, args: Sequence[str], files: Sequence[int]) -> int:
        name = next((name for name in kept if name in str(args)), None)
        if name is None:
            return spawn(path, args, files)
        pid, asked = kept.pop(name)
        with socket.socket(fileno=asked) as there:
            socket.send_fds(there, [b"."], files)
        return pid

    for name, main in _AHEAD.items():
        there, here = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            for asked in (there.detach(), *(asked for _, asked in kept.values())):
                os.close(asked)
            _await(here, main)
        here.close()
        kept[name] = pid, there.detach()  # to the end, where it would be told of a socket that is not closed
    util.spawnv_passfds = spawned


def _await(here: socket.socket, main: Callable[[Sequence[int]], None]) -> NoReturn:
    try:
        gc.disable()  # as it is where `worker.cpu.preload` is loaded
        with contextlib.suppress(OSError):
            Path("/proc/self/comm").write_text(called(os.environ.get(MARK, "")))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        asked, files, _, _ = socket.recv_fds(here, 1, 3)
        here.close()
        if asked:
            main(files)
    finally:
        os._exit(0)


if __name__ == "__main__":
    for name in ("poll", "records", "running"):
        import_module(f"worker.cli.{name}")
    import_module("anyio._backends._asyncio")  # which httpcore looks for at its first connection
    import_module("worker.cpu.preload")
    import_module("worker.record").json_schema()  # which every worker writes, and which takes as long as a state
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given)
