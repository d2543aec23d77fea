from __future__ import annotations

import hashlib
import json
import multiprocessing
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from worker.errors import OutputError, OutputLocked
from worker.output import OutputDirectory, Segment, locked, verify

Reopen = Callable[[], OutputDirectory]
Segments = Callable[..., list[Segment]]

FORK = multiprocessing.get_context("fork")

DAYS = ("manifest/2026-11-23.jsonl", "manifest/2026-11-24.jsonl")
FILES = (
    "records/date=2026-11-23/20261123T040506Z-w1-000000000001.jsonl",
    "records/date=2026-11-23/20261123T040606Z-w1-000000000004.jsonl",
    "records/date=2026-11-24/20261124T040506Z-w1-000000000007.jsonl",
)


@pytest.fixture
def sound(out: Path, reopen: Reopen, segments: Segments) -> Path:
    """Nine records in three files of two days."""
    directory = reopen()
    for segment in segments(3, a_day=2):
        directory.publish(segment)
    return out


def said(out: Path, **options: bool) -> list[str]:
    return [str(finding) for finding in verify(out, **options).findings]


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def substitute(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    return lambda data: re.sub(pattern, by, data, count=1)


def rechain(out: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    """The manifest with other lines whose chain is whole: a lie that was told with care."""
    texts = [(day, text) for day in DAYS for text in (out / day).read_text().splitlines()]
    lines = [json.loads(text) for _, text in texts]
    change(lines)
    written: dict[str, bytes] = dict.fromkeys(DAYS, b"")
    prev = ""
    for (day, _), line in zip(texts, lines, strict=True):
        raw = json.dumps(line | {"prev": prev}, separators=(",", ":")).encode()
        prev = hashlib.sha256(raw).hexdigest()
        written[day] += raw + b"\n"
    for day, content in written.items():
        (out / day).write_bytes(content)


def rewritten(out: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    """A file of records with other content, of which the manifest has size and hash."""
    edit(out / FILES[number], change)
    data = (out / FILES[number]).read_bytes()
    rechain(out, lambda lines: lines[number].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))


def test_a_sound_directory_is_said_to_be(sound: Path) -> None:
    """Counted by files and records; read or not."""
    for quick in (True, False):
        report = verify(sound, quick=quick)
        assert (report.is_sound, report.files, report.records, report.being_written) == (True, 3, 9, False)


def test_an_empty_directory_is_sound(out: Path, reopen: Reopen) -> None:
    """Before the first record."""
    reopen()
    assert verify(out).is_sound


def test_lines_of_the_first_version_are_read(sound: Path) -> None:
    """They had no kind, and dropped nothing."""
    rechain(sound, lambda lines: [(line.pop("kind"), line.pop("drops")) for line in lines])  # type: ignore[func-returns-value]
    assert verify(sound).is_sound


def test_another_directory_is_refused(tmp_path: Path) -> None:
    """It is not found to be sound for having no records."""
    with pytest.raises(OutputError, match="is not an output directory"):
        verify(tmp_path)


DAMAGE: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a bit of a record": (
        lambda out: edit(out / FILES[1], substitute(b"5 ", b"6 ")),
        [rf"{FILES[1]}: sha256 is \w+; the manifest says \w+"],
    ),
    "a record cut short": (
        lambda out: edit(out / FILES[2], lambda data: data[:-7]),
        [rf"{FILES[2]}: \d+ bytes; ", rf"{FILES[2]}: sha256", rf"{FILES[2]}: 2 whole lines; the manifest says 3"],
    ),
    "a file gone": (lambda out: (out / FILES[0]).unlink(), [rf"{FILES[0]}: missing, though the manifest names it"]),
    "a file too many": (
        lambda out: (out / "records/notes.txt").write_text("x"),
        ["records/notes.txt: not a file of feedmill's"],
    ),
    "an older file that no line names": (
        lambda out: (out / FILES[0].replace("0506Z", "0507Z")).write_text("x"),
        ["records/date=2026-11-23/20261123T040507Z-w1-000000000001.jsonl: the manifest does not name it"],
    ),
    "a byte of a manifest line": (
        lambda out: edit(out / DAYS[0], substitute(b'"schema":1', b'"schema":2')),
        [
            rf"{DAYS[0]}:1: schema 2 is not known",
            rf"{DAYS[0]}:2: the chain is broken: prev is \w+, the line before has",
        ],
    ),
    "a manifest line taken away": (
        lambda out: edit(out / DAYS[0], lambda data: data.split(b"\n")[0] + b"\n"),
        [
            rf"{DAYS[1]}:1: the chain is broken",
            rf"{DAYS[1]}:1: a gap in the numbers of writer w1: seq 7, expected 4",
            rf"{FILES[1]}: the manifest does not name it",
        ],
    ),
    "the first day taken away": (
        lambda out: (out / DAYS[0]).unlink(),
        [
            rf"{DAYS[1]}:1: the chain is broken: prev is \w+, the line before has none",
            rf"{DAYS[1]}:1: a gap",
            rf"{FILES[0]}: the manifest does not name it",
            rf"{FILES[1]}: the manifest does not name it",
        ],
    ),
    "a manifest line that is none": (
        lambda out: edit(out / DAYS[0], substitute(b'"path":"records/', b'"path":"../')),
        [
            rf"{DAYS[0]}:1: not a manifest line",
            rf"{DAYS[0]}:2: the chain",
            rf"{DAYS[0]}:2: a gap",
            rf"{FILES[0]}: .*not",
        ],
    ),
    "an older day of the manifest cut short": (
        lambda out: edit(out / DAYS[0], lambda data: data + b'{"kind":'),
        [rf"{DAYS[0]}:3: the file ends in the middle of a line"],
    ),
    "a number given twice": (
        lambda out: rechain(out, lambda lines: lines[2].update(first_seq=6, last_seq=8)),
        [
            rf"{DAYS[1]}:1: {FILES[2]} is not the name of what the line says",
            rf"{DAYS[1]}:1: a repeat in the numbers of writer w1: seq 6, expected 7",
            *(rf"{FILES[2]}:{n}: seq {n + 6} of writer w1, expected {n + 5} of w1" for n in (1, 2, 3)),
        ],
    ),
    "a count that is wrong": (
        lambda out: rechain(out, lambda lines: lines[1].update(records=4)),
        [rf"{DAYS[0]}:2: 4 records do not go from seq 4 to 6", rf"{FILES[1]}: 3 whole lines; the manifest says 4"],
    ),
    "a file named twice": (
        lambda out: rechain(out, lambda lines: lines[1].update(lines[0])),
        [
            rf"{DAYS[0]}:2: {FILES[0]} is named a second time",
            "a repeat",
            "a gap",
            rf"{FILES[1]}: the manifest does not",
        ],
    ),
    "a segment of another day": (
        lambda out: rechain(
            out, lambda lines: lines[1].update(path=FILES[1].replace("date=2026-11-23", "date=2026-11-22"))
        ),
        [rf"{DAYS[0]}:2: .* is of another day than", "missing", rf"{FILES[1]}: the manifest does not name it"],
    ),
    "a file that was never there is dropped": (
        lambda out: rechain(out, lambda lines: _remove(lines, FILES[2])),
        [rf"{DAYS[1]}:1: {FILES[2]} is dropped, but no line names it before", rf"{FILES[2]}: not deleted yet"],
    ),
    "a record of another writer": (
        lambda out: rewritten(out, 0, substitute(b'"writer":"w1"', b'"writer":"w2"')),
        [rf"{FILES[0]}:1: seq 1 of writer w2, expected 1 of w1"],
    ),
    "a key of another type": (
        lambda out: rewritten(out, 1, substitute(b'"word_count":2', b'"word_count":"2"')),
        [rf"{FILES[1]}:1: not a record: _ingest.word_count: Input should be a valid integer"],
    ),
    "a key that lacks": (
        lambda out: rewritten(out, 1, substitute(b'"license":null,', b"")),
        [rf"{FILES[1]}:1: not a record: _ingest.license: Field required"],
    ),
    "no JSON": (
        lambda out: rewritten(out, 1, substitute(b'{"id"', b'"id"')),
        [rf"{FILES[1]}:1: not a record: Invalid JSON"],
    ),
    "a revision twice": (
        lambda out: rewritten(out, 2, substitute(rb'"id":"0{31}8"', b'"id":"%032x"' % 2)),
        [rf"{FILES[2]}:2: revision 1 of 0{{31}}2 a second time; the first is at {FILES[0]}:2"],
    ),
}


