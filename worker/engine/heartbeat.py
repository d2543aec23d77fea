"""Reports of this process to the others on the same state."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from worker.errors import StateError
from worker.model import Member, Millis
from worker.store import Store
from worker.telemetry.vitals import Vitals


class Heartbeat:
    """Of a process that is one of many. Nothing depends on these reports: if the state refuses one, the next will
    do."""

    def __init__(self, store: Store, member: Member, *, now: Callable[[], Millis], vitals: Vitals) -> None:
        self._store, self._member, self._now, self._vitals = store, member, now, vitals

    async def beat(self) -> None:
        of = self._vitals
        with contextlib.suppress(StateError):
            await self._store.note_member(
                replace(
                    self._member,
                    seen_at=self._now(),
                    under_way=of.under_way,
                    most=of.most,
                    backlog=of.backlog,
                    trouble=of.said,
                )
            )

    async def leave(self) -> None:
        with contextlib.suppress(StateError):
            await self._store.leave(self._member.name)
