"""One process holds a thing, as long as it lives: the state, the output directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Held(Exception):
    """Another process holds it; `holder` names that, as it has named itself."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def holding(file: Path) -> Iterator[bool]:
    """Holds `file`, made where it is not there; gives whether its last holder died. Raises Held, OSError.

    The kernel drops the lock with the process, however it ends; the file stays, and names who did not come to an end.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(os.read(descriptor, 200).decode(errors="replace").strip() or "another process") from None
        died = os.fstat(descriptor).st_size > 0
        # In this order: on a full disk nothing is written, and the one who died must not be forgotten for that.
        os.ftruncate(descriptor, os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0))
        yield died
        # Not after an error: what was wrong may still be. A disk that is read-only by now leaves the name there.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether a process holds it. Needs no permission to write; sees no further than the lock does, which over some
    network file systems is this machine. Raises OSError."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
