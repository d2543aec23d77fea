"""What a request contains: who asks, for what, which version is known already, and secrets.

The URL that is sent is made of our own parse of it and not parsed again on the way, because two readings of one URL are
how secrets get to the wrong host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from worker import urls
from worker.model import NO_VALIDATORS, Validators

# A field value (RFC 9110 section 5.5) without the control characters that h11 lets pass; Latin-1.
_FIELD_VALUE = re.compile(r"[\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?")
_LONGEST_VALIDATOR = 1_000  # characters; servers refuse requests over some 8 kB of headers
# Characters that are not escaped in a target. Control characters are among them, so that h11 refuses them.
_TARGET = "".join(map(chr, {*range(128)} - {*b' "<>`{}'}))
_NOT_IN_COMMENT = re.compile(r"[^\x21-\x7e]|[()\\]")  # RFC 9110 section 5.6.5

Headers = list[tuple[bytes, bytes]]


def user_agent(contact: str | None, version: str) -> str:
    """`feedmill/0.1.0 (+https://example.org/bot)`, the form that site owners know from other crawlers.

    A mail address becomes a `mailto:`; without `contact` there is no comment.
    """
    contact = _NOT_IN_COMMENT.sub("", contact or "")
    if "@" in contact and ":" not in contact:
        contact = f"mailto:{contact}"
    return f"feedmill/{version}" + (f" (+{contact})" if contact else "")


def bare(url: str) -> str:
    """`url` without credentials, its host in A-labels. Raises urls.BadUrl."""
    if urls.is_plain(url):
        return url
    host, parts = urls.host_of(url), urlsplit(url)
    netloc = (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")
    return parts._replace(netloc=netloc).geturl()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request: where it goes, and what it contains."""

    url: str
    """Without credentials, its host in A-labels."""
    origin: urls.Origin
    """Of that URL."""
    fields: Mapping[str, str] = field(repr=False)
    """Headers by lower-case name. May contain secrets, hence not in repr()."""
    validators: Validators
    content: bytes | None = field(default=None, repr=False)
    """Sent as a POST; None: a GET. May contain secrets."""

    @classmethod
    def of(
        cls,
        url: str,
        *,
        user_agent: str,
        accept: str,
        headers: Mapping[str, str],
        validators: Validators,
        content: bytes | None = None,
    ) -> Asking:
        """`headers` override User-Agent, Accept, and the credentials in `url`, which are sent as Basic authentication.

        Raises urls.BadUrl.
        """
        return cls(
            url=bare(url),
            origin=urls.origin_of(url),
            fields={"user-agent": user_agent, "accept": accept}
            | ({"authorization": given} if (given := urls.basic(url)) else {})
            | {name.lower(): value for name, value in headers.items()},
            validators=Validators(etag=sendable(validators.etag), last_modified=sendable(validators.last_modified)),
            content=content,
        )

    @property
    def conditional(self) -> bool:
        """Whether the answer may be a 304."""
        return self.validators != NO_VALIDATORS

    @property
    def target(self) -> bytes:
        """Path and query for the origin, escaped where necessary."""
        if urls.is_plain(self.url):
            return self.url[self.url.index("/", len("https://")) :].encode("ascii")
        parts = urlsplit(self.url)
        path = urls.without_dots(parts.path) or "/"
        return quote(f"{path}?{parts.query}" if parts.query else path, safe=_TARGET).encode("ascii")

    def headers(self) -> Headers:
        """The header fields as they are sent; httpx adds Host and Content-Length. Raises UnicodeError."""
        # Decoded by whole_body(), with a bounded size.
        fields = {**self.fields, "accept-encoding": "gzip"}
        lines = [(name.encode("ascii"), value.encode()) for name, value in fields.items()]
        # Both, in their original bytes: a server that knows both uses the ETag (RFC 9110 section 13.1.3).
        if self.validators.etag is not None:
            lines.append((b"if-none-match", self.validators.etag.encode("latin-1")))
        if self.validators.last_modified is not None:
            lines.append((b"if-modified-since", self.validators.last_modified.encode("latin-1")))
        return lines


def sendable(validator: str | None) -> str | None:
    """The validator, or None if it would break the request: it is text from a stranger."""
    if validator is None or len(validator) > _LONGEST_VALIDATOR or not _FIELD_VALUE.fullmatch(validator):
        return None
    return validator
