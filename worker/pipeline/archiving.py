"""Pages → archive. One that can't be stored waits here, because its record has to say where it is, and asking the site
for it again would not bring the same page."""

from __future__ import annotations

import asyncio

from worker.errors import OutputError
from worker.output import Archive, Page
from worker.record import Raw

AGAIN_S = 1.0
"""Time between two attempts."""


class Archiver:
    """Archives pages, for one event loop. Pages that wait are in memory: begin nothing new while there is `trouble`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._refused = ""

    @property
    def trouble(self) -> str | None:
        """Why pages wait; None: none does. May be called from any thread."""
        return self._refused if self._waiting else None

    async def keep(self, page: Page) -> Raw | None:
        """Stores the page, as soon as that is possible, and returns where it is; None if its article was taken down
        meanwhile."""
        try:
            return await asyncio.to_thread(self._archive.add, page)
        except OutputError as error:
            return await self._kept_later(page, error)

    async def _kept_later(self, page: Page, error: OutputError) -> Raw | None:
        self._waiting += 1
        self._refused = str(error)
        try:
            async with self._turn:  # one page tries for all
                while True:
                    await asyncio.sleep(AGAIN_S)
                    try:
                        return await asyncio.to_thread(self._archive.add, page)
                    except OutputError as error:
                        self._refused = str(error)
        finally:
            self._waiting -= 1
