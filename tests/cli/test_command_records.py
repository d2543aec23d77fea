from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests import warm
from tests.cli.conftest import ENVIRONMENT, Done, Feedmill, publish
from worker.output import read_lines


def seqs(text: str) -> list[int]:
    return [json.loads(line)["_ingest"]["seq"] for line in text.splitlines()]


def test_it_prints_the_bytes_of_the_segments(out: Path, feedmill: Feedmill) -> None:
    """One record a line, in order, of the directory that is named or configured."""
    written = b"".join(path.read_bytes() for path in sorted(out.glob("records/*/*"))).decode()
    assert feedmill("records", "out").stdout == written
    (out.parent / "config").mkdir()
    (out.parent / "config/worker.yaml").write_text("feeds: []\n")
    assert feedmill("records").stdout == written


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(["--feed", "a"], [1, 3, 5, 7, 9, 11], id="a feed"),
        pytest.param(["--feed", "a", "--feed", "b"], list(range(1, 13)), id="one feed or the other"),
        pytest.param(["--tag", "t-b/news"], [2, 4, 6, 8, 10, 12], id="a tag"),
        pytest.param(["--tag", "t-b"], [2, 4, 6, 8, 10, 12], id="a tag above it"),
        pytest.param(["--tag", "t-"], [], id="the beginning of a tag"),
        pytest.param(["--op", "update", "--op", "delete"], [4], id="one op or the other"),
        pytest.param(["--op", "new", "--tag", "t-b", "--after", "2026-11-24"], [6, 8, 10, 12], id="all of these"),
        pytest.param(["--after", "2026-11-26"], [], id="nothing yet"),
        pytest.param(["--history", f"{1:032x}"], [1, 4], id="the revisions of an article"),
    ],
)
def test_it_prints_what_is_wanted(out: Path, feedmill: Feedmill, options: list[str], expected: list[int]) -> None:
    """Values of one option are alternatives, options restrict each other."""
    assert seqs(feedmill("records", str(out), *options).stdout) == expected


def test_a_feed_that_nobody_knows_is_told(out: Path, feedmill: Feedmill) -> None:
    """By the lists or by its records; one that has none yet has none, and without lists nobody can tell."""
    assert feedmill("records", "out", "--feed", "nosuch").stderr == ""
    (out.parent / "config").mkdir()
    (out.parent / "config/worker.yaml").write_text("")
    (out.parent / "config/feeds.yaml").write_text("feeds: [{url: https://new.example/, id: new}]\n")
    assert feedmill("records", "--feed", "new", "out") == Done(stdout="", stderr="")
    assert seqs(feedmill("records", "--feed", "a", "--after", "2026-11-25", "out").stdout) == [9, 11]
    assert feedmill("records", "--feed", "a", "--after", "2026-11-26", "out") == Done(stdout="", stderr="")
    for options in (["out"], ["out", "--follow"], ["elsewhere", "--follow"]):
        done = feedmill("records", "--feed", "new", "--feed", "newt", *options, status=1)
        said = f"feedmill: no feed 'newt' is listed, nor has {options[0]} a record of it; did you mean 'new'?\n"
        assert done == Done(stdout="", stderr=said)


def test_a_cursor_goes_on(out: Path, feedmill: Feedmill) -> None:
    """Each line's cursor, put before it, is where the next run begins."""
    lines = feedmill("records", str(out), "--with-cursor").stdout.splitlines()
    cursor, _, record = lines[6].partition("\t")
    assert json.loads(record)["_ingest"]["seq"] == 7
    assert seqs(feedmill("records", str(out), "--since", cursor).stdout) == [8, 9, 10, 11, 12]


@pytest.mark.parametrize("folder", [None, "elsewhere"], ids=["in the directory", "elsewhere"])
def test_a_consumer_goes_on_from_what_it_committed(
    tmp_path: Path, out: Path, feedmill: Feedmill, folder: str | None
) -> None:
    """Until it commits it gets the same again; the output directory need not be written to."""
    options = ["records", "out", "--consumer", "index", *(["--consumers", folder] if folder else [])]
    lines = feedmill(*options, "--with-cursor").stdout.splitlines()
    assert feedmill(*options, "--with-cursor").stdout.splitlines() == lines
    assert feedmill(*options, "--commit", lines[4].partition("\t")[0]).stdout == ""
    assert seqs(feedmill(*options).stdout) == [6, 7, 8, 9, 10, 11, 12]
    assert (tmp_path / (folder or "out/consumers") / "index").is_file()
    assert (out / "consumers").exists() == (folder is None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--commit", "dzE6MQ"], "--commit needs --consumer", id="commit for nobody"),
        pytest.param(["--since", "dzE6MQ", "--consumer", "a"], "exclude each other", id="two beginnings"),
        pytest.param(["--since", "nonsense"], "not a cursor", id="no cursor"),
        pytest.param(["--consumer", "a/b"], "not the name of a consumer", id="no name"),
        pytest.param(["--consumer", "a", "--commit", "nonsense"], "not a cursor", id="no cursor to commit"),
        pytest.param(["--after", "yesterday"], "does not match the format", id="no day"),
        pytest.param(["--op", "gone"], "is not one of", id="no op"),
    ],
)
def test_wrong_use_is_said(out: Path, feedmill: Feedmill, options: list[str], said: str) -> None:
    """With status 2, before anything is printed or kept."""
    done = feedmill("records", str(out), *options, status=2)
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert not (out / "consumers").exists()


def test_a_cursor_of_another_directory_is_an_error(out: Path, feedmill: Feedmill) -> None:
    """Also to commit it."""
    assert "has no record 99" in feedmill("records", str(out), "--since", "dzE6OTk", status=1).stderr
    assert (
        "has no record 99" in feedmill("records", str(out), "--consumer", "a", "--commit", "dzE6OTk", status=1).stderr
    )


@contextmanager
def following(out: Path) -> Iterator[tuple[warm.Process, IO[bytes]]]:
    """`records --follow`, with the end of its pipe; it has nothing to complain of."""
    command = [sys.executable, "-m", "worker.cli", "records", str(out), "--follow"]
    complaints = out.with_name("complaints")
    with complaints.open("wb") as stderr, warm.piped(command, env=ENVIRONMENT, stderr=stderr) as started:
        yield started
    assert complaints.read_bytes() == b""


def test_a_reader_that_goes_away_ends_it_quietly(out: Path) -> None:
    """As `| head -1` does."""
    with following(out) as (process, stdout):
        assert seqs(stdout.readline().decode()) == [1]
        stdout.close()
        publish(out, range(6, 8))
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_behind_a_line(out: Path, number: signal.Signals) -> None:
    """However slowly it is read, and impatiently sent: what was written ends with a whole record, the status is 0."""
    publish(out, range(6, 20), size=30_000)  # a pipe takes less than all, and no record at once
    with following(out) as (process, stdout):
        first = stdout.readline()
        time.sleep(0.2)  # for the pipe to be full
        for _ in range(2):  # the first ends a write that took a part, the second one that took nothing
            process.send_signal(number)
            time.sleep(0.2)
        data = first + stdout.read()
        assert process.wait(timeout=30) == 0
    count = data.count(b"\n")
    assert data == b"".join([line.raw for line in read_lines(out)][:count])
    assert 0 < count < 40
