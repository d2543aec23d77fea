"""Whether a state and its output directory belong together: each knows how far the other has got.

One without the other does harm: a new state would write again what the directory has; a missing directory (moved, not
mounted, mistyped) would silently be begun anew. So both are compared before anything is written.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from worker.errors import FeedmillError, OutputError, StateError
from worker.model import State
from worker.output import FileLine, last_segment, names_segment
from worker.store import Publications, Store, read_publications

Pairing = Literal["together", "behind", "lacking"]
"""behind: the directory has records that the state does not know. lacking: it lacks records that the state has
published."""


def pairing(directory: Path, ours: Publications) -> Pairing:
    """Compares what a state has published with the last segment of a directory.

    Raises OutputError if the directory can't be read.
    """
    match ours.theirs:
        case "same":
            return "together"
        case "none":
            return "together" if ours.last is None else "lacking"
        case "older":
            return "lacking"
        case "unknown":
            return "behind" if ours.last is None or names_segment(directory, ours.last) else "lacking"


async def check_pairing(store: Store, directory: Path, *, state: State, shard: int) -> None:
    """Raises StateError if the state is behind its output directory, or that of a shard; OutputError if the directory
    is not the one the state has published to, or has lost some of it. The message says what can be done."""
    last = await asyncio.to_thread(last_segment, directory)
    refusal = _refusal(directory, await store.publications(_end_of(last), shard), state)
    if refusal is not None:
        raise refusal


def read_refusal(directory: Path, state: State, *, shard: int) -> FeedmillError | None:
    """The error that a start would raise, determined while no worker runs; None if it would not. Raises StateError,
    OutputError."""
    return _refusal(directory, read_publications(state, _end_of(last_segment(directory)), shard), state)


def _end_of(last: FileLine | None) -> tuple[str, int] | None:
    return None if last is None else (last.writer, last.last_seq)


def _refusal(directory: Path, ours: Publications, state: State) -> FeedmillError | None:
    match pairing(directory, ours):
        case "together":
            return None
        case "behind":
            return StateError(
                f"{directory} has records that the state {state} knows nothing of: it is new, or older than they are. "
                "`feedmill recover` reads them back, and nothing is written twice; or choose another output.dir"
            )
        case "lacking":
            return lacking(directory, ours)


def lacking(directory: Path, ours: Publications) -> OutputError:
    """The error for a directory that lacks what the state has published."""
    return OutputError(
        f"{directory} does not name {ours.last}, which was published there: was the directory moved, or is it not "
        "mounted? Set output.dir right, or put it back; `feedmill recover --new-output` goes on without what it lacks"
    )
