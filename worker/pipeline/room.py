"""Space on disk: when it runs short, no new work is begun, before writing fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

AGAIN = 1.1
"""After a shortage, so many times the required space has to be free before work goes on, so that a file that comes and
goes does not start and stop it every second."""


def free_bytes(folder: Path) -> int:
    """The bytes free for this user on the folder's file system."""
    return shutil.disk_usage(folder).free


class Room:
    """Watches the file systems that are written to."""

    def __init__(self, folders: Sequence[Path], *, min_free: int, free: Callable[[Path], int] = free_bytes) -> None:
        """min_free: bytes required on each of them."""
        self._folders, self._min_free, self._free = folders, min_free, free
        self._short = False

    def shortage(self) -> str | None:
        """Where there is too little space, as a line for people; None if there is enough."""
        wanted = self._min_free * AGAIN if self._short else self._min_free
        for folder in self._folders:
            try:
                free = self._free(folder)
            except OSError:
                continue  # writing there will report what is wrong
            if free < wanted:
                self._short = True
                return f"{folder} has {_exact(free)} free, output.min_free is {_exact(self._min_free)}"
        self._short = False
        return None


def _exact(size: float) -> str:
    """To the tenth of a MB: what is free is often just below what is wanted, and they must not read the same."""
    return f"{size / 1_000_000:,.1f} MB" if size >= 1_000_000 else f"{size / 1000:.1f} kB"
