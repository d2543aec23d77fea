"""Errors that feedmill raises to its callers.

FeedmillError
├── ConfigError      the configuration can't be used: every problem, with file and line
├── StateError       the state database can't be opened or used
│   ├── StateUnreachable  its server can't be reached now
│   ├── StateLocked  another process holds it
│   └── StateLost    another process may have it by now
│       └── StateDamaged its file is not a sound database
├── OutputError      the output directory can't be written or read
│   ├── OutputLocked another process writes to it
│   └── OutputDamaged a file of it is missing, or can't be read for good
├── BusError         the broker can't be used now, which loses nothing
├── MachineError     this machine is short of something, or offline: the fault of no feed or page
├── WebError         the status page can't be served
└── TaskError        work in a CPU process failed
    ├── TaskTimeout  it took too long and was killed
    └── TaskCrashed  its process died, or ran out of memory

Outcomes that are to be expected (a 404, a duplicate, an empty feed) are values in `model`, not errors.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


class FeedmillError(Exception):
    """Base class of all; its text can be shown to the operator."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One mistake in a configuration file. Lines and columns count from 1; 0 if not applicable."""

    file: str
    line: int = 0
    column: int = 0
    key: str = ""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")
        subject = f"{self.key}: " if self.key else ""
        return f"{place}: {subject}{self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(FeedmillError):
    """Carries all problems at once, sorted by file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StateError(FeedmillError):
    pass


class StateUnreachable(StateError):
    pass


class StateLocked(StateError):
    def __init__(self, path: str, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(f"{path} is in use by {holder}; one feedmill runs on a state at a time")


class StateLost(StateError):
    """Whoever has met this must not touch the state again."""

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(self._said())

    def _said(self) -> str:
        return f"the state {self.path} may be another process's by now ({self.problem}): start this one again"


class StateDamaged(StateLost):
    def _said(self) -> str:
        return (
            f"the state {self.path} is damaged ({self.problem}): put a copy in its place that `feedmill backup` made, "
            "or let `feedmill recover` read the output directory back"
        )


class OutputError(FeedmillError):
    pass


class OutputLocked(OutputError):
    def __init__(self, path: str, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(f"{path} is being written by {holder}; one feedmill writes to a directory at a time")


class OutputDamaged(OutputError):
    pass


class BusError(FeedmillError):
    pass


class MachineError(FeedmillError):
    pass


class WebError(FeedmillError):
    pass


class TaskError(FeedmillError):
    pass


class TaskTimeout(TaskError):
    pass


class TaskCrashed(TaskError):
    pass


_SHORT_OF = {
    errno.EMFILE: "Too many open files (raise ulimit -n, or lower fetch.concurrency)",
    errno.ENFILE: "Too many open files in system (raise fs.file-max)",
    errno.ENOMEM: "Cannot allocate memory",
    errno.ENOBUFS: "No buffer space available",
}


def shortage(error: BaseException) -> MachineError | None:
    """The error as one of this machine if it is one, or if files or memory are short; None if it may be anybody's."""
    if isinstance(error, MachineError):
        return error
    said = _SHORT_OF.get(error.errno or 0) if isinstance(error, OSError) else None
    return None if said is None else MachineError(said)


@contextmanager
def imports_of(extra: str, what: str, kind: type[FeedmillError] = FeedmillError) -> Iterator[None]:
    """For imports of what comes with an extra. what: needs it. Raises `kind` if it is not installed."""
    try:
        yield
    except ImportError as error:
        raise kind(f"{what} needs the extra: pip install 'feedmill[{extra}]'") from error
