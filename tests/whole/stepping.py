"""`python -m tests.whole.stepping COMMAND …` is feedmill, told in `$FEEDMILL_TEST_STEPS` at which durable step to die.

A step is a call that changes the output directory (where it fails, the kernel has done nothing of it; of a write it
has done half), or a commit of the state that writes something. It is named by the call and by what it concerns:
`fsync manifest`, `replace latest`, `commit outbox`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from worker.cli import main
from worker.engine import limits
from worker.model import Millis
from worker.output.disk import files
from worker.wiring import app

VARIABLE = "FEEDMILL_TEST_STEPS"
CHANGING = ("write", "fsync", "ftruncate", "mkdir", "replace", "rename", "unlink", "rmdir")
"""The functions of os that change what is on disk, but for open; `files` has one more, syncfs."""
TABLES = ("meta", "segment", "outbox", "entry", "feed", "robots", "slot")
"""A commit is named by the first of these that it writes to: records are numbered, marked as published, learned; …"""
WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a process is told."""

    out: str
    """The output directory."""
    clock: str
    """A file that says how many milliseconds the clock is ahead, at any time."""
    log: str | None = None
    """A file to which the name of each step is added, a line each, before it is taken."""
    kill: tuple[str, int] | None = None
    """The name of a step, and at which of them to die, counted from 1."""
    upkeep_s: float | None = None
    """In place of the hour from one upkeep to the next."""

    def environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self)), "PYTHONPATH": str(Path(__file__).parents[2])}


class Steps:
    """Told of each, before it is taken."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._taken: Counter[str] = Counter()
        self._opened: dict[int, str] = {}
        self._lock = threading.Lock()
        self._log = open(orders.log, "a", buffering=1) if orders.log else None  # noqa: PTH123, SIM115  # while it runs

    def patch(self) -> None:
        """Puts itself between feedmill and the system."""
        real_open = os.open

        def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            place = self._place(path)
            if place and flags & os.O_CREAT and not Path(path).exists():
                self.take(f"create {place}")
            descriptor = real_open(path, flags, *args, **kwargs)
            self._opened[descriptor] = place
            return descriptor

        os.open = opened
        for name in CHANGING:
            setattr(os, name, self._told(name, getattr(os, name)))
        files._syncfs = self._told("syncfs", files._syncfs)

    def _told(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            subject = args[-1] if name in ("replace", "rename") else args[0]
            place = self._opened.get(subject, "") if isinstance(subject, int) else self._place(subject)
            if place:
                cut = (lambda: real(args[0], bytes(args[1])[: len(args[1]) // 2])) if name == "write" else None
                self.take(f"{name} {place}", cut)
            return real(*args, **kwargs)

        return call

    def take(self, step: str, half: Callable[[], object] | None = None) -> None:
        """Notes the step; where it is the one to die at, `half` of it is done, and no more ever."""
        with self._lock:
            self._taken[step] += 1
            if self._log:
                self._log.write(f"{step}\n")
            if self._orders.kill == (step, self._taken[step]):
                if half:
                    half()
                os.kill(os.getpid(), signal.SIGKILL)

    def _place(self, path: Any) -> str:
        """The folder of the output directory that a path is in; "" where it is in none."""
        try:
            inside = Path(os.fspath(path)).relative_to(self._orders.out)
        except (TypeError, ValueError):
            return ""
        return inside.parts[0] if inside.parts else "out"


def note_commits(steps: Steps) -> None:
    """Each that writes something is a step."""
    written: dict[int, set[str]] = {}

    @event.listens_for(Engine, "before_cursor_execute")
    def _statement(
        connection: Connection, _cursor: object, statement: str, _p: object, _context: object, _m: bool
    ) -> None:
        if match := WRITES.match(statement):
            written.setdefault(id(connection.connection.dbapi_connection), set()).add(match[1])

    @event.listens_for(Engine, "commit")
    def _commit(connection: Connection) -> None:
        if tables := written.pop(id(connection.connection.dbapi_connection), None):
            steps.take(f"commit {next((name for name in TABLES if name in tables), min(tables))}")

    @event.listens_for(Engine, "rollback")
    def _rollback(connection: Connection) -> None:
        written.pop(id(connection.connection.dbapi_connection), None)


def hasten_upkeep(every_s: float) -> None:
    """Has the worker do each `every_s` seconds what it does each hour."""
    limits.UPKEEP_S = every_s


def set_clock(file: Path) -> None:
    real = app.now
    app.now = lambda: Millis(real() + int(file.read_text()))


def command(worker_command: Sequence[str]) -> list[str]:
    """`python -m worker.cli …`, as this module runs it."""
    return ["tests.whole.stepping" if part == "worker.cli" else part for part in worker_command]


if __name__ == "__main__":
    told = json.loads(os.environ[VARIABLE])
    orders = Orders(**{**told, "kill": tuple(told["kill"]) if told["kill"] else None})
    set_clock(Path(orders.clock))
    if orders.upkeep_s is not None:
        hasten_upkeep(orders.upkeep_s)
    steps = Steps(orders)
    steps.patch()
    note_commits(steps)
    sys.argv[0] = "feedmill"
    main()
