"""Changes to the state: made by this process if no worker runs, else by the worker that does."""

from __future__ import annotations

import asyncio
import time

from worker.cli.printing import print_note
from worker.errors import FeedmillError
from worker.settings import Settings
from worker.store import answer_to, ask
from worker.wiring import app

PATIENCE_S = 60.0
"""A worker looks for requests every second, but may be in the middle of a long publication."""

QUIET_S = 3.0
"""How long to wait before telling the user that we wait."""


def said(settings: Settings, verb: str, subject: str, *, patience_s: float = PATIENCE_S) -> str:
    """Carries out a request and returns what was done, in a sentence; `pipeline.carry_out` lists verbs and subjects.

    Raises StateError, OutputError; FeedmillError if the worker does not answer within `patience_s` seconds.
    """
    return asyncio.run(app.carry_out(settings, verb, subject)) or _asked(settings, verb, subject, patience_s)


def _asked(settings: Settings, verb: str, subject: str, patience_s: float) -> str:
    number = ask(settings.state, verb, subject)
    begun, told = time.monotonic(), False
    while (waited := time.monotonic() - begun) < patience_s:
        answer = answer_to(settings.state, number)
        if answer is not None:
            return answer
        if waited > QUIET_S and not told:
            print_note(f"waiting up to {patience_s:.0f} s for the running worker to answer")
            told = True
        time.sleep(0.2)
    raise FeedmillError(
        f"the worker that holds the state has not answered in {patience_s:.0f} s: the request stands, and whether it "
        "was carried out is not known. feedmill status says how the worker does; to ask again does no harm"
    )
