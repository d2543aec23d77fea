"""Paths → answers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from worker.vitals import Vitals
from worker.web.guard import Guard
from worker.web.health import Clock, is_alive, unready


def site(*, vitals: Vitals, token: str | None, clock: Clock, world: Sequence[BaseRoute] = ()) -> ASGIApp:
    """The application. token: what is asked of all but probes; None: only this machine may ask. world: routes below
    `OPEN_TO_THE_WORLD`, which look after themselves."""

    async def healthz(_: Request) -> PlainTextResponse:
        return _plain("ok\n") if is_alive(vitals, clock()) else _plain("stalled\n", 503)

    async def readyz(request: Request) -> PlainTextResponse:
        found = unready(vitals, clock())
        told = (f"{name}: {why}" if request.scope["trusted"] else name for name, why in found.items())
        return _plain("".join(f"{line}\n" for line in told), 503) if found else _plain("ok\n")

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), *world],
        middleware=[Middleware(Guard, token=token)],
    )


def _plain(text: str, status: int = 200) -> PlainTextResponse:
    return PlainTextResponse(text, status_code=status)
