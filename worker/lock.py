"""A lock that one process holds as long as it lives, on the state or the output directory."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from worker.ownership import hand_over

_BLOCK = 4096
"""The file is never longer: a block that it has can be written again, even if the disk is full by then."""
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
_TRIES, _TRY_S = 3, 0.005
"""`is_held` itself holds the file, for microseconds: whoever wants it then must not take that for another holder."""


class Held(Exception):
    """Another process holds it; `holder` is how that process has named itself."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What a process holds. Only good as long as the file has its name: whoever comes later looks for that."""

    file: Path
    descriptor: int
    died: bool
    """Whether its last holder died."""

    def look(self) -> Literal["kept", "removed", "replaced"]:
        """What became of the file. If it was replaced, another process may hold that one, or have held it. What a
        failing disk does not show is looked at the next time."""
        try:
            same = os.path.samestat(self.file.stat(), os.fstat(self.descriptor))
        except (FileNotFoundError, NotADirectoryError):
            return "removed"
        except OSError:
            return "kept"
        return "kept" if same else "replaced"

    def say(self, said: str) -> None:
        """Adds to the name what others may read (`said_in`). Raises OSError."""
        _name(self.descriptor, said)

    def take_again(self) -> None:
        """Holds the file that has the name now, which is created if necessary. Raises Held, OSError."""
        descriptor = os.open(self.file, _FLAGS, 0o644)
        hand_over(self.file)
        try:
            _lock(descriptor)
            os.dup2(descriptor, self.descriptor, inheritable=False)
        except OSError:
            self.file.unlink(missing_ok=True)  # as nobody holds it, or it would be taken for another process's
            raise
        finally:
            os.close(descriptor)
        with suppress(OSError):  # it is held, even if the disk is full
            _name(self.descriptor)


@contextmanager
def holding(file: Path) -> Iterator[Hold]:
    """Holds `file`, which is created if necessary. Raises Held, OSError.

    The kernel releases the lock when the process ends, however it does. The file stays, and still names a process that
    did not end properly.
    """
    descriptor = os.open(file, _FLAGS, 0o644)
    hand_over(file)
    try:
        _lock(descriptor)
        died = os.fstat(descriptor).st_size > 0
        _name(descriptor)
        yield Hold(file=file, descriptor=descriptor, died=died)
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


def said_in(file: Path) -> str:
    """What its holder says, or the last one said that died. Raises OSError."""
    return file.read_text(errors="replace").partition("\n")[2]


def _lock(descriptor: int) -> None:
    """Raises Held, OSError."""
    for left in reversed(range(_TRIES)):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                named = os.read(descriptor, 200).decode(errors="replace").partition("\n")[0].strip()
                raise Held(named or "another process") from None
        time.sleep(_TRY_S)


def _name(descriptor: int, said: str = "") -> None:
    """In this order: if the disk is full, writing fails, and the name of the process that died must stay."""
    named = f"process {os.getpid()}\n{said}".encode()[:_BLOCK]
    os.ftruncate(descriptor, os.pwrite(descriptor, named, 0))
