"""The leases that this process holds, which are its work under way."""

from __future__ import annotations

from collections.abc import Sequence

from worker.engine import limits
from worker.engine.clock import Clock
from worker.model import Lease, Millis, Work
from worker.store import Store, monotonic_ms
from worker.telemetry.vitals import Vitals


class Leases:
    """Leases from claim to commit. At most `vitals.most` may be held at once; one, while this machine is unable to
    work."""

    def __init__(self, store: Store, clock: Clock, *, vitals: Vitals) -> None:
        self._store, self._clock, self._vitals = store, clock, vitals
        self._held: dict[int, Lease] = {}
        self._renewed_at = monotonic_ms()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def room(self) -> int:
        """How many more may be held."""
        return (self._vitals.most if self._vitals.unable is None else 1) - len(self._held)

    def take(self, works: Sequence[Work]) -> None:
        self._held.update((work.lease.work_id, work.lease) for work in works)

    def drop(self, lease: Lease) -> None:
        self._held.pop(lease.work_id, None)

    @property
    def lapsed(self) -> bool:
        """Whether this process stood still for so long that others may have its work now."""
        return monotonic_ms() - self._renewed_at > limits.LEASE_MS

    async def renew(self) -> None:
        """Renews all of them if that is due. Raises StateError."""
        if not self._held:
            self._renewed_at = monotonic_ms()
        elif monotonic_ms() - self._renewed_at > limits.RENEW_MS:
            at = monotonic_ms()
            until = Millis(self._clock.now() + limits.LEASE_MS)
            await self._store.renew(list(self._held.values()), until=until)
            self._renewed_at = at
