"""latest/: the newest revision of each article as a file."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.output.conftest import DAY_MS, START, compact, make_row
from tests.output.disk import Disk, calls_of, cut_off
from worker.errors import OutputError
from worker.model import Millis
from worker.output import OutputDirectory, Row, Segment, line, segment_path, verify
from worker.output.disk import files


def segment(day: int, rows: Iterable[Row]) -> Segment:
    made = tuple(rows)
    at, first = Millis(START + (day - 23) * DAY_MS), made[0].seq
    path = segment_path(at=at, date=f"2026-11-{day}", writer="w1", first_seq=first)
    return Segment(path=path, writer="w1", first_seq=first, rows=made)


FIRST = segment(23, [make_row(1, "a", id=0xA1), make_row(2, "b", id=0xB2), make_row(3, "c", id=0xC3)])
SECOND = segment(
    24,
    [
        make_row(4, "a again", id=0xA1, revision=2, op="update"),
        make_row(5, "", id=0xB2, revision=2, op="delete"),
        make_row(6, "d", id=0xD4),
        make_row(7, "d again", id=0xD4, revision=2, op="update"),
        make_row(8, "e", id=0xE5),
        make_row(9, "", id=0xE5, revision=2, op="delete"),
    ],
)
THIRD = segment(25, [make_row(10, "b is back", id=0xB2, revision=3, op="update")])


def open_directory(out: Path) -> OutputDirectory:
    return OutputDirectory.open(out, schema=b"{}", latest=True)


def latest(out: Path) -> dict[int, str]:
    """The texts in latest/ by the articles' numbers; each file is in the folder of its name."""
    found = {}
    for path in sorted(out.glob("latest/*/*")):
        raw = path.read_bytes()
        record = json.loads(raw)
        assert path.relative_to(out / "latest").as_posix() == f"{record['id'][:2]}/{record['id']}.json"
        assert any(raw in segment.read_bytes() for segment in out.glob("records/*/*.jsonl"))
        found[int(record["id"], 16)] = record["content_text"]
    return found


AFTER = [
    {0xA1: "a", 0xB2: "b", 0xC3: "c"},
    {0xA1: "a again", 0xC3: "c", 0xD4: "d again"},
    {0xA1: "a again", 0xB2: "b is back", 0xC3: "c", 0xD4: "d again"},
]


def test_each_article_is_there_as_it_is_now(out: Path) -> None:
    """Written when it is new, replaced by its updates, removed when it is deleted; its bytes are the record's."""
    directory = open_directory(out)
    assert latest(out) == {}
    for made, expected in zip((FIRST, SECOND, THIRD), AFTER, strict=True):
        directory.publish(made)
        assert latest(out) == expected
    assert verify(out).is_sound


def test_it_is_made_where_it_is_wanted(out: Path) -> None:
    """Not by default."""
    OutputDirectory.open(out, schema=b"{}").publish(FIRST)
    assert not (out / "latest").exists()


def test_publishing_again_goes_back_to_nothing_older(out: Path) -> None:
    """What is newer by then stays."""
    for made in (FIRST, SECOND, THIRD):
        open_directory(out).publish(made)
    open_directory(out).publish(THIRD)
    open_directory(out).publish(SECOND)
    assert latest(out) == AFTER[2]


def test_publishing_again_makes_good_what_was_not_reached(out: Path) -> None:
    """Also when the segment was compacted in between."""
    OutputDirectory.open(out, schema=b"{}").publish(FIRST)
    OutputDirectory.open(out, schema=b"{}").publish(segment(23, [make_row(4, "", id=0xF6)]))
    OutputDirectory.open(out, schema=b"{}").publish(segment(24, [make_row(5, "", id=0xF7)]))
    list(compact(open_directory(out)))
    open_directory(out).publish(FIRST)
    assert latest(out) == AFTER[0]


def test_articles_go_with_their_records(out: Path) -> None:
    """Where days are removed by age, what is newest in them; merged or not, and even if a file of them is damaged."""
    directory = open_directory(out)
    for made in (FIRST, SECOND, THIRD):
        directory.publish(made)
    list(compact(directory, keep_ms=9 * DAY_MS))
    assert latest(out) == {0xA1: "a again", 0xB2: "b is back", 0xD4: "d again"}
    (out / SECOND.path).write_bytes(b"{\n" + (out / SECOND.path).read_bytes())
    list(compact(directory, keep_ms=8 * DAY_MS))
    assert latest(out) == {0xB2: "b is back"}


