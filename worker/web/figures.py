"""Figures of the state, cached for a while, and of the disks."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from worker.errors import StateError
from worker.model import Millis, Server, State
from worker.store import Overview, Reader, database_bytes, read_overview

FRESH_S = 2.0
"""Figures are reused for this long …"""
SHARE = 20
"""… or, if they take long to read, for so many times that long."""


async def bytes_of_state(state: State, reader: Reader) -> int:
    """The size of the state: a SQLite database with its log, or what PostgreSQL reports for its database; 0 if it does
    not answer."""
    if isinstance(state, Server):
        try:
            return await reader(database_bytes)
        except StateError:
            return 0
    return await asyncio.to_thread(_file_bytes, state)


def _file_bytes(path: Path) -> int:
    files = (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm"))
    return sum(file.stat().st_size for file in files if file.exists())


def free_bytes(**folders: Path) -> Mapping[str, int]:
    """The bytes that this user may still write there; without folders that can't be examined."""
    found = {}
    for name, folder in folders.items():
        try:
            found[name] = shutil.disk_usage(folder).free
        except OSError:
            continue
    return found


class Figures:
    """The overview of the state, read at most once at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = asyncio.Lock()
        self._read: Overview | None = None
        self._until = 0.0

    async def overview(self, now: Millis) -> Overview:
        """Raises StateError."""
        async with self._lock:
            if self._read is None or time.monotonic() > self._until:
                begun = time.monotonic()
                self._read = await self._reader(read_overview, now=now)
                cost_s = time.monotonic() - begun
                self._until = time.monotonic() + max(FRESH_S, SHARE * cost_s)
            return self._read
