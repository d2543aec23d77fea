from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Feedmill
from worker.output import locked


def test_it_says_that_all_is_well(out: Path, feedmill: Feedmill) -> None:
    """In a line, for the directory that is named or configured, whole or quickly."""
    assert feedmill("verify", "out").stdout == "ok: 12 records in 6 files\n"
    assert feedmill("verify", "--quick", str(out)).stdout == "ok: 12 records in 6 files, not read\n"
    (out.parent / "config").mkdir()
    (out.parent / "config/worker.yaml").write_text("feeds: []\n")
    assert feedmill("verify").stdout == "ok: 12 records in 6 files\n"


def test_it_says_what_is_wrong_and_ends_with_1(out: Path, feedmill: Feedmill) -> None:
    """A line each with file and line, for people and for programs; --repair mends what is half done, and no more."""
    gone = sorted(out.glob("records/*/*"))[0]
    gone.unlink()
    with (out / "manifest/2026-11-25.jsonl").open("a") as manifest:
        manifest.write("{")
    done = feedmill("verify", "out", status=1)
    assert done.stderr.splitlines() == [
        f"{gone.relative_to(out)}: missing, though the manifest names it",
        "manifest/2026-11-25.jsonl:3: the file ends in the middle of a line "
        "(left half done; feedmill verify --repair finishes it)",
        "2 problems in 12 records in 5 files",
    ]
    done = feedmill("verify", "out", "--json", "--repair", status=1)
    told = json.loads(done.stdout)
    assert (told["ok"], told["files"], told["records"]) == (False, 5, 12)
    assert [(finding["file"], finding["line"]) for finding in told["mended"]] == [("manifest/2026-11-25.jsonl", 3)]
    (finding,) = told["findings"]
    assert finding == {
        "file": str(gone.relative_to(out)),
        "line": 0,
        "message": "missing, though the manifest names it",
        "remedy": None,
    }


def test_what_is_wrong_with_each_line_of_a_file_is_said_once(out: Path, feedmill: Feedmill) -> None:
    """To people: to programs, of each."""
    (file, *_) = sorted(out.glob("records/*/*"))
    file.write_text(file.read_text().replace('"license"', '"licence"'))
    said = feedmill("verify", "out", status=1).stderr.splitlines()
    (line,) = [line for line in said if "license" in line]
    assert (
        line == f"{file.relative_to(out)}:1: not a record: _ingest.license: Field required (and in 1 more line of it)"
    )
    told = json.loads(feedmill("verify", "out", "--json", status=1).stdout)
    assert len([one for one in told["findings"] if "license" in one["message"]]) == 2


def test_beside_a_worker_it_repairs_nothing(out: Path, feedmill: Feedmill) -> None:
    """It may look, and says that it does so beside one; to repair is refused, with status 2."""
    with locked(out):
        assert feedmill("verify", "out").stdout.startswith("A worker is writing there")
        assert "is being written by process" in feedmill("verify", "out", "--repair", status=2).stderr


def test_what_is_no_output_directory_is_an_error(tmp_path: Path, feedmill: Feedmill) -> None:
    """Not a sound one without records."""
    assert "is not an output directory" in feedmill("verify", str(tmp_path), status=1).stderr
