"""What the requests of polls, walks and ingests have in common: headers, and what becomes of the work after a redirect,
or if the host asks to wait."""

from __future__ import annotations

from collections.abc import Mapping

from worker import urls
from worker.model import MAX_REDIRECTS, Feed, FetchFailed, Ingest, Millis, Moved, Outcome, Poll, Redirected, Walk

ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
ACCEPT_PAGE = "text/html, application/xhtml+xml, application/xml;q=0.9, text/plain;q=0.8, */*;q=0.1"
PATIENCE_S = 300.0
"""How long a feed or page is left alone if its host asks to wait without saying for how long."""
_LONGEST_HOLD_S = 86_400.0
"""For a host as a whole: one of its feeds may ask for a longer wait, but holds up the others no longer than this."""


def headers_for(feed: Feed, url: str) -> Mapping[str, str]:
    """The feed's own headers, which may be secret, if `url` is on its own origin; otherwise none."""
    return feed.headers if feed.headers and urls.origin_of(url) == urls.origin_of(feed.url) else {}


def within_redirects(outcome: Outcome, hops: int) -> Outcome:
    """`outcome`, or a failure if it is one redirect too many after `hops` of them."""
    if isinstance(outcome, Redirected) and hops >= MAX_REDIRECTS:
        return FetchFailed(kind="redirects", reason=f"more than {MAX_REDIRECTS} redirects")
    return outcome


def moved(work: Poll | Ingest | Walk, to: Redirected, now: Millis) -> Moved:
    """The work after a redirect: it waits for a turn again, of the same host or another."""
    return Moved(
        lease=work.lease,
        url=to.url,
        host=urls.host_of(to.url),
        hops=work.hops + 1,
        permanent=isinstance(work, Poll) and work.permanent and to.permanent,
        not_before=None if to.retry_after_s is None else Millis(now + round(to.retry_after_s * 1000)),
    )


def held(now: Millis, asked_s: float | None) -> Millis | None:
    """Until when to leave a host alone that asked to wait for `asked_s`; None if it did not say how long (it is slowed
    down instead)."""
    return None if asked_s is None else Millis(now + round(min(asked_s, _LONGEST_HOLD_S) * 1000))


def same_host(address: str | None, url: str) -> str | None:
    """`address` if it is on the host of `url` and not less safe, else None: a document must not send the worker around
    the web."""
    if address is None or urls.host_of(address) != urls.host_of(url):
        return None
    return None if urls.loses_tls(url, address) else address
