"""What the head of an answer means. Pure; if the body is wanted, it is read elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from urllib.parse import urldefrag

from worker import urls
from worker.fetch.failures import named, one_line
from worker.fetch.request import bare, sendable
from worker.fetch.retry_after import retry_after_s
from worker.model import FetchFailed, Freshness, Hub, NotModified, Redirected, Throttled, Validators
from worker.schedule import freshness, http_date_s

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_LINK = re.compile(r"<([^<>]{1,2000})>([^<>]{0,1000})")  # a link and its parameters, up to the next link
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
_LONGEST_LINKS = 8_000  # characters; a head has 100 kB at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status and header fields as received."""

    status: int
    fields: InitVar[Sequence[tuple[bytes, bytes]]]
    _values: dict[bytes, list[bytes]] = field(default_factory=dict, init=False)
    """The values of each field, by its name in lower case."""

    def __post_init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        for name, value in fields:
            self._values.setdefault(name.lower(), []).append(value)

    def all(self, name: str) -> list[str]:
        """The values of the field `name` (lower case), decoded as Latin-1 so that every byte is preserved."""
        return [value.decode("latin-1") for value in self._values.get(name.encode("ascii"), ())]

    def first(self, name: str) -> str | None:
        values = self._values.get(name.encode("ascii"))
        return values[0].decode("latin-1") if values else None

    @property
    def validators(self) -> Validators:
        """Verbatim, but only if they can be sent back: otherwise a value of 100 kB might be stored for each page."""
        return Validators(etag=sendable(self.first("etag")), last_modified=sendable(self.first("last-modified")))

    def hub(self, url: str) -> Hub | None:
        """The hub that Link fields (RFC 8288) of the answer from `url` advertise; it takes precedence over the
        document's (https://www.w3.org/TR/websub/#discovery)."""
        if not (lines := self.all("link")):
            return None
        hub, topic = None, None
        for match in _LINK.finditer(",".join(lines)[:_LONGEST_LINKS]):
            relation = _RELATION.search(match[2])
            relations = (relation[1] or relation[2] or "").lower().split() if relation else []
            address = urls.absolute(_utf8(match[1]), base=url) if relations else None
            if "hub" in relations:
                hub = hub or address
            elif "self" in relations:
                topic = topic or address
        return None if hub is None else Hub(url=hub, topic=topic or url)

    def retry_after_s(self, now_s: float) -> float | None:
        """How many seconds the answer, received at `now_s` (UTC since 1970), asks to wait. A date in it is compared
        with the server's own Date, because our clock may differ."""
        theirs_s = http_date_s(self.first("date"))
        return retry_after_s(self.first("retry-after"), now_s=now_s if theirs_s is None else theirs_s)

    def fresh(self, now_s: float) -> Freshness | None:
        """How long the answer, received at `now_s` (UTC since 1970), stays fresh."""
        return freshness(
            cache_control=self.all("cache-control"),
            age=self.first("age"),
            expires=self.first("expires"),
            date=self.first("date"),
            now_s=now_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The body is what was asked for."""


Meaning = Content | Redirected | NotModified | Throttled | FetchFailed


def meaning(head: Head, *, url: str, conditional: bool, forwarded: bool = False, now_s: float) -> Meaning:
    """What `head`, the answer to a GET of `url` at `now_s` (UTC since 1970), means.

    `conditional`: validators were sent. `forwarded`: through a proxy, which may have answered itself.

    A 203 is a 200 that a proxy has changed (RFC 9110 section 15.3.4); the other 2xx have no content, or not all of it.
    """
    match head.status:
        case 200 | 203:
            return Content()
        case 304 if conditional:
            return NotModified(validators=head.validators, fresh=head.fresh(now_s))
        case 304:
            return FetchFailed(kind="protocol", reason="304 Not Modified to a request that named no version")
        case status if status in _REDIRECTS:
            return _redirected(head, url, now_s)
        case 429 | 503:
            # A wait of 0, or until a time that is past, names none: who refuses does not want to be asked at once.
            return Throttled(status=head.status, retry_after_s=head.retry_after_s(now_s) or None)
        case 407 if forwarded:
            return FetchFailed(kind="connect", reason=f"the proxy answered {named(407)}")
        case status:
            return FetchFailed(kind="status", status=status, reason=named(status))


def _redirected(head: Head, url: str, now_s: float) -> Redirected | FetchFailed:
    location = head.first("location")
    if location is None:
        return FetchFailed(kind="protocol", reason=f"{named(head.status)} without a Location")
    target = urls.absolute(_utf8(location), base=url)
    if target is None:
        shown = one_line(urls.without_credentials(location))
        return FetchFailed(kind="redirects", reason=one_line(f"redirect to what is not an http(s) URL: {shown!r}"))
    if urldefrag(bare(target)).url == urldefrag(bare(url)).url:  # following it would lead there again
        return FetchFailed(kind="redirects", reason="redirect to itself (for want of a cookie? feedmill keeps none)")
    return Redirected(
        url=bare(target),
        permanent=head.status in _PERMANENT,
        retry_after_s=head.retry_after_s(now_s),
    )


def _utf8(text: str) -> str:
    """A Location has no charset. If it is not ASCII, it is more often UTF-8 than Latin-1."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return text
