"""The disk fails at every system call in turn, and the process is killed there, and anywhere."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.output.conftest import DAY_MS, NOW, compact
from tests.output.disk import FORK, Disk, calls_of, cut_off
from worker.errors import OutputError
from worker.output import Keeping, OutputDirectory, Segment, read_records, verify

Reopen = Callable[[], OutputDirectory]
Segments = Callable[..., list[Segment]]
CheckOutput = Callable[[Path], list[dict[str, Any]]]


def _calls(segments: Segments, folder: Path) -> int:
    """How many system calls opening a directory and publishing two segments, of two days, takes."""
    disk = Disk()
    with disk.mounted():
        directory = OutputDirectory.open(folder, schema=b"{}")
        for segment in segments(2, a_day=1):
            directory.publish(segment)
    return len(disk.calls)


def _snapshot(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_every_step_is_on_disk_before_the_next(reopen: Reopen, segments: Segments) -> None:
    """The order of the calls is what survives a power loss: contents, then names, then what refers to them."""
    directory = reopen()
    disk = Disk()
    with disk.mounted():
        directory.publish(segments(1)[0])
    assert disk.calls == [
        *("mkdir", "open", "fsync"),  # the day's folder, and its name in records/
        *("open", "write", "fsync"),  # the staged file
        *("replace", "open", "fsync"),  # its name in the day's folder
        *("open", "write", "fsync"),  # the manifest's line
        *("open", "fsync"),  # the manifest's name, being new
    ]
    disk = Disk()
    with disk.mounted():
        directory.publish(segments(2)[1])
    assert disk.calls == ["open", "write", "fsync", "replace", "open", "fsync", "open", "write", "fsync"]


def test_opening_makes_durable_what_it_takes_for_done(tmp_path: Path, segments: Segments) -> None:
    """A crash may have come before an fsync; what is found on start is synced, for nobody will do so later."""
    out = tmp_path / "out"
    disk = Disk()
    with disk.mounted():
        OutputDirectory.open(out, schema=b"{}").publish(segments(1)[0])
    assert disk.synced[:2] == [tmp_path.name, "out"]
    disk = Disk()
    with disk.mounted():
        directory = OutputDirectory.open(out, schema=b"{}")
    assert disk.synced == ["out", "2026-11-23.jsonl", "manifest", "record-1.json", "schema"]
    disk = Disk()
    with disk.mounted():
        directory.publish(segments(1)[0])
    name = Path(segments(1)[0].path).name
    assert disk.synced == ["records", name, "date=2026-11-23"]


@pytest.mark.parametrize("failure", ["fails once", "full from here", "done, but says it failed", "gone from here"])
def test_an_error_anywhere_is_made_good(
    tmp_path: Path, segments: Segments, check_output: CheckOutput, failure: str
) -> None:
    """Whichever call fails, the error is ours, and going on in this process or the next comes to the same directory."""
    made = segments(3, a_day=1)
    sound = tmp_path / "sound"
    total = _calls(segments, sound)
    OutputDirectory.open(sound, schema=b"{}").publish(made[2])
    messages: list[str] = []
    for at in range(1, total + 1):
        for same_process in (True, False):
            out = tmp_path / f"{at}-{same_process}"
            directory = None
            with Disk(failure, at).mounted():
                try:
                    directory = OutputDirectory.open(out, schema=b"{}")
                    for segment in made[:2]:
                        directory.publish(segment)
                except OutputError as error:
                    messages.append(str(error))
            if directory is None or not same_process:
                directory = OutputDirectory.open(out, schema=b"{}")
            for segment in made:
                directory.publish(segment)
            assert len(check_output(out)) == 9
            assert _snapshot(out) == _snapshot(sound)
    assert len(messages) > total
    assert all(str(tmp_path) in message for message in messages)


def test_a_kill_at_every_call_is_made_good(tmp_path: Path, segments: Segments, check_output: CheckOutput) -> None:
    """Whichever call a process dies in, with half of it done, the next process comes to the same directory."""
    made = segments(2, a_day=1)
    sound = tmp_path / "sound"
    for at in range(1, _calls(segments, sound) + 1):
        out = tmp_path / str(at)

        def run(out: Path = out) -> None:
            directory = OutputDirectory.open(out, schema=b"{}")
            for segment in made:
                directory.publish(segment)

        cut_off(run, "killed", at)
        directory = OutputDirectory.open(out, schema=b"{}")
        for segment in made:
            directory.publish(segment)
        assert len(check_output(out)) == 6
        assert _snapshot(out) == _snapshot(sound)


def test_kills_at_random_instants_lose_and_repeat_nothing(
    tmp_path: Path, out: Path, segments: Segments, check_output: CheckOutput
) -> None:
    """A process that publishes in a loop is killed twenty times; each next one goes on from its marks, or before."""
    made = segments(2000, records=2, a_day=100, size=3000)
    marks = tmp_path / "marks"
    marks.touch()
    chance = random.Random(7)

    def run() -> None:
        directory = OutputDirectory.open(out, schema=b"{}")
        done = marks.stat().st_size
        with marks.open("ab", buffering=0) as file:
            for index in range(max(0, done - 3), done + 99):  # the marks may lag behind, as a rolled back commit would
                directory.publish(made[index])
                if index >= done:
                    file.write(b".")
        signal.pause()  # a fast machine gets here before it is killed

    for _ in range(20):
        process = FORK.Process(target=run)
        process.start()
        time.sleep(chance.uniform(0.005, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        done = marks.stat().st_size
        directory = OutputDirectory.open(out, schema=b"{}")
        directory.publish(made[done])
        with marks.open("ab") as file:
            file.write(b".")
        assert [record["_ingest"]["seq"] for record in check_output(out)] == list(range(1, 2 * (done + 1) + 1))


KEEP_MS = 9 * DAY_MS
"""Of the two days that are closed, the first is past it, and the second is compacted."""


@pytest.fixture
def published(tmp_path: Path, segments: Segments) -> Path:
    out = tmp_path / "published"
    directory = OutputDirectory.open(out, schema=b"{}", latest=True)
    for segment in segments(5, a_day=2):
        directory.publish(segment)
    return out


def _compacted(out: Path) -> None:
    for _ in compact(OutputDirectory.open(out, schema=b"{}", latest=True), keep_ms=KEEP_MS):
        pass


def _state(out: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files of records and of articles, and what the manifest says; the order in which days were taken up may
    differ."""
    snapshot = _snapshot(out)
    lines = [
        line.partition('"prev"')[0]
        for name, data in snapshot.items()
        if "manifest" in name
        for line in data.decode().splitlines()
    ]
    return {name: data for name, data in snapshot.items() if name.startswith(("records", "latest"))}, sorted(lines)


