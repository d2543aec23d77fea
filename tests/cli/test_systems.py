"""Where feedmill does not run, it says so."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("args", [["--version"], ["run"]])
def test_a_system_without_locks_is_told_where_it_runs(args: list[str]) -> None:
    """As Windows: no traceback, and the status of wrong use."""
    program = "import sys; sys.modules['fcntl'] = None; from worker.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("feedmill runs on Linux and macOS: ")
    assert "Traceback" not in done.stderr
