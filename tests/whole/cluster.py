"""Several workers on one state: real processes of feedmill, PostgreSQL, NATS."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests import broker, postgresql
from tests.whole.conftest import Worker
from tests.wire import Wire

LEASE_MS, RENEW_MS, KEEP_S = 6000, 1500, 4.0
"""As the real ones, twenty times as short: what was killed comes up while a test waits."""
_QUICK = f"""
import worker.engine
from worker.engine import limits
limits.LEASE_MS, limits.RENEW_MS, worker.engine.KEEP_S = {LEASE_MS}, {RENEW_MS}, {KEEP_S}
from worker.cli import main
main()
"""


class Workers:
    """Processes by number; each is started anew when it has been killed."""

    def __init__(self, worker: Worker, server: postgresql.Cluster, bus: broker.Server) -> None:
        self.worker, self.server, self.bus = worker, server, bus
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._far: dict[int, Path] = {}

    def put_far(self, number: int, wire: Wire) -> None:
        """Between that worker and PostgreSQL there is a network from now on. `configure` the worker before."""
        config = yaml.safe_load((self.worker.folder / "worker.yaml").read_text())
        config["state"] = f"postgresql://postgres@127.0.0.1:{wire.port}/feedmill?sslmode=disable"
        path = self.worker.folder / f"worker{number}.yaml"
        path.write_text(yaml.safe_dump(config))
        self._far[number] = path

    def start(self, number: int, *args: str) -> None:
        self.worker.log.touch()
        with self.worker.log.open("ab") as log:
            _, _, _, *words = self.worker.command("run", *args)
            if number in self._far:
                words[words.index("--config") + 1] = str(self._far[number])
            command = [sys.executable, "-c", _QUICK, *words]
            self._processes[number] = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=log, env=self.worker.environment()
            )

    def tend(self) -> None:
        """Starts those anew that have ended by themselves, as who looks after services does: one that finds no state
        when it starts says so and ends."""
        for number, process in list(self._processes.items()):
            if process.poll() is not None:
                assert process.returncode == 1, log_of(self.worker)[-2000:]
                self.start(number)

    @property
    def ids(self) -> set[int]:
        """Of the processes."""
        return {process.pid for process in self._processes.values()}

    def signal(self, number: int, what: signal.Signals) -> None:
        self._processes[number].send_signal(what)

    def kill(self, number: int) -> None:
        self.signal(number, signal.SIGKILL)
        self._processes.pop(number).wait()

    def stop(self) -> list[int]:
        """Asks all to end; their exit statuses."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        return [process.wait(60) for process in self._processes.values()]

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@contextlib.contextmanager
def workers(worker: Worker, bus: broker.Server) -> Iterator[Workers]:
    """On a state of their own, whose server may be killed, too. `configure` the worker with `shared`."""
    with postgresql.cluster() as server:
        server.sql("CREATE DATABASE feedmill")
        started = Workers(worker, server, bus)
        try:
            yield started
        finally:
            started.close()


def shared(of: Workers) -> dict[str, object]:
    """What their worker.yaml says of what they share."""
    return {
        "state": of.server.server().url,
        "bus": of.bus.url,
        "output": {"dir": "out", "shards": 4, "seal_after": "1s"},
    }


def log_of(worker: Worker) -> str:
    return Path(worker.log).read_text()
