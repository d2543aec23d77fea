"""What a fetch comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from worker.model.document import Hub
from worker.model.timing import Freshness
from worker.model.work import Validators

FailureClass = Literal["permanent", "server", "throttled", "network", "dns", "parse"]
"""What a failed poll says of the next: `schedule` gives them their weights."""
FailureKind = Literal[
    "address", "dns", "connect", "tls", "timeout", "too_large", "encoding", "protocol", "redirects", "status"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A 200 with its whole body, decoded from its transfer and content encodings."""

    url: str
    """As it was asked for: without credentials, its host in A-labels."""
    status: int
    content_type: str | None
    validators: Validators
    fresh: Freshness | None = None
    hub: Hub | None = None
    """As its Link fields advertise one."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Any 2xx to a POST."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """A 304; the validators it carried, which may be none."""

    validators: Validators
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirected:
    """A redirect: the turn of the host that it leads to, be it the same one, has to be waited for."""

    url: str
    """Absolute, http or https, without credentials."""
    permanent: bool
    """A 301 or 308, which change the address for good (RFC 9110 section 15.4)."""
    retry_after_s: float | None = None
    """Seconds to wait before following it (RFC 9110 section 10.2.3)."""


MAX_REDIRECTS = 10
"""In a row, before a feed or page is given up; RFC 9309 section 2.3.1.2 asks for 5 at least, browsers follow 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """429 or 503: the host asks for patience. Not a failure of the feed."""

    status: int
    retry_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailed:
    """No answer, or none that can be used."""

    kind: FailureKind
    reason: str
    """One line for people, with nothing secret in it."""
    status: int | None = None

    @property
    def lasting(self) -> bool:
        """Asking the same again soon would give the same: the page is gone, refused, or not to be taken in."""
        if self.kind == "status":
            return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 425, 429)
        return self.kind in ("address", "too_large", "encoding", "redirects")


Outcome = Fetched | NotModified | Redirected | Throttled | FetchFailed