def test_the_number_of_syncs_does_not_grow_with_the_articles(out: Path) -> None:
    """Two for a segment, of the whole file system: contents before names, names before the segment counts as done."""
    directory = open_directory(out)
    directory.publish(FIRST)
    disk = Disk()
    rows = [make_row(seq, "x", id=seq) for seq in range(4, 104)]
    with disk.mounted():
        directory.publish(segment(23, rows))
    after_manifest = disk.calls[9:]
    assert after_manifest == [*["open", "write"] * 100, "open", "syncfs", *["replace"] * 100, "open", "syncfs"]


@pytest.mark.parametrize("failure", ["full from here", "done, but says it failed", "killed"])
def test_a_crash_anywhere_is_made_good(tmp_path: Path, failure: str) -> None:
    """Each file is that of some revision meanwhile, and the right one when the segment has been published again."""
    out = tmp_path / "out"
    open_directory(out).publish(FIRST)
    sound = tmp_path / "sound"
    shutil.copytree(out, sound)
    calls = calls_of(lambda: open_directory(sound).publish(SECOND))
    for at in range(1, len(calls) + 1):
        tried = tmp_path / str(at)
        shutil.copytree(out, tried)
        cut_off(lambda tried=tried: open_directory(tried).publish(SECOND), failure, at)
        for id, text in latest(tried).items():
            assert text in (AFTER[0].get(id), AFTER[1].get(id))
        open_directory(tried).publish(SECOND)
        assert latest(tried) == AFTER[1]
        assert verify(tried).is_sound
        shutil.rmtree(tried)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(lambda path: path.write_text("x"), "not a record: Invalid JSON", id="no record"),
        pytest.param(
            lambda path: path.rename(path.with_name("x.json")), f"not the place of article {0xA1:032x}", id="misplaced"
        ),
        pytest.param(
            lambda path: path.write_bytes(line(make_row(1, "a", id=0xA1), "w1")),
            "revision 1 is not the newest",
            id="old",
        ),
        pytest.param(
            lambda path: path.write_bytes(line(make_row(1, "a", id=0xA1, revision=3), "w1")),
            "revision 3 is not in records/",
            id="from elsewhere",
        ),
    ],
)
def test_verify_says_what_is_not_the_newest(out: Path, damage: Callable[[Path], object], expected: str) -> None:
    """In file and place; not where it is not to read the records."""
    for made in (FIRST, SECOND):
        open_directory(out).publish(made)
    damage(next(out.glob(f"latest/*/{0xA1:032x}.json")))
    (finding,) = verify(out).findings
    assert expected in str(finding)
    assert verify(out, quick=True).is_sound


def test_what_is_not_a_record_there_is_named(out: Path) -> None:
    """Nobody else writes there; the error says what to do."""
    open_directory(out).publish(FIRST)
    path = next(out.glob("latest/*/*"))
    path.write_text("x")
    with pytest.raises(OutputError, match=rf"{path} is not what feedmill wrote: .*; delete it"):
        open_directory(out).publish(FIRST)


@pytest.mark.parametrize(
    "libc", [None, type("Libc", (), {"syncfs": staticmethod(lambda _: -1)})], ids=["no syncfs", "it fails"]
)
def test_the_file_system_is_synced_or_it_is_said(tmp_path: Path, libc: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """All file systems where one alone can't be; a failure is an error that names the place."""
    monkeypatch.setattr(files, "_LIBC", libc)
    if libc is None:
        files.sync_filesystem(tmp_path)
        return
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EIO)
    with pytest.raises(OutputError, match=rf"can't write to {tmp_path}: Input/output error \(look at the disk"):
        files.sync_filesystem(tmp_path)


def test_where_it_is_no_longer_wanted_nothing_there_grows_old(out: Path) -> None:
    """What was kept stays while it is the newest; nothing new comes, and what is taken down goes."""
    open_directory(out).publish(FIRST)
    directory = OutputDirectory.open(out, schema=b"{}")
    directory.publish(SECOND)
    assert latest(out) == {0xC3: "c"}
    assert verify(out).findings == ()
    directory.forget(f"{0xC3:032x}", now=Millis(START))
    assert latest(out) == {}
    open_directory(out).publish(THIRD)
    assert latest(out) == {0xB2: "b is back"}
    assert verify(out).findings == ()


def test_what_has_expired_does_not_come_back_with_a_segment_that_was_not_marked(out: Path) -> None:
    """A crash came between the manifest's line and the mark, and `compact` before the next start."""
    directory = open_directory(out)
    directory.publish(FIRST)
    directory.publish(SECOND)
    list(compact(directory, now=START + 10 * DAY_MS, keep_ms=DAY_MS))
    open_directory(out).publish(FIRST)
    assert verify(out).findings == ()
