"""Whether there is room for more: space on the disks, and an archive that takes pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from worker.telemetry.vitals import Vitals

log = structlog.stdlib.get_logger("feedmill.engine")


class Room:
    """Without room no new work is begun. Work under way still ends (unless that is what waits for room), and records
    are published as long as they fit."""

    def __init__(self, shortage: Callable[[], str | None], *, vitals: Vitals, wake: Callable[[], None]) -> None:
        """shortage: why there is no room, or None; called in a thread. vitals: where that is stored. wake: called when
        there is room again."""
        self._shortage, self._vitals, self._wake = shortage, vitals, wake
        self._looking = asyncio.Lock()

    async def look(self) -> None:
        if self._looking.locked():
            return  # the disk, a network file system say, does not answer
        async with self._looking:
            short = await asyncio.to_thread(self._shortage)
        if (short is None) != (self._vitals.shortage is None):
            if short is not None:
                log.warning("room.short", reason=short)
            else:
                log.info("room.enough")
                self._wake()
        self._vitals.shortage = short
