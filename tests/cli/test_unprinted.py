"""What is printed may find no room, or nobody who reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIMITED = 'ulimit -f 0; exec "$0" "$@" > printed'
"""No file may have a byte, as on a disk that is full."""


@pytest.mark.parametrize("args", [["--version"], ["schema"]], ids=["at the end", "on the way"])
def test_what_can_not_be_printed_is_said(tmp_path: Path, args: list[str]) -> None:
    """In a line, and the status says it: who keeps what was printed would have a part of it."""
    command = ["sh", "-c", LIMITED, sys.executable, "-m", "worker.cli", *args]
    done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "feedmill: can't print: File too large\n")


def test_who_reads_no_more_is_told_nothing() -> None:
    """As `feedmill schema | head -1` has it."""
    command = [sys.executable, "-m", "worker.cli", "schema", "duckdb"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as said:
        assert said.read() == ""
    assert process.wait(60) == 1
