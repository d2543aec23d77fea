from __future__ import annotations

import hashlib
import json
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from worker.errors import OutputError, OutputLocked
from worker.output import OutputDirectory, Segment, line
from worker.output.disk.lock import locked

Reopen = Callable[[], OutputDirectory]
Segments = Callable[..., list[Segment]]
CheckOutput = Callable[[Path], list[dict[str, Any]]]


def test_opening_makes_the_layout(out: Path, reopen: Reopen) -> None:
    """A directory that is not there is made, with the schema of the records in it; a second opening changes nothing."""
    reopen()
    reopen()
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) == [
        ".staging",
        "manifest",
        "records",
        "schema",
        "schema/record-1.json",
    ]
    assert json.loads((out / "schema/record-1.json").read_bytes()) == {"title": "Record"}


def test_a_published_segment_is_its_lines(out: Path, reopen: Reopen, segments: Segments) -> None:
    """The file holds a line a row and nothing else, and what is returned describes it."""
    (segment,) = segments(1)
    published = reopen().publish(segment)
    data = (out / segment.path).read_bytes()
    assert data == b"".join(line(row, "w1") for row in segment.rows)
    assert (published.path, published.records, published.bytes) == (segment.path, 3, len(data))
    assert published.sha256 == hashlib.sha256(data).hexdigest()


