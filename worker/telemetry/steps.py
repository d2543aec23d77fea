"""The steps of a piece of work that a trace shows, timed where they are taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, ParamSpec, TypeVar

from opentelemetry.trace import SpanKind

from worker import urls
from worker.cpu.pool import Pool
from worker.errors import TaskError
from worker.fetch import Client
from worker.log import told
from worker.model import Fetched, FetchFailed, Outcome, Redirected, Throttled

P = ParamSpec("P")
R = TypeVar("R")
Attributes = Mapping[str, str | int]


class Step(NamedTuple):
    """Something that was done for a piece of work."""

    name: str
    began_ns: int
    ended_ns: int
    attributes: Attributes
    error: str | None
    kind: SpanKind = SpanKind.INTERNAL


_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)
"""The steps of the piece of work that the current task does."""


def begin(*, wanted: bool) -> list[Step]:
    """The list to which the steps of the current task's work are added from now on, if they are wanted."""
    steps: list[Step] = []
    _steps.set(steps if wanted else None)
    return steps


class TimedClient(Client):
    """Records each GET as a step of the work it is for."""

    async def get(self, url: str, **how: Any) -> Outcome:
        began_ns = time.time_ns()
        outcome = await super().get(url, **how)
        if (steps := _steps.get()) is not None:
            steps.append(_fetched(url, began_ns, outcome))
        return outcome


class TimedPool(Pool):
    """Records each call as a step of the work it is for."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        began_ns, error = time.time_ns(), None
        try:
            return await super().run(function, *args, **kwargs)
        except TaskError as failed:
            error = str(failed)
            raise
        finally:
            if (steps := _steps.get()) is not None:
                steps.append(Step("extract", began_ns, time.time_ns(), {}, error))


def _fetched(url: str, began_ns: int, outcome: Outcome) -> Step:
    about: dict[str, str | int] = {"http.request.method": "GET", **place(url)}
    error = None
    match outcome:
        case Fetched(status=status, body=body):
            about |= {"http.response.status_code": status, "http.response.body.size": len(body)}
        case Throttled(status=status):
            about["http.response.status_code"], error = status, f"{status}: the host asks for patience"
        case FetchFailed(status=status, kind=kind, reason=reason):
            about |= {"error.type": kind} | ({} if status is None else {"http.response.status_code": status})
            error = reason
        case Redirected():
            about["http.response.status_code"] = 301 if outcome.permanent else 302
        case _:
            about["http.response.status_code"] = 304
    return Step("fetch", began_ns, time.time_ns(), about, error, SpanKind.CLIENT)


def place(url: str | None) -> Attributes:
    """In the names of OpenTelemetry's semantic conventions for HTTP, without secrets of the URL."""
    if url is None:
        return {}
    return {"url.full": told(urls.without_credentials(url)), "server.address": urls.host_of(url)}


def ours(**about: str | int) -> dict[str, str | int]:
    return {f"feedmill.{name}": value for name, value in about.items()}
