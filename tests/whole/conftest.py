"""What the tests of the whole share: a scripted site, a configuration, and the command as a real process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import warm
from tests.site import Site
from tests.typed import Typed, typed
from worker import read_records
from worker.model import DAY_MS, Millis
from worker.record import Record
from worker.settings import load
from worker.telemetry.meters import Tally
from worker.wiring import app

QUICK: Mapping[str, object] = {
    "state": "sqlite:///state.db",
    "output": {"dir": "out"},
    "fetch": {"allow_addresses": ["127.0.0.0/8"], "per_host": {"delay": "0s"}, "timeout": "5s", "retries": []},
    "web": {"listen": None},
    "log": {"format": "json"},
}
"""A configuration for loopback: no delays, no second tries."""

HERE = frozenset(
    {"backup", "check", "compact", "feeds", "forget", "once", "pause", "recover", "replay", "status", "verify", "why"}
)
"""The commands that come to an end by themselves."""


@dataclass(frozen=True)
class Worker:
    """feedmill with a folder of its own."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def state(self) -> Path:
        return self.folder / "state.db"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    def configure(self, feeds: Sequence[object], **changes: object) -> None:
        """Writes worker.yaml (`QUICK`, with sections changed key by key) and feeds.yaml."""
        config = {**QUICK}
        for name, change in changes.items():
            old = config.get(name)
            config[name] = {**old, **change} if isinstance(old, dict) and isinstance(change, dict) else change
        (self.folder / "worker.yaml").write_text(yaml.safe_dump(config))
        (self.folder / "feeds.yaml").write_text(yaml.safe_dump({"feeds": list(feeds)}))

    def command(self, *args: str) -> list[str]:
        name, *rest = args
        return [sys.executable, "-m", "worker.cli", name, "--config", str(self.folder / "worker.yaml"), *rest]

    def run(self, *args: str, status: int = 0, timeout_s: float = 120) -> Typed | subprocess.CompletedProcess[str]:
        """The command, run to its end, which must be with `status`: in this process where that shows the same."""
        if args[0] in HERE:
            _, _, _, *words = self.command(*args)
            return typed(*words, folder=self.folder, status=status)
        return self.apart(*args, status=status, timeout_s=timeout_s)

    def apart(self, *args: str, status: int = 0, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """The command in a process of its own, and all that it and its children have to say."""
        process = self.start(*args)
        try:
            stdout, stderr = process.communicate(timeout_s)
        finally:
            process.kill()
        assert process.returncode == status, stdout + stderr
        return subprocess.CompletedProcess(args, status, stdout, stderr)

    def start(self, *args: str) -> warm.Process:
        """The command, started; what it logs is had in the end."""
        return warm.Process(self.command(*args), env=self.environment())

    def launch(self, *args: str) -> warm.Process:
        """The command, started; what it logs is added to the file `log`."""
        with self.log.open("ab") as log:
            return warm.Process(self.command(*args), env=self.environment(), stderr=log)

    def once(self, *, every: bool = False) -> Tally:
        """What `once` does, in this process, which has the CPU processes' modules loaded by now."""
        settings = load(self.folder / "worker.yaml", os.environ)
        return asyncio.run(app.work(settings, stop=asyncio.Event(), until_idle=True, poll_all=every))

    def records(self) -> list[Record]:
        return list(read_records(self.out))

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONWARNINGS": "error", warm.MARK: str(self.folder)}

    def processes(self) -> list[int]:
        """The ids of all processes that the commands led to and that are still there (Linux): of those of `start` and
        `launch` the children alone."""
        mark = f"{warm.MARK}={self.folder}\0".encode()
        name = f"{warm.called(str(self.folder))}\n".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # ended meanwhile, or another user's
                environment = (process / "environ").read_bytes()  # empty when it has ended and nobody knows yet
                if mark in environment or (environment and (process / "comm").read_bytes() == name):
                    found.append(int(process.name))
        return found


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as served:
        yield served


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Sets the clock of the workers in this process so many days ahead, or back where it was by 0."""
    real = app.now
    return lambda days: monkeypatch.setattr(app, "now", lambda: Millis(real() + round(days * DAY_MS)))
