"""What a command costs: the CPU time of it and of all that it starts, in seconds, and the time it takes.

`python -m tests.benchmarks.cost COMMAND …` runs one and prints both as JSON in its last line.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    cpu_s: float
    """User and system time, over all processes."""
    wall_s: float

    def without(self, other: Cost) -> Cost:
        """What is left when a start, say, is taken off."""
        return Cost(cpu_s=max(0.0, self.cpu_s - other.cpu_s), wall_s=max(0.0, self.wall_s - other.wall_s))


def cost_of(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Cost:
    """Runs it to its end, which must be a good one. Linux alone.

    By a process of its own: that becomes the parent of all that outlives the command, such as a fork server's
    children, and so has their times too.
    """
    measuring = [sys.executable, "-m", "tests.benchmarks.cost", *(str(part) for part in command)]
    done = subprocess.run(measuring, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main(command: Sequence[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begun = time.monotonic()
    process = subprocess.Popen(command)
    cpu_s = wall_s = 0.0
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu_s += usage.ru_utime + usage.ru_stime
        if pid == process.pid:
            process.returncode, wall_s = os.waitstatus_to_exitcode(status), time.monotonic() - begun
    print(json.dumps({"cpu_s": cpu_s, "wall_s": wall_s}))  # noqa: T201 — it is a command
    sys.exit(process.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