def test_the_manifest_line_is_pinned(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Keys, their order and their meaning are a contract with readers; all of it follows from the segment."""
    (segment,) = segments(1)
    published = reopen().publish(segment)
    assert (out / "manifest/2026-11-23.jsonl").read_text() == (
        '{"kind":"segment","path":"records/date=2026-11-23/20261123T040506Z-w1-000000000001.jsonl","records":3,'
        f'"bytes":{published.bytes},"sha256":"{published.sha256}","first_seq":1,"last_seq":3,"writer":"w1",'
        '"schema":1,"sealed_at":"2026-11-23T04:05:06Z","drops":[],"forgotten":[],"prev":""}\n'
    )


def test_the_chain_goes_on_across_days_and_processes(
    out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput
) -> None:
    """Each line names the one before, whichever file that is in and whoever wrote it."""
    for segment in segments(10, a_day=2):
        reopen().publish(segment)
    assert len(list((out / "manifest").iterdir())) == 5
    assert [record["_ingest"]["seq"] for record in check_output(out)] == list(range(1, 31))


def test_writers_count_for_themselves(out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput) -> None:
    """Two writers' segments stand in one manifest, and each is recognised when it comes again."""
    mine, theirs = segments(4, a_day=9), segments(4, a_day=9, writer="w2")
    directory = reopen()
    for pair in zip(mine, theirs, strict=True):
        for segment in pair:
            directory.publish(segment)
    again = reopen()
    for segment in [*theirs, *mine]:
        again.publish(segment)
    assert len(check_output(out)) == 24


def test_only_the_end_of_the_manifest_is_read(out: Path, reopen: Reopen, segments: Segments) -> None:
    """Opening and going on cost the same after years: what is older is not looked at, whatever it holds."""
    made = segments(6, a_day=2)
    directory = reopen()
    for segment in made[:5]:
        directory.publish(segment)
    (out / "manifest/2026-11-24.jsonl").write_bytes(b"unreadable\n")
    reopen().publish(made[5])


@pytest.mark.parametrize("repeated", [1, 2, 5, 9], ids=lambda n: f"last {n}")
def test_publishing_again_changes_nothing(
    out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput, repeated: int
) -> None:
    """After a crash the segments that were not marked come again, over midnight too; the manifest names each once."""
    made = segments(9)
    first = [reopen().publish(segment) for segment in made]
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    directory = reopen()
    assert [directory.publish(segment) for segment in made[-repeated:]] == first[-repeated:]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    for segment in segments(11)[9:]:
        directory.publish(segment)
    assert len(check_output(out)) == 33


def test_publishing_again_restores_a_lost_file(
    out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput
) -> None:
    """What the manifest names is made anew from the same rows."""
    (segment,) = segments(1)
    reopen().publish(segment)
    (out / segment.path).unlink()
    reopen().publish(segment)
    assert len(check_output(out)) == 3


def test_history_is_not_rewritten(out: Path, reopen: Reopen, segments: Segments) -> None:
    """A segment that comes again with other rows is refused, and the file stays as it was."""
    (segment,) = segments(1)
    reopen().publish(segment)
    before = (out / segment.path).read_bytes()
    other = replace(segment, rows=tuple(replace(row, revision=9) for row in segment.rows))
    with pytest.raises(OutputError, match=r"000000000001\.jsonl: the manifest names it with other content"):
        reopen().publish(other)
    assert (out / segment.path).read_bytes() == before


@pytest.mark.parametrize("same_process", [True, False], ids=["same process", "next process"])
def test_a_state_older_than_the_directory_is_noticed(
    out: Path, reopen: Reopen, segments: Segments, same_process: bool
) -> None:
    """Numbers that the manifest has given to other segments are not given again."""
    directory = reopen()
    for segment in segments(3):
        directory.publish(segment)
    if not same_process:
        directory = reopen()
    with pytest.raises(OutputError, match=r"goes to seq 9 of writer w1, but does not name .*the state is older"):
        directory.publish(segments(3, records=2)[2])
    assert len(list(out.glob("records/*/*"))) == 3


def test_dates_do_not_go_back(out: Path, reopen: Reopen, segments: Segments) -> None:
    """A line in an older file would break the chain, so it is refused."""
    directory = reopen()
    first, second = segments(2, a_day=1)
    directory.publish(segments(3, writer="w2", a_day=1)[2])
    with pytest.raises(OutputError, match="dates do not go back"):
        directory.publish(first)
    with pytest.raises(OutputError, match="dates do not go back"):
        reopen().publish(second)


def test_another_process_in_the_directory_is_noticed(out: Path, reopen: Reopen, segments: Segments) -> None:
    """A writer that finds the manifest other than it left it adds nothing to it, and cuts nothing off."""
    mine, theirs = segments(2), segments(2, writer="w2")
    directory = reopen()
    directory.publish(mine[0])
    reopen().publish(theirs[0])
    before = (out / "manifest/2026-11-23.jsonl").read_bytes()
    for _ in range(2):
        with pytest.raises(OutputError, match="changed by another process"):
            directory.publish(mine[1])
    assert (out / "manifest/2026-11-23.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(b"{", id="one byte"),
        pytest.param(b'{"path":"records/date=2026', id="half a line"),
        pytest.param(b"\0" * 4096, id="zeros, as some file systems leave after power loss"),
        pytest.param(b"x" * 200_000, id="more than a block"),
    ],
)
@pytest.mark.parametrize("day", ["2026-11-23", "2026-11-24"], ids=["of the day", "of a new day"])
def test_a_torn_line_is_cut(
    out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput, torn: bytes, day: str
) -> None:
    """What follows the last newline goes when the directory is opened, also where it is all that the file has."""
    made = segments(6)
    directory = reopen()
    for segment in made[:4]:
        directory.publish(segment)
    with (out / f"manifest/{day}.jsonl").open("ab") as file:
        file.write(torn)
    directory = reopen()
    for segment in made[3:]:
        directory.publish(segment)
    assert len(check_output(out)) == 18


def test_a_first_line_that_was_torn_is_cut(
    out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput
) -> None:
    """A crash in the very first line leaves a chain that has not begun."""
    reopen()
    (out / "manifest/2026-11-23.jsonl").write_bytes(b'{"pa')
    reopen().publish(segments(1)[0])
    assert len(check_output(out)) == 3


def test_a_manifest_that_is_not_ours_is_left_alone(out: Path, reopen: Reopen) -> None:
    """A whole line that can't be read is no torn line: it is reported, not cut."""
    reopen()
    manifest = out / "manifest/2026-11-23.jsonl"
    manifest.write_bytes(b'{"path":"records/../../x"}\n')
    with pytest.raises(OutputError, match=r"2026-11-23\.jsonl: not a manifest line that this version can read"):
        reopen()
    assert manifest.read_bytes() == b'{"path":"records/../../x"}\n'


def test_staging_is_emptied(out: Path, reopen: Reopen) -> None:
    """What a crash left there is of no use: the rows are in the outbox."""
    reopen()
    (out / ".staging/half.jsonl").write_bytes(b"{")
    reopen()
    assert list((out / ".staging").iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out/deeper"])
def test_a_file_in_the_way_is_named(tmp_path: Path, name: str) -> None:
    """Where the directory should be, or above it, is a file: the error says where and what to do."""
    (tmp_path / "out").write_text("")
    with pytest.raises(
        OutputError, match=rf"can't create {tmp_path}/{name}: .*a file is in the way: move it, or choose"
    ):
        OutputDirectory.open(tmp_path / name, schema=b"{}")


@contextmanager
def _unprivileged() -> Iterator[None]:
    """As a user that permissions apply to."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("made_before", [False, True], ids=["new", "made by another user"])
def test_a_directory_that_may_not_be_written_is_named(made_before: bool) -> None:
    """A lack of permission is found when the directory is opened, not when the first records come."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        if made_before:
            OutputDirectory.open(root, schema=b"{}")
        for path in (root / "records", root):
            if path.exists():
                path.chmod(0o555)
        try:
            with (
                _unprivileged(),
                pytest.raises(OutputError, match=rf"{folder}/records: Permission denied \(let the user"),
            ):
                OutputDirectory.open(root, schema=b"{}")
            with (
                _unprivileged(),
                pytest.raises(OutputError, match=rf"can't lock {folder}/.lock: Permission denied \(let the user"),
                locked(root),
            ):
                pass
        finally:
            root.chmod(0o755)


@pytest.mark.parametrize("left", [False, True], ids=["removed", "replaced"])
def test_a_lock_that_is_lost_is_taken_again(out: Path, reopen: Reopen, left: bool) -> None:
    """Unless another process has it by then, which is named; when that has ended."""
    with locked(out) as keep:
        reopen()
        assert not keep()
        (out / ".lock").unlink()
        if left:
            (out / ".lock").touch()
        with locked(out), pytest.raises(OutputLocked, match=f"being written by process {os.getpid()};"):
            keep()
        (out / ".lock").unlink()
        assert keep()
        assert not keep()
        with pytest.raises(OutputLocked), locked(out):
            pass


@pytest.mark.parametrize("left", [False, True], ids=["nothing is left", "a mount point is left"])
def test_no_lock_is_made_where_a_directory_was(out: Path, reopen: Reopen, left: bool) -> None:
    """It may not be mounted; when it is there again, its lock is as good as ever."""
    with locked(out) as keep:
        reopen()
        out.rename(elsewhere := out.with_name("elsewhere"))
        if left:
            out.mkdir()
        with pytest.raises(OutputError, match="was it removed, moved, or is it not mounted"):
            keep()
        assert out.exists() == left
        if left:
            out.rmdir()
        elsewhere.rename(out)
        assert not keep()


@pytest.mark.parametrize("room", [0, 100], ids=["nothing is written", "a short write"])
@pytest.mark.parametrize("file", ["segment", "manifest"])
def test_what_does_not_fit_leaves_nothing_half_visible(
    out: Path, reopen: Reopen, segments: Segments, check_output: CheckOutput, room: int, file: str
) -> None:
    """The system takes part of a file and no more: readers see nothing of it, and it goes on when there is room."""
    directory = reopen()
    made = segments(8, a_day=8, size=1 if file == "manifest" else 2000)
    for segment in made[:7]:
        directory.publish(segment)
    manifest = out / "manifest/2026-11-23.jsonl"
    before = manifest.read_bytes()
    limit = room if file == "segment" else len(before) + room
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OutputError, match=r"can't write .*\.jsonl: File too large"):
            directory.publish(made[7])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert manifest.read_bytes() == before
    assert list((out / ".staging").iterdir()) == []
    directory.publish(made[7])
    assert len(check_output(out)) == 24
