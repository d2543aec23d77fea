"""What hubs send (https://www.w3.org/TR/websub/#receiving-push): questions whether a subscription is ours, and pushes.

A push is only a hint: the feed is polled, at once if it is its host's turn. The push's body is not read as a feed. So
nothing comes from a hub that the publisher does not publish, validators and hashes are always from the publisher's own
answers, and no order of pushes and polls can lose an entry or bring it twice.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import structlog

from worker.model import Millis
from worker.store import Store

ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
"""Allowed in X-Hub-Signature (https://www.w3.org/TR/websub/#signature-validation)."""
DEFAULT_LEASE_S = 86_400
"""Assumed if a hub does not say for how long, although it must."""

log = structlog.stdlib.get_logger("feedmill.websub")


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
