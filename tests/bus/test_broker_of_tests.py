"""The broker that the tests start."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests import broker

STARTS_ONE = """
import sys, time
from pathlib import Path
from tests import broker
started = broker.Server(Path(sys.argv[1]))
started.start()
print(started.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_process_that_started_it(nats_server: broker.Server, tmp_path: Path) -> None:
    """Killed or not: a suite that is killed leaves nothing behind on the machine."""
    command = [sys.executable, "-c", STARTS_ONE, str(tmp_path / "another")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as suite:
        assert suite.stdout is not None
        pid = int(suite.stdout.readline())
        assert _is_there(pid)
        suite.kill()
    until = time.monotonic() + 30
    while _is_there(pid):
        assert time.monotonic() < until, "it goes on"
        time.sleep(0.02)
    assert _is_there(nats_server.pid)


def _is_there(pid: int) -> bool:
    """And no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
