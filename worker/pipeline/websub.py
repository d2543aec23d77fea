"""What hubs are asked, and what they send: questions whether a subscription is ours, and pushes
(https://www.w3.org/TR/websub/).

A push is only a hint: the feed is polled, at once if it is its host's turn. The push's body is not read as a feed. So
nothing comes from a hub that the publisher does not publish, validators and hashes are always from the publisher's own
answers, and no order of pushes and polls can lose an entry or bring it twice.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import assert_never

import structlog

from worker.fetch import Client
from worker.model import (
    Accepted,
    Fetched,
    FetchFailed,
    Millis,
    NotModified,
    Outcome,
    Poll,
    Redirected,
    Subscribe,
    Subscribed,
    Throttled,
)
from worker.pipeline.gets import held
from worker.store import Store

ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
"""Allowed in X-Hub-Signature (https://www.w3.org/TR/websub/#signature-validation)."""
LEASE_S = 10 * 86_400
"""For how long a hub is asked to announce a feed's entries; it may grant less."""
DEFAULT_LEASE_S = 86_400
"""Assumed if a hub does not say for how long, although it must."""

log = structlog.stdlib.get_logger("feedmill.websub")


async def subscribe(
    work: Poll,
    wanted: Subscribe,
    *,
    client: Client,
    callback: Callable[[str], str] | None,
    clock: Callable[[], Millis],
) -> Subscribed:
    """Asks a hub to announce new entries (https://www.w3.org/TR/websub/#subscriber-sends-subscription-request).

    Redirects are not followed, because the secret is for the hub that the publisher names. `hub.secret` is sent
    even without TLS, because it still keeps out anyone who can't listen in on the way.
    """
    error, hold = None, None
    match await _asked(work.url, wanted, client, callback):
        case Accepted():
            pass
        case Throttled(status=status, retry_after_s=asked):
            error, hold = f"{status}: the hub asks for patience", held(clock(), asked)
        case FetchFailed(reason=reason):
            error = f"the hub could not be asked: {reason}"
        case Redirected() | NotModified() | Fetched():
            error = "the hub answers with a redirect, which is not followed"
        case _ as never:
            assert_never(never)
    return Subscribed(lease=work.lease, feed_id=work.feed_id, at=clock(), error=error, not_before=hold)


async def _asked(
    hub: str, wanted: Subscribe, client: Client, callback: Callable[[str], str] | None
) -> Outcome | Accepted:
    if callback is None:
        return FetchFailed(kind="protocol", reason="web.public_url is not set")
    form = {
        "hub.mode": "subscribe",
        "hub.topic": wanted.topic,
        "hub.callback": callback(wanted.token),
        "hub.lease_seconds": str(LEASE_S),
        "hub.secret": wanted.secret,
    }
    return await client.post(hub, form)


class Hubs:
    """Answers hubs. `wake` is called when work has become due."""

    def __init__(self, *, store: Store, clock: Callable[[], Millis], wake: Callable[[], None]) -> None:
        self._store, self._clock, self._wake = store, clock, wake

    async def knows(self, token: str) -> bool:
        """Whether the callback with this token belongs to a subscription."""
        return await self._store.subscription(token) is not None

    async def verifies(self, token: str, *, mode: str, topic: str, lease: str) -> bool:
        """Whether to confirm what a hub asks. We never unsubscribe; a subscription that is no longer wanted runs
        out."""
        if mode != "subscribe":
            return False
        lease_s = int(lease) if lease.isascii() and lease.isdigit() and len(lease) <= 12 else DEFAULT_LEASE_S
        ours = await self._store.verified(token, topic=topic, lease_s=lease_s, now=self._clock())
        if ours:
            log.info("hub.agreed", topic=topic, lease_s=lease_s)
        return ours

    async def denied(self, token: str, *, topic: str, reason: str) -> bool:
        """Notes that a hub refuses or ends a subscription. Returns whether it was ours."""
        ours = await self._store.denied(token, topic=topic, reason=reason[:200], now=self._clock())
        if ours:
            log.warning("hub.denied", topic=topic, reason=reason[:200])
        return ours

    async def pushed(self, token: str, *, body: bytes, signature: str) -> None:
        """Handles a push. Without the right signature it is ignored, and the sender is not told."""
        known = await self._store.subscription(token)
        if known is None:
            return
        if not is_signed(body, signature, known.secret):
            log.warning("push.unsigned", feed=known.feed_id)
            return
        due_at = await self._store.pushed(known.feed_id, now=self._clock())
        wait_s = None if due_at is None else (due_at - self._clock()) / 1000
        log.info("push.heard", feed=known.feed_id, poll_in_s=wait_s)
        self._wake()


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether X-Hub-Signature, `method=hexdigest`, is the HMAC of the body (RFC 6151 explains why sha1 is still good
    enough)."""
    method, _, digest = signature.strip().partition("=")
    if method.lower() not in ALGORITHMS or not digest.isascii():
        return False
    expected = hmac.new(secret.encode(), body, method.lower()).hexdigest()
    return hmac.compare_digest(expected, digest.strip().lower())
