"""A feed's URL as its owner writes it: the address, what identifies it, and credentials in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from worker import urls

_MAX_SLUG = 80
_READABLE = re.compile(r"https://[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)*/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a feed."""

    url: str
    """As written, without credentials."""
    canonical: str
    authorization: str | None = field(default=None, repr=False)
    """The value of the Authorization header for `user:password@` in the URL (RFC 7617)."""


def address(text: str) -> Address | None:
    """The address in `text`, with or without `feed:` in front; None if it is not an absolute http(s) URL."""
    url = urls.absolute(urls.of_feed_scheme(text))
    if url is None:
        return None
    authorization = urls.basic(url) if "@" in url else None
    return Address(
        url=url if authorization is None else urls.without_credentials(url),
        canonical=urls.canonical(url),
        authorization=authorization,
    )


def hidden(url: str, secrets: Sequence[str]) -> str:
    """`url` with the `secrets` in it replaced, so that it may be shown. The host is no secret, because DNS is asked for
    it."""
    if not secrets:
        return url
    parts = urlsplit(url)
    rest = parts._replace(scheme="", netloc="").geturl()
    for secret in sorted(secrets, key=len, reverse=True):
        for written in (secret, quote(secret, safe=""), quote(secret)):
            rest = rest.replace(written, "***")
    return f"{parts.scheme}://{parts.netloc}{rest}"


def put_into(url: str, told: str) -> tuple[str, ...]:
    """The secrets in `url` that `hidden` has replaced in `told`, both as written there and unescaped."""
    if told in ("", url):
        return ()
    found = re.fullmatch("(.+?)".join(map(re.escape, told.split("***"))), url)
    return () if found is None else tuple({text for part in found.groups() for text in (part, unquote(part))})


def slug(canonical: str, secrets: Sequence[str] = ()) -> str:
    """A readable id for the feed at a canonical URL: `https://example.org/feed.xml` → `example.org-feed.xml`.

    It depends on the URL alone, so it does not change when other feeds come and go. If letters, digits, `.`, `_` and
    `-` can't represent the whole URL in 80 characters, eight hex digits of its SHA-256 are added at the end. They also
    stand for the query, which may contain private keys, and for the `secrets`.
    """
    told = hidden(canonical, secrets)
    rest = told.partition("://")[2].partition("?")[0]
    readable = re.sub(r"[^a-z0-9._]+", "-", rest.lower()).strip("-._")
    if _READABLE.fullmatch(told) and len(readable) <= _MAX_SLUG:
        return readable
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:8]
    return f"{readable[: _MAX_SLUG - 9].rstrip('-._')}-{digest}".lstrip("-")
