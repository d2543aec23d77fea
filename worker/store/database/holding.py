"""The lock of a SQLite state, held by the one process that works on it.

On PostgreSQL there is none here: the connection takes the lock instead (`postgresql`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from worker.errors import StateError, StateLocked, StateLost
from worker.lock import Held, Hold, holding, is_held, said_in
from worker.model import Server, State
from worker.ownership import make_folder


def lock_of(path: Path) -> Path:
    """The lock file of a SQLite state: the same one for all links to the state."""
    state = path.resolve()
    return state.with_name(state.name + ".lock")


def is_worked_on(state: State) -> bool:
    """Whether a process holds a SQLite state; always False for a shared state. Raises StateError."""
    try:
        return isinstance(state, Path) and is_held(lock_of(state))
    except OSError as error:
        raise StateError(f"can't look at the lock of the state {state}: {error.strerror}") from error


@contextmanager
def locked(place: State) -> Iterator[Hold | None]:
    """Holds PATH.lock, so that only one process works on a SQLite state. Raises StateLocked, naming the holder, and
    StateError. On PostgreSQL, the connection takes the lock instead: gives None."""
    if isinstance(place, Server):
        yield None
        return
    path, file = place, lock_of(place)
    with ExitStack() as held:  # so that errors raised while it is held are not taken for errors of the lock
        try:
            with suppress(FileExistsError):
                make_folder(file.parent)
            hold = held.enter_context(holding(file))
        except Held as found:
            raise StateLocked(str(path), found.holder) from None
        except OSError as error:
            raise _unlockable(path, file, error) from error
        yield hold


def keep_lock(state: State, hold: Hold) -> bool:
    """Makes sure that the lock still keeps others out: if its file was removed, takes it again and returns True. Raises
    StateLost if there is another file, StateError."""
    found = hold.look()
    if found == "removed":
        try:
            hold.take_again()
        except Held:
            found = "replaced"
        except OSError as error:
            raise _unlockable(state, hold.file, error) from error
    if found == "replaced":
        raise StateLost(str(state), f"its lock {hold.file} was replaced while it was in use")
    return found == "removed"


def say_in_lock(state: State, hold: Hold, said: str) -> None:
    """Raises StateError."""
    try:
        hold.say(said)
    except OSError as error:
        raise _unlockable(state, hold.file, error) from error


def said_in_lock(state: Path) -> str:
    """What the process that holds the state says. Raises StateError."""
    try:
        return said_in(lock_of(state))
    except OSError as error:
        raise StateError(f"can't look at the lock of the state {state}: {error.strerror}") from error


def _unlockable(state: State, file: Path, error: OSError) -> StateError:
    way_out = " (let the user that runs feedmill write there)" if isinstance(error, PermissionError) else ""
    return StateError(f"can't lock the state {state}: {file}: {error.strerror}{way_out}")
