"""The outcome of a fetch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from worker.model.document import Hub
from worker.model.timing import Freshness
from worker.model.work import Validators

FailureClass = Literal["permanent", "server", "throttled", "network", "dns", "parse"]
"""What a failed poll means for the next one; `schedule` gives each a weight."""
FailureKind = Literal[
    "address", "dns", "connect", "tls", "timeout", "too_large", "encoding", "protocol", "redirects", "status"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A 200 with its whole body, decoded from its transfer and content encodings."""

    url: str
    """The requested URL, without credentials and with its host in A-labels."""
    status: int
    content_type: str | None
    validators: Validators
    fresh: Freshness | None = None
    hub: Hub | None = None
    """From its Link fields."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Any 2xx to a POST."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """A 304 with the validators it carried, if any."""

    validators: Validators
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirected:
    """A redirect. Following it has to wait for the turn of the host it leads to, even if that is the same."""

    url: str
    """Absolute, http or https, without credentials."""
    permanent: bool
    """A 301 or 308, which change the address for good (RFC 9110 section 15.4)."""
    retry_after_s: float | None = None
    """Seconds to wait before following it (RFC 9110 section 10.2.3)."""


MAX_REDIRECTS = 10
"""So many in a row are followed before a feed or page is given up. RFC 9309 section 2.3.1.2 asks for at least 5;
browsers follow 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """429 or 503: the host asks to wait. Not a failure of the feed."""

    status: int
    retry_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailed:
    """No answer, or none that can be used."""

    kind: FailureKind
    reason: str
    """One line for people, without secrets."""
    status: int | None = None

    @property
    def lasting(self) -> bool:
        """Whether asking again soon would give the same: the page is gone, refused, or can't be read."""
        if self.kind == "status":
            return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 425, 429)
        return self.kind in ("address", "too_large", "encoding", "redirects")


Outcome = Fetched | NotModified | Redirected | Throttled | FetchFailed
