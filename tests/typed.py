"""The command as it is typed, in this process: another takes a second of CPU until it has loaded its modules.

For what shows and what changes files, whose ends are its output and its status. What logs, hears signals or has to be
killed is a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from worker.cli import main

WIDTH = "80"
"""Columns, as of a pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What came of it."""

    returncode: int
    stdout: str
    stderr: str


def typed(*args: str, folder: Path, environ: Mapping[str, str] | None = None, status: int = 0) -> Typed:
    """`feedmill ARGS…` in `folder`, with these variables besides; it has to end with `status`."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["feedmill", *args])
        for name, value in {"COLUMNS": WIDTH, **(environ or {})}.items():
            patch.setenv(name, value)
        with (
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            pytest.raises(SystemExit) as ended,
        ):
            main()
    done = Typed(returncode=_status(ended.value.code), stdout=stdout.getvalue(), stderr=stderr.getvalue())
    assert done.returncode == status, done.stdout + done.stderr
    return done


def _status(code: object) -> int:
    return code if isinstance(code, int) else int(code is not None)
