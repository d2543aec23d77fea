"""A feed's URL as its owner writes it: where to ask, what identifies it, and the credentials it carried."""

from __future__ import annotations

import base64
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
    """Where a feed is."""

    url: str
    """As written, without credentials."""
    canonical: str
    authorization: str | None = field(default=None, repr=False)
    """The value of the Authorization header that `user:password@` stood for (RFC 7617)."""


def address(text: str) -> Address | None:
    """The address that `text` writes, `feed:` before it or not; None where it is no absolute http(s) URL."""
    url = urls.absolute(urls.of_feed_scheme(text))
    if url is None:
        return None
    canonical = urls.canonical(url)
    if "@" not in url:
        return Address(url=url, canonical=canonical)
    parts = urlsplit(url)
    if parts.username is None:
        return Address(url=url, canonical=canonical)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Address(
        url=urls.without_credentials(url),
        canonical=canonical,
        authorization="Basic " + base64.b64encode(pair.encode()).decode("ascii"),
    )


def hidden(url: str, secrets: Sequence[str]) -> str:
    """`url` without the `secrets` in it, as it may be told to anybody. Its host is no secret: it is asked of DNS."""
    if not secrets:
        return url
    parts = urlsplit(url)
    rest = parts._replace(scheme="", netloc="").geturl()
    for secret in sorted(secrets, key=len, reverse=True):
        for written in (secret, quote(secret, safe=""), quote(secret)):
            rest = rest.replace(written, "***")
    return f"{parts.scheme}://{parts.netloc}{rest}"


def put_into(url: str, told: str) -> tuple[str, ...]:
    """What `hidden` has left out of `url`, given that and what it has `told`; as it stands there, and unescaped."""
    if told in ("", url):
        return ()
    found = re.fullmatch("(.+?)".join(map(re.escape, told.split("***"))), url)
    return () if found is None else tuple({text for part in found.groups() for text in (part, unquote(part))})


def slug(canonical: str, secrets: Sequence[str] = ()) -> str:
    """A readable id for the feed at a canonical URL: `https://example.org/feed.xml` → `example.org-feed.xml`.

    It depends on the URL alone, so it stays when other feeds come and go. Where letters, digits, `.`, `_` and `-`
    cannot tell the whole URL in 80 characters, eight hexadecimal digits of its SHA-256 stand at the end. They stand
    for the query too, which may hold keys that are nobody's to read, as do the `secrets`.
    """
    told = hidden(canonical, secrets)
    rest = told.partition("://")[2].partition("?")[0]
    readable = re.sub(r"[^a-z0-9._]+", "-", rest.lower()).strip("-._")
    if _READABLE.fullmatch(told) and len(readable) <= _MAX_SLUG:
        return readable
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:8]
    return f"{readable[: _MAX_SLUG - 9].rstrip('-._')}-{digest}".lstrip("-")
