"""Paths → answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from worker.errors import FeedmillError, StateError
from worker.web.figures import bytes_of_state, free_bytes
from worker.web.guard import Guard
from worker.web.health import is_alive, unready
from worker.web.metrics import Reading, exposition
from worker.web.pages import Pages
from worker.web.rendering import assets
from worker.web.sources import Sources

NAMED = 5
"""How many silent feeds /readyz names."""

log = structlog.stdlib.get_logger("feedmill.web")

Answer = Callable[[Request], Awaitable[Response]]


def site(sources: Sources, *, token: str | None, world: Sequence[BaseRoute] = ()) -> ASGIApp:
    """The application. token: required for everything except probes; None: only this machine may ask. world: routes
    below `OPEN_TO_THE_WORLD`, which protect themselves."""
    files = assets()
    pages = Pages(sources, files)

    async def static(request: Request) -> Response:
        asset = files.get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("There is no such file.\n", 404)
        # Its URL changes with its content.
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(asset.content, media_type=asset.content_type, headers=headers)

    async def unknown(request: Request, _: Exception) -> Response:
        if not request.scope["trusted"]:  # below `OPEN_TO_THE_WORLD`: our pages would show the worker's state
            return PlainTextResponse("There is nothing at this address.\n", 404)
        return await pages.problem(request, "No such page", "There is nothing at this address.", 404)

    def page(answer: Answer) -> Answer:
        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except FeedmillError as error:
                log.warning("web.unanswered", path=request.url.path, error=str(error))
                return await pages.problem(request, "It can't be told now", str(error), 503)

        return answered

    return Starlette(
        routes=[
            Route("/", page(pages.overview)),
            Route("/feeds", page(pages.feeds)),
            Route("/feeds/{feed_id}", page(pages.feed)),
            Route("/records", page(pages.records)),
            Route("/duplicates", page(pages.duplicates)),
            Route("/quarantine", page(pages.quarantine)),
            Route("/why", page(pages.why)),
            Route("/act", page(pages.act), methods=["POST"]),
            Route("/static/{name}", static),
            Route("/healthz", _healthz(sources)),
            Route("/readyz", _readyz(sources)),
            Route("/metrics", _metrics(sources)),
            *world,
        ],
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={404: unknown},
    )


def _healthz(of: Sources) -> Answer:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n") if is_alive(of.vitals, of.clock()) else PlainTextResponse("stalled\n", 503)

    return healthz


def _readyz(of: Sources) -> Answer:
    async def readyz(request: Request) -> Response:
        found = dict(unready(of.vitals, of.clock()))
        silent = sorted(of.silent())
        if silent and request.query_params.get("strict") in ("1", "true"):
            more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
            found["silent"] = ", ".join(silent[:NAMED]) + more
        told = (f"{name}: {why}" if request.scope["trusted"] else name for name, why in found.items())
        return PlainTextResponse("".join(f"{line}\n" for line in told), 503) if found else PlainTextResponse("ok\n")

    return readyz


def _disks(of: Sources) -> dict[str, Path]:
    here = {"state": of.state.parent} if isinstance(of.state, Path) else {}
    return {**here, "output": of.output}


def _metrics(of: Sources) -> Answer:
    async def metrics(request: Request) -> Response:
        try:
            overview = await of.figures.overview(of.clock())
        except StateError as error:
            log.warning("web.unanswered", path="/metrics", error=str(error))
            overview = None
        reading = Reading(
            version=of.version,
            meters=of.meters,
            vitals=of.vitals,
            cpu=of.cpu,
            streamed=of.streamed,
            overview=overview,
            state_bytes=await bytes_of_state(of.state, of.reader),
            free_bytes=await asyncio.to_thread(free_bytes, **_disks(of)),
            silent=of.silent(),
            expected=sum(feed.expect_s is not None for feed in of.feeds().values()),
        )
        body, content_type = exposition(reading, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    return metrics
