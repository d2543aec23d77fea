"""Callbacks that hubs call. Each contains a token that only its hub was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route

from worker.web.body import body_of
from worker.web.guard import OPEN_TO_THE_WORLD

BODY_S = 30.0
"""How long a push may take to arrive completely."""
_MOST_CHALLENGE = 4_000


class Hubs(Protocol):
    """Answers the calls; implemented by `pipeline.Hubs`. Methods may raise StateError, which makes the hub try
    again."""

    async def knows(self, token: str) -> bool: ...

    async def verifies(self, token: str, *, mode: str, topic: str, lease: str) -> bool: ...

    async def denied(self, token: str, *, topic: str, reason: str) -> bool: ...

    async def pushed(self, token: str, *, body: bytes, signature: str) -> None: ...


def callbacks(hubs: Hubs, *, max_bytes: int) -> Sequence[BaseRoute]:
    """The routes below `OPEN_TO_THE_WORLD`. max_bytes: of a push."""

    async def verify(request: Request) -> PlainTextResponse:
        """https://www.w3.org/TR/websub/#hub-verifies-intent, and -denied."""
        token, asked = request.path_params["token"], request.query_params
        mode, topic = asked.get("hub.mode", ""), asked.get("hub.topic", "")
        if mode == "denied":
            ours = await hubs.denied(token, topic=topic, reason=asked.get("hub.reason", ""))
            return PlainTextResponse("") if ours else PlainTextResponse("not ours\n", 404)
        challenge = asked.get("hub.challenge", "")
        if not challenge or len(challenge) > _MOST_CHALLENGE:
            return PlainTextResponse("no challenge\n", 400)
        ours = await hubs.verifies(token, mode=mode, topic=topic, lease=asked.get("hub.lease_seconds", ""))
        return PlainTextResponse(challenge) if ours else PlainTextResponse("not ours\n", 404)

    async def push(request: Request) -> PlainTextResponse:
        token = request.path_params["token"]
        if not await hubs.knows(token):
            return PlainTextResponse("gone\n", 410)  # tells the sender to stop calling
        try:
            body = await body_of(request, max_bytes=max_bytes, within_s=BODY_S)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("too slow\n", 408)
        if body is None:
            return PlainTextResponse("too large\n", 413)
        signature = request.headers.get("x-hub-signature-256") or request.headers.get("x-hub-signature", "")
        await hubs.pushed(token, body=body, signature=signature)
        return PlainTextResponse("", 202)

    path = OPEN_TO_THE_WORLD + "{token}"
    return [Route(path, verify, methods=["GET"]), Route(path, push, methods=["POST"])]
