"""How far a server's 304 Not Modified is believed.

Some servers, and more of the caches in front of them, go on answering 304 after the feed has changed. So now and then
the whole document is requested without validators: seldom, and ever more seldom if the 304s turn out to be right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from worker.model import DAY_MS, Millis

FIRST_AUDIT, RAREST_AUDIT = 32, 1024
"""304s in a row before the whole document is requested: FIRST_AUDIT at first, at most RAREST_AUDIT."""
DISTRUST_MS = 14 * DAY_MS
"""How long no validators are sent to a server whose 304 was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """In the validators of one feed."""

    unchanged: int = 0
    """304s since the last whole document."""
    whole_at: Millis | None = None
    """When that came."""
    audit_after: int = FIRST_AUDIT
    distrusted_until: Millis | None = None

    def is_conditional(self, now: Millis) -> bool:
        """Whether the next request carries validators. There is at most one audit a day, however often the feed is
        polled."""
        if self.distrusted_until is not None and now < self.distrusted_until:
            return False
        return self.unchanged < self.audit_after or (self.whole_at is not None and now - self.whole_at < DAY_MS)

    def not_modified(self) -> Trust:
        """After a 304."""
        return replace(self, unchanged=self.unchanged + 1)

    def whole(self, now: Millis, *, lied: bool) -> Trust:
        """After a 200. lied: it had entries that the 304s before it concealed."""
        if lied:
            return Trust(whole_at=now, distrusted_until=Millis(now + DISTRUST_MS))
        audited = self.unchanged >= self.audit_after
        audit_after = min(self.audit_after * 2, RAREST_AUDIT) if audited else self.audit_after
        return replace(self, unchanged=0, whole_at=now, audit_after=audit_after)
