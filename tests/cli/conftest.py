from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tests.output.conftest import START, make_row
from worker import record
from worker.cli import main
from worker.model import DAY_MS, Millis
from worker.output import OutputDirectory, Row, Segment, segment_path

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONPATH": str(Path(__file__).parents[2])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    stdout: str
    stderr: str


Feedmill = Callable[..., Done]


@pytest.fixture
def feedmill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Feedmill:
    """The command, typed in an empty folder; it has to end as it should. In this process: another takes a second."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, status: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["feedmill", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == status, said
        return Done(stdout=said.out, stderr=said.err)

    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Twelve records of two feeds in six files of three days; the fourth record corrects the first."""
    out = tmp_path / "out"
    publish(out, range(6))
    return out


def publish(out: Path, indexes: range, *, size: int = 0) -> None:
    """Files of two records each, two files a day."""
    directory = OutputDirectory.open(out, schema=orjson.dumps(record.json_schema()))
    for index in indexes:
        days, minutes = divmod(index, 2)
        first = 1 + 2 * index
        at = Millis(START + days * DAY_MS + minutes * 60_000)
        date = datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
        path = segment_path(at=at, date=date, writer="w1", first_seq=first)
        rows = (_row(first, at, size), _row(first + 1, at, size))
        directory.publish(Segment(path=path, writer="w1", first_seq=first, rows=rows))


def _row(seq: int, at: Millis, size: int) -> Row:
    feed, corrected = "a" if seq % 2 else "b", seq == 4
    return make_row(
        seq,
        f"{seq} é" + "x" * size,
        id=1 if corrected else seq,
        revision=2 if corrected else 1,
        op="update" if corrected else "new",
        feed=feed,
        tags=("all", f"t-{feed}/news"),
        at=at,
    )
