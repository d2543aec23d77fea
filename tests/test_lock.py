"""Holding a file: by one, with its name, until it ends; who did not come to an end is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker import lock


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    """The other is told who does; afterwards it is free, and names nobody."""
    file = tmp_path / "lock"
    assert not lock.is_held(file)
    with lock.holding(file) as died:
        assert not died
        assert lock.is_held(file)
        with pytest.raises(lock.Held) as refused, lock.holding(file):
            pytest.fail("two hold it")
        assert refused.value.holder == f"process {os.getpid()}"
    assert not lock.is_held(file)
    assert file.read_bytes() == b""


def test_an_error_leaves_the_name_there(tmp_path: Path) -> None:
    """As a process that died does; the next that ends well clears it."""
    file = tmp_path / "lock"
    with pytest.raises(RuntimeError), lock.holding(file):
        raise RuntimeError
    with lock.holding(file) as died:
        assert died
    with lock.holding(file) as died:
        assert not died


def test_a_process_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    """Killed, it is found out by the next."""
    file = tmp_path / "lock"
    code = "import os, sys; from pathlib import Path; from worker import lock\nwith lock.holding(Path(sys.argv[1])):"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", f"{code} os.kill(os.getpid(), 9)", file], cwd=root, check=False, timeout=60)
    assert file.read_bytes().startswith(b"process ")
    assert not lock.is_held(file)
    with lock.holding(file) as died:
        assert died
