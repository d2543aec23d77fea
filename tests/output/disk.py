"""A disk that fails, or with which the process ends, at one of the calls that change it."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from worker.errors import OutputError
from worker.output.disk import files

CHANGING = ("open", "write", "fsync", "ftruncate", "mkdir", "replace", "unlink", "rmdir")
"""The functions of os that change what is on disk; `files` has one more, syncfs."""
FORK = multiprocessing.get_context("fork")


class Disk:
    """The calls of `CHANGING`, the `at`-th of which fails as `failure` has it; lists them, and what was synced."""

    def __init__(self, failure: str | None = None, at: int = 0) -> None:
        self.failure, self.at = failure, at
        self.calls: list[str] = []
        self.synced: list[str] = []
        self._opened: dict[int, str] = {}

    def call(self, name: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = self._failing(name, real, *args, **kwargs)
        if name == "open":
            self._opened[result] = Path(args[0]).name
        if name == "fsync":
            self.synced.append(self._opened[args[0]])
        return result

    def _failing(self, name: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls.append(name)
        count = len(self.calls)
        if self.failure == "killed" and count == self.at:
            if name == "write":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        if self.failure == "fails once" and count == self.at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.failure == "full from here" and count >= self.at and name in ("write", "mkdir"):
            if name == "write" and count == self.at:
                return real(args[0], bytes(args[1])[: len(args[1]) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.failure == "done, but says it failed" and count == self.at:
            real(*args, **kwargs)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.failure == "gone from here" and count >= self.at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args, **kwargs)

    @contextmanager
    def mounted(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in CHANGING:
                real = getattr(os, name)
                patch.setattr(os, name, lambda *a, _n=name, _r=real, **k: self.call(_n, _r, *a, **k))
            syncfs = files._syncfs
            patch.setattr(files, "_syncfs", lambda descriptor: self.call("syncfs", syncfs, descriptor))
            yield


def calls_of(work: Callable[[], object]) -> list[str]:
    """Those that `work` makes, each of which may fail."""
    disk = Disk()
    with disk.mounted():
        work()
    return disk.calls


def cut_off(work: Callable[[], object], failure: str, at: int) -> None:
    """Does `work` where the `at`-th call fails, or is the last of a process: then in one of its own."""

    def failing() -> None:
        with Disk(failure, at).mounted(), suppress(OutputError):
            work()

    if failure != "killed":
        failing()
        return
    process = FORK.Process(target=failing)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
