"""A lock that one process holds as long as it lives, on the state or the output directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from worker.ownership import hand_over


class Held(Exception):
    """Another process holds it; `holder` is how that process has named itself."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def holding(file: Path) -> Iterator[bool]:
    """Holds `file`, which is created if necessary. Gives whether its last holder died. Raises Held, OSError.

    The kernel releases the lock when the process ends, however it does. The file stays, and still names a process that
    did not end properly.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    hand_over(file)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(os.read(descriptor, 200).decode(errors="replace").strip() or "another process") from None
        died = os.fstat(descriptor).st_size > 0
        # In this order: if the disk is full, writing fails, and the name of the process that died must stay.
        os.ftruncate(descriptor, os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0))
        yield died
        # Not after an error, whose cause may persist. If the disk has become read-only, the name stays, too.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Whether a process holds it. Needs no write permission. Sees only as far as the lock reaches, which on some
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
