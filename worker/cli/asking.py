"""Changes to the state: made here where no worker runs, else asked of the one that does."""

from __future__ import annotations

import asyncio
import time

from worker import app
from worker.cli.printing import errors
from worker.errors import FeedmillError
from worker.settings import Settings
from worker.store import answer_to, ask

PATIENCE_S = 60.0
"""A worker looks for requests each second, but may be amid a long publication."""

QUIET_S = 3.0
"""For so long nothing is said of the waiting."""


def said(settings: Settings, verb: str, subject: str, *, patience_s: float = PATIENCE_S) -> str:
    """What was done; see `pipeline.carry_out` for verbs and subjects. Raises StateError, OutputError; FeedmillError
    where the worker does not answer in `patience_s`."""
    return asyncio.run(app.carry_out(settings, verb, subject)) or _asked(settings, verb, subject, patience_s)


def _asked(settings: Settings, verb: str, subject: str, patience_s: float) -> str:
    number = ask(settings.state, verb, subject)
    begun, told = time.monotonic(), False
    while (waited := time.monotonic() - begun) < patience_s:
        answer = answer_to(settings.state, number)
        if answer is not None:
            return answer
        if waited > QUIET_S and not told:
            errors.print(f"the worker that holds the state is asked; it has {patience_s:.0f} s to answer")
            told = True
        time.sleep(0.2)
    raise FeedmillError(
        f"the worker that holds the state has not answered in {patience_s:.0f} s: the request stands, and whether it "
        "was carried out is not known. feedmill status says how the worker does; to ask again does no harm"
    )
