"""The command as it is typed, in this process: another takes a second of CPU until it has loaded its modules.

For what comes to an end by itself: its output, its log and its status show the same. What hears signals or has to be
killed is a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from worker import log
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
    stdout, stderr = _Pipe(), _Pipe()
    with pytest.MonkeyPatch.context() as patch, _logging_as_it_was(patch):
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
    done = Typed(returncode=_status(ended.value.code), stdout=stdout.text(), stderr=stderr.text())
    assert done.returncode == status, done.stdout + done.stderr
    return done


class _Pipe(io.TextIOWrapper):
    """What is written, as text or as bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        self.seek(0)
        return self.read()


@contextlib.contextmanager
def _logging_as_it_was(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Afterwards: a command sets it up for its process."""
    root, config = logging.getLogger(), structlog.get_config()
    level = root.level
    patch.setattr(root, "handlers", root.handlers[:])
    patch.setattr(log, "_in_force", log._in_force)
    try:
        yield
    finally:
        root.setLevel(level)
        structlog.configure(**config)


def _status(code: object) -> int:
    return code if isinstance(code, int) else int(code is not None)
