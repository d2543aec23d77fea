"""`feedmill demo`, as a newcomer types it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from worker import read_records
from worker.cli.demo import myself
from worker.demo.folder import MARKER, prepare, vacate
from worker.errors import OutputError
from worker.record import json_schema


def test_the_demo_shows_what_feedmill_does(
    demo: tuple[Path, str], check_output: Callable[[Path], list[dict[str, Any]]]
) -> None:
    """Every article once, the correction as an update, one of the reprints, the dead feed counted; valid records."""
    out, shown = demo
    assert "13 feeds (1 dead), 50 articles written (2 from the feed alone), 4 duplicates kept out." in shown
    assert "The dead one, quiet, is meant to be: 404 Not Found." in shown
    assert "11 feeds answered 304 Not Modified, 1 correction written as update, 0 written again." in shown
    assert "51 records in all, and no (id, revision) twice." in shown
    assert "What to type next" in shown
    records = check_output(out)
    assert len(records) == 51
    schema = Draft202012Validator(json_schema())
    for record in records:
        schema.validate(record)
    assert {"en", "de", "fr", "es", "ru", "ja", "ar"} <= {r.get("language", "")[:2] for r in records}
    ops = Counter(r["_ingest"]["op"] for r in records)
    assert ops == {"new": 50, "update": 1}
    (update,) = [r for r in read_records(out) if r["_ingest"]["op"] == "update"]
    assert "64.1" in update["content_text"]
    assert sum("lighthouse" in r.get("url", "") for r in records) == 1


def test_what_the_demo_ends_with_works_where_it_was_typed(
    demo: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell takes each line as it stands; `once`, the last of them, would ask the world."""
    out, shown = demo
    _, _, lines = shown.partition("What to type next:\n")
    *reading, beginning = lines.splitlines()
    begun, once = beginning.rsplit(" && ", 1)
    assert once.endswith(" once")
    for line, folder in ((begun, tmp_path), *((line, out.parent) for line in reading if "jq" not in line)):
        done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S602
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "config" / "feeds.yaml").exists()


def test_the_command_is_named_as_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name where that is on the path, by its place where it is not, else by its module."""
    here = tmp_path / "a b" / "feedmill"
    here.parent.mkdir()
    here.write_text("#!/bin/sh\n")
    here.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(here)])
    assert myself() == f"'{here}'"
    monkeypatch.setenv("PATH", str(here.parent))
    assert myself() == "feedmill"
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "__main__.py")])
    assert myself() == f"{shlex.quote(sys.executable)} -m worker.cli"


def test_the_demo_empties_its_own_directory_and_no_other(tmp_path: Path) -> None:
    """One that bears its marker is begun anew; one that holds anything else is refused and left alone."""
    prepare(tmp_path / "out")
    (tmp_path / "out" / "old").write_text("x")
    prepare(tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [MARKER]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_text("x")
    with pytest.raises(OutputError, match="--out"):
        prepare(mine)
    assert (mine / "precious").read_text() == "x"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """And named."""
    (tmp_path / "out").write_text(json.dumps("mine"))
    with pytest.raises(OutputError, match="out exists"):
        prepare(tmp_path / "out")


def test_what_a_demo_wrote_is_kept_and_out_of_the_way_of_a_real_run(tmp_path: Path) -> None:
    """Records do not mix, none are lost, however often; and no later demo takes real ones for its own."""
    out = tmp_path / "out"
    prepare(out)
    (out / "records").mkdir()
    assert vacate(out) == tmp_path / "out-demo"
    assert not out.exists()
    assert (tmp_path / "out-demo" / "records").is_dir()
    prepare(out)
    assert vacate(out) == tmp_path / "out-demo-2"
    out.mkdir()
    (out / "real").write_text("x")
    assert vacate(out) is None
    with pytest.raises(OutputError):
        prepare(out)
    assert (out / "real").exists()
