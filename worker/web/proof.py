"""Protection against CSRF: requests that change something must come from our own pages.

A form carries a proof that a stranger's page, being of another origin, can't read; and browsers themselves say where a
request comes from (Sec-Fetch-Site, W3C Fetch Metadata; Origin, RFC 6454). A client that sends a bearer token is not a
browser.
"""

from __future__ import annotations

import hmac
import secrets

from starlette.datastructures import Headers


class Proof:
    """Valid for one process: a page loaded before a restart has to be loaded again."""

    def __init__(self) -> None:
        self.text = secrets.token_urlsafe(24)

    def objection(self, headers: Headers, given: str, *, by_token: bool) -> str | None:
        """Why a request is refused; None if it is not."""
        if by_token:
            return None
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        if site is not None:  # to be trusted before Origin: a proxy may send a Host header of its own
            if site not in ("same-origin", "none"):
                return "it comes from another site's page"
        elif origin is not None and origin.partition("://")[2] != headers.get("host"):
            return "it comes from another site's page, or a proxy does not pass the Host header on"
        if not hmac.compare_digest(given.encode(), self.text.encode()):
            return "feedmill was restarted since the page was loaded: load it again"
        return None
