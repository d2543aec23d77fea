"""Who may ask, and under which host name; and what browsers may do with the answers.

On loopback without a token, a request must name this machine: a stranger's page whose name is made to resolve to
127.0.0.1 (DNS rebinding) sends its own name. With a token, that is required instead: as `Authorization: Bearer`, or by
browsers as the password of HTTP Basic (RFC 7617) with any user name.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.settings import is_loopback

OPEN_TO_THE_WORLD = "/websub/"
"""Paths that hubs call; each contains a secret of its own."""
PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by supervisors, which have no token. Strangers only learn from them whether the worker runs."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware. `scope["trusted"]` tells the application whether the client may see everything, and
    `scope["by_token"]` that the credentials were not added by a browser on its own."""

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        refusal = self._refusal(headers)
        scope["trusted"] = refusal is None
        scope["by_token"] = refusal is None and headers.get("authorization", "").lower().startswith("bearer ")
        is_open = path in PROBES or path.startswith(OPEN_TO_THE_WORLD)
        app = self._app if refusal is None or is_open else refusal

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer[name] = value
                if "cache-control" not in answer:
                    answer["Cache-Control"] = "no-store"
            await send(message)

        await app(scope, receive, send_guarded)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        if self._token is None:
            name = _host_name(headers.get("host", ""))
            if name is not None and is_loopback(name):
                return None
            return PlainTextResponse(
                "This page is for its own machine: ask for http://127.0.0.1, or set web.token.\n", status_code=421
            )
        if _is_right(headers.get("authorization", ""), self._token):
            return None
        return PlainTextResponse(
            "web.token is asked here, as a bearer token or as the password of any user.\n",
            status_code=401,
            headers={"WWW-Authenticate": 'Basic realm="feedmill", charset="UTF-8"'},
        )


def _is_right(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode("utf-8", "replace").partition(":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), token.encode())


def _host_name(host: str) -> str | None:
    """The host in a Host header, without the port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]" if "]" in host else None
    return host.partition(":")[0] or None
