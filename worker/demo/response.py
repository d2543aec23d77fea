"""A demo host's answers, and when 304 replaces them (RFC 9110, 13.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer before it meets a socket."""

    status: int
    body: bytes
    content_type: str
    etag: str | None = None
    last_modified: datetime | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The header fields; the transport adds the length."""
        fields = [("Content-Type", self.content_type)] if self.body else []
        if self.etag is not None:
            fields.append(("ETag", self.etag))
        if self.last_modified is not None:
            fields.append(("Last-Modified", http_date(self.last_modified)))
        return tuple(fields)


def validated(body: bytes, *, content_type: str, last_modified: datetime) -> Response:
    """A 200 with validators: a strong ETag derived from the bytes, and the time of the last change."""
    etag = f'"{sha256(body).hexdigest()[:24]}"'
    return Response(status=200, body=body, content_type=content_type, etag=etag, last_modified=last_modified)


def conditional(response: Response, *, if_none_match: str | None, if_modified_since: str | None) -> Response:
    """The response, or the 304 that replaces it; If-None-Match takes precedence over If-Modified-Since if both are
    sent."""
    if response.status != 200 or response.etag is None or response.last_modified is None:
        return response
    if if_none_match is not None:
        known = _names(if_none_match, response.etag)
    else:
        since = _instant(if_modified_since)
        known = since is not None and response.last_modified.replace(microsecond=0) <= since
    return replace(response, status=304, body=b"") if known else response


def http_date(moment: datetime) -> str:
    """A time as HTTP writes it: whole seconds, GMT."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the list names this ETag; the comparison is weak, as it is for GET."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


def _instant(value: str | None) -> datetime | None:
    """The time that a client sent; None if it is not a date, as if none was sent."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
