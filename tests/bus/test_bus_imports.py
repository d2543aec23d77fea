"""What a worker alone loads."""

from __future__ import annotations

import subprocess
import sys


def test_a_worker_alone_loads_nothing_of_a_cluster() -> None:
    """The extras are imported when they are configured, and not before."""
    code = "import sys, worker.wiring.app, worker.cli; print(sorted({'nats', 'psycopg'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