def _still_sound(out: Path) -> None:
    """As a crash left it: no reader misses or repeats a record, and what is half done can be told from damage."""
    seqs = [record["_ingest"]["seq"] for record in read_records(out)]
    assert seqs in (list(range(1, 16)), list(range(7, 16)))
    assert all(finding.remedy or finding.file.startswith("latest/") for finding in verify(out).findings)


def test_every_step_of_compaction_is_on_disk_before_the_next(published: Path) -> None:
    """The new file and its name, the line, and only then what it replaces goes, its line first."""
    shutil.rmtree(published / "latest")
    directory = OutputDirectory.open(published, schema=b"{}")
    drop, merge = directory.due(Keeping(merge=True, pack=False, grace_ms=0, keep_ms=KEEP_MS), now=NOW)
    disk = Disk()
    with disk.mounted():
        directory.carry_out(merge, now=NOW)
    assert disk.calls == [
        *("open", "write", "write", "fsync"),  # the staged file, of two
        *("replace", "open", "fsync"),  # its name in the day's folder
        *("open", "write", "fsync"),  # the manifest's line
    ]
    disk = Disk()
    with disk.mounted():
        directory.carry_out(drop, now=NOW)
    assert disk.calls == [
        *("open", "write", "fsync"),  # the manifest's line
        *("unlink", "unlink"),  # the files
        *("rmdir", "open", "fsync"),  # their folder, and its name in records/
    ]


@pytest.mark.parametrize("failure", ["full from here", "done, but says it failed", "killed"])
def test_compaction_that_is_cut_off_is_made_good(tmp_path: Path, published: Path, failure: str) -> None:
    """Whichever call fails, or is the process' last: readers and verify are none the worse, and what follows comes to
    the same directory."""
    sound = tmp_path / "sound"
    shutil.copytree(published, sound)
    total = len(calls_of(lambda: _compacted(sound)))
    for at in range(1, total + 1):
        out = tmp_path / str(at)
        shutil.copytree(published, out)
        cut_off(lambda out=out: _compacted(out), failure, at)
        _still_sound(out)
        if at % 2:
            assert verify(out, repair=True).is_sound
        _compacted(out)
        assert _state(out) == _state(sound)
        assert verify(out).is_sound
        shutil.rmtree(out)


def test_a_step_that_failed_can_be_taken_again(tmp_path: Path, published: Path) -> None:
    """In the same process, whichever call of it failed."""
    for at in range(1, 80):
        out = tmp_path / str(at)
        shutil.copytree(published, out)
        directory = OutputDirectory.open(out, schema=b"{}", latest=True)
        with Disk("fails once", at).mounted(), suppress(OutputError):
            list(compact(directory, keep_ms=KEEP_MS))
        list(compact(directory, keep_ms=KEEP_MS))
        assert len(list(read_records(out))) == 9
        assert verify(out).is_sound
        shutil.rmtree(out)