def _remove(lines: list[dict[str, object]], path: str) -> None:
    lines[2].clear()
    lines[2].update(kind="remove", drops=[path], removed_at="2026-11-24T00:00:00Z")


@pytest.mark.parametrize(("damage", "expected"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_named_with_its_place(sound: Path, damage: Callable[[Path], object], expected: list[str]) -> None:
    """All of it and nothing else, in file and line; and it is not for --repair to hide."""
    damage(sound)
    for _ in range(2):
        found = said(sound)
        assert len(found) == len(expected), found
        for finding, pattern in zip(found, expected, strict=True):
            assert re.search(pattern, finding), finding
        assert verify(sound, repair=True).mended == ()


def test_quick_sees_what_needs_no_reading(sound: Path) -> None:
    """Sizes and the manifest, but not a bit that is turned."""
    edit(sound / FILES[1], substitute(b"5 ", b"6 "))
    assert said(sound, quick=True) == []
    edit(sound / FILES[1], lambda data: data[:-7])
    assert len(said(sound, quick=True)) == 1


LEFT: dict[str, tuple[Callable[[Path, Segment], object], str]] = {
    "half a manifest line": (
        lambda out, _: edit(out / DAYS[1], lambda data: data + b'{"kind":'),
        f"{DAYS[1]}:2: the file ends in the middle of a line",
    ),
    "half a first line of a day": (
        lambda out, _: (out / "manifest/2026-11-25.jsonl").write_bytes(b"{"),
        "manifest/2026-11-25.jsonl:1: the file ends in the middle of a line",
    ),
    "a staged file": (
        lambda out, _: (out / ".staging/x.jsonl").write_bytes(b"{"),
        ".staging/x.jsonl: staged and never put in its place",
    ),
    "a segment without its line": (
        lambda out, segment: (out / segment.path).write_bytes(b"{}\n"),
        "records/date=2026-11-25/20261124T040606Z-w1-000000000010.jsonl: the newest of its writer, and not named yet",
    ),
    "a segment of a new writer": (
        lambda out, _: (out / FILES[2].replace("w1-000000000007", "w2-000000000001")).write_bytes(b"{}\n"),
        "w2-000000000001.jsonl: the newest of its writer, and not named yet",
    ),
    "a compacted file without its line": (
        lambda out, _: (out / FILES[0].replace(".jsonl", "_000000000006.jsonl")).write_bytes(b"{}\n"),
        "000000000001_000000000006.jsonl: made of files that are named, but not named itself",
    ),
}


@pytest.mark.parametrize(("leave", "expected"), LEFT.values(), ids=LEFT.keys())
def test_what_a_crash_left_is_said_and_mended(
    sound: Path, segments: Segments, reopen: Reopen, leave: Callable[[Path, Segment], object], expected: str
) -> None:
    """--repair finishes it and touches nothing else; a worker then goes on as if nothing had been."""
    before = {path: path.read_bytes() for path in sound.rglob("*.jsonl")}
    last = segments(4, a_day=2)[3]
    following = replace(last, path=last.path.replace("2026-11-24", "2026-11-25"))
    (sound / following.path).parent.mkdir()
    leave(sound, following)
    (found,) = said(sound)
    assert expected in found
    report = verify(sound, repair=True)
    assert (report.is_sound, [str(finding) for finding in report.mended]) == (True, [found])
    after = {path: path.read_bytes() for path in sound.rglob("*.jsonl")}
    assert {path: data for path, data in after.items() if data} == before
    reopen().publish(following)
    assert said(sound) == []


@pytest.mark.parametrize(("leave", "_expected"), LEFT.values(), ids=LEFT.keys())
def test_what_a_writer_has_in_hand_is_no_damage(
    sound: Path, segments: Segments, leave: Callable[[Path, Segment], object], _expected: str
) -> None:
    """The same, while a process holds the directory: it is not judged, and --repair is refused. Damage still counts."""
    last = segments(4, a_day=2)[3]
    (sound / "records/date=2026-11-25").mkdir()
    leave(sound, replace(last, path=last.path.replace("2026-11-24", "2026-11-25")))
    ours, theirs = FORK.Pipe()

    def hold() -> None:
        with locked(sound):
            theirs.send("held")
            theirs.recv()

    holder = FORK.Process(target=hold, daemon=True)
    holder.start()
    with ours, theirs:
        assert ours.recv() == "held"
        report = verify(sound)
        assert (report.is_sound, report.being_written) == (True, True)
        with pytest.raises(OutputLocked, match=rf"{sound} is being written by process {holder.pid}; "):
            verify(sound, repair=True)
        (sound / FILES[0]).unlink()
        assert said(sound) == [f"{FILES[0]}: missing, though the manifest names it"]
        ours.send("enough")
        holder.join()


def test_what_is_published_meanwhile_is_no_damage(
    sound: Path, segments: Segments, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments that come while the files are read are in records/ when that is listed, and in the manifest by then."""
    made = iter(segments(9, a_day=2)[3:])
    directory = reopen()

    def publish_next(done: int, total: int) -> None:
        directory.publish(next(made))
        directory.publish(next(made))

    report = verify(sound, progress=publish_next)
    assert (report.is_sound, report.files) == (True, 3)
    assert verify(sound).files == 9


def test_the_lock_ends_with_its_holder(out: Path) -> None:
    """It is free once it was left, and the next one takes it; the folder need not be there."""
    for _ in range(2):
        with locked(out), pytest.raises(OutputLocked), locked(out):
            pass
