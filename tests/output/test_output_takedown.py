from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
import zstandard

from tests.output.conftest import DAY_MS, NOW, START, compact, make_row
from tests.output.disk import calls_of, cut_off
from worker.errors import OutputError
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, Row, Segment, cursor, read_records, segment_path, verify

ID = f"{0xBAD:032x}"
EMPTY = sha256(b"").hexdigest()
GONE = {2, 5, 8, 11}
"""The numbers of its records: one in each file but the last."""


def made() -> Iterator[Segment]:
    """Three files of three records on each of two days, and one on a third; every third record is one of `ID`."""
    for index in range(5):
        day, minute = divmod(index, 2)
        seqs = range(1 + 3 * index, 4 + 3 * index)
        rows = tuple(
            make_row(seq, "bad text", id=0xBAD, revision=1 + seq // 3) if seq in GONE else make_row(seq, "good")
            for seq in seqs
        )
        at = Millis(START + day * DAY_MS + minute * 60_000)
        path = segment_path(at=at, date=f"2026-11-{23 + day}", writer="w1", first_seq=seqs[0])
        yield Segment(path=path, writer="w1", first_seq=seqs[0], rows=rows)


def open_directory(out: Path) -> OutputDirectory:
    return OutputDirectory.open(out, schema=b"{}", latest=True)


def seqs(out: Path, since: str | None = None) -> list[int]:
    return [record["_ingest"]["seq"] for record in read_records(out, since)]


def by_the_table(out: Path) -> list[int]:
    """As a reader in another language does that follows the table in deploy/README.md."""
    lines = [orjson.loads(raw) for day in sorted(out.glob("manifest/*")) for raw in day.read_bytes().splitlines()]
    found = []
    for line in lines:
        path = line["path"] if line["kind"] == "segment" else None
        while path is not None and not (out / path).exists():
            path = next(
                (later["path"] for later in lines if later["kind"] == "replace" and path in later["drops"]), None
            )
        if path is not None:
            with zstandard.open(out / path, "rb") if path.endswith(".zst") else (out / path).open("rb") as file:
                numbers = [orjson.loads(raw)["_ingest"]["seq"] for raw in file.read().splitlines()]
            found += [number for number in numbers if line["first_seq"] <= number <= line["last_seq"]]
    return found


def text_is_there(out: Path) -> bool:
    return any(b"bad text" in path.read_bytes() for path in out.rglob("*") if path.is_file())


HISTORIES: dict[str, Callable[[OutputDirectory], object]] = {
    "as it was published": lambda directory: None,
    "merged, within the grace": lambda directory: list(compact(directory, grace_ms=DAY_MS)),
    "merged": lambda directory: list(compact(directory)),
    "packed": lambda directory: list(compact(directory, pack=True)),
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_an_article_is_taken_down(out: Path, history: Callable[[OutputDirectory], object]) -> None:
    """All its revisions, from every file there is; the others stay, for whoever reads from wherever, and later too."""
    directory = open_directory(out)
    for segment in made():
        directory.publish(segment)
    cursors = [cursor(record) for record in read_records(out)]
    history(directory)
    assert directory.forget(ID, now=NOW) == 4
    left = [seq for seq in range(1, 16) if seq not in GONE]

    def assert_gone() -> None:
        assert seqs(out) == by_the_table(out) == left
        assert not text_is_there(out) or any(out.glob("records/*/*.zst"))
        for seq, since in enumerate(cursors, 1):
            assert seqs(out, since) == [number for number in left if number > seq]
        assert not list(out.glob(f"latest/*/{ID}.json"))
        assert verify(out).findings == ()

    assert_gone()
    assert directory.forget(ID, now=NOW) == 0
    list(compact(directory))
    assert_gone()
    list(compact(open_directory(out), pack=True))
    assert_gone()
    assert open_directory(out).forget(f"{1:032x}", now=NOW) == 1
    left.remove(1)
    assert_gone()


def test_a_file_that_held_nothing_else_is_not_replaced(out: Path) -> None:
    """Its line stands, and a later one says that it was removed."""
    directory = open_directory(out)
    path = segment_path(at=Millis(START), date="2026-11-23", writer="w1", first_seq=1)
    directory.publish(Segment(path=path, writer="w1", first_seq=1, rows=(make_row(1, "bad text", id=0xBAD),)))
    assert directory.forget(ID, now=NOW) == 1
    assert list(out.glob("records/*/*")) == []
    assert (seqs(out), verify(out).findings) == ([], ())


@pytest.mark.parametrize("pack", [False, True])
def test_files_around_one_that_went_whole_are_not_merged(out: Path, pack: bool) -> None:
    """A file holds numbers without a gap, but for those that its line names."""
    directory = open_directory(out)
    for day, first_seq, ids in ((23, 1, [1, 2]), (23, 3, [0xBAD]), (23, 4, [3]), (23, 5, [4]), (24, 6, [5])):
        rows = tuple(make_row(first_seq + place, "text", id=id) for place, id in enumerate(ids))
        at = Millis(START + (day - 23) * DAY_MS + first_seq * 1000)
        path = segment_path(at=at, date=f"2026-11-{day}", writer="w1", first_seq=first_seq)
        directory.publish(Segment(path=path, writer="w1", first_seq=first_seq, rows=rows))
    cursors = [cursor(record) for record in read_records(out)]
    assert directory.forget(ID, now=NOW) == 1
    list(compact(directory, pack=pack))
    assert verify(out).findings == ()
    assert len(list(out.glob("records/date=2026-11-23/*"))) == 2
    for seq, since in enumerate(cursors, 1):
        assert seqs(out, since) == [number for number in (1, 2, 4, 5, 6) if number > seq]


def test_the_line_that_says_so_is_pinned(out: Path) -> None:
    """The name of the file says that it is another edition, the line which numbers it lacks."""
    directory = open_directory(out)
    for segment in itertools.islice(made(), 1):
        directory.publish(segment)
    directory.forget(ID, now=NOW)
    replacing = (out / "manifest/2026-11-23.jsonl").read_text().splitlines()[1]
    path = "records/date=2026-11-23/20261123T040506Z-w1-000000000001"
    assert f'"path":"{path}_000000000003.1.jsonl","records":2,' in replacing
    assert '"first_seq":1,"last_seq":3,"writer":"w1"' in replacing
    assert f'"drops":["{path}.jsonl"],"forgotten":[2],"prev":"' in replacing


@pytest.mark.parametrize("failure", ["done, but says it failed", "killed"])
def test_a_takedown_that_is_cut_off_can_be_repeated(tmp_path: Path, failure: str) -> None:
    """Whichever call fails or is the last: readers miss nothing else, and the next try comes to its end."""
    published = tmp_path / "published"
    directory = open_directory(published)
    for segment in itertools.islice(made(), 3):
        directory.publish(segment)
    list(compact(directory, grace_ms=DAY_MS))
    sound = tmp_path / "sound"
    shutil.copytree(published, sound)
    calls = calls_of(lambda: open_directory(sound).forget(ID, now=NOW))
    for at in range(1, len(calls) + 1):
        out = tmp_path / str(at)
        shutil.copytree(published, out)
        cut_off(lambda out=out: open_directory(out).forget(ID, now=NOW), failure, at)
        assert [seq for seq in seqs(out) if seq not in GONE] == [1, 3, 4, 6, 7, 9]
        assert all(finding.remedy or finding.file.startswith("latest/") for finding in verify(out).findings)
        open_directory(out).forget(ID, now=NOW)
        assert seqs(out) == [1, 3, 4, 6, 7, 9]
        assert not text_is_there(out)
        assert verify(out).findings == ()
        shutil.rmtree(out)


def test_nothing_is_taken_out_of_what_is_damaged(out: Path) -> None:
    """A new hash would hide it."""
    directory = open_directory(out)
    (segment, *_) = made()
    directory.publish(segment)
    path = out / segment.path
    path.write_bytes(path.read_bytes().replace(b"good", b"gone"))
    with pytest.raises(OutputError, match="is damaged, so nothing can be taken out of it"):
        directory.forget(ID, now=NOW)


def test_a_file_that_is_gone_keeps_nothing_in_the_others(out: Path) -> None:
    """It is said; and what could not be read when the notices were made is left for the next time."""
    directory = open_directory(out)
    (first, *_) = segments = list(made())
    for segment in segments:
        directory.publish(segment)
    content = (out / first.path).read_bytes()
    (out / first.path).unlink()
    notices, unread = directory.notices([ID])
    assert [notice["_ingest"]["revision"] for notice in notices] == [5]
    assert [*unread] == [first.path]
    with pytest.raises(OutputError, match="000000000001"):
        directory.forget(ID, now=NOW)
    assert not text_is_there(out)
    (out / first.path).write_bytes(content)
    with pytest.raises(OutputError, match="000000000001"):
        directory.forget(ID, now=NOW, unread=unread)
    assert text_is_there(out)
    assert directory.forget(ID, now=NOW) == 1
    assert not text_is_there(out)
    assert verify(out).findings == ()


def test_what_was_forgotten_may_not_come_back(out: Path) -> None:
    """A segment that is published again after all is not put in its place."""
    directory = open_directory(out)
    for segment in made():
        directory.publish(segment)
    directory.forget(ID, now=NOW)
    OutputDirectory.open(out, schema=b"{}").publish(list(made())[-1])
    assert not text_is_there(out)
    assert verify(out).findings == ()


def told(out: Path, ids: list[str]) -> OutputDirectory:
    """The directory after a segment of the notices that are due, as the outbox would have them."""
    directory = open_directory(out)
    after = 1 + max(seqs(out))
    rows = tuple(
        Row(
            seq=after + place,
            op=notice["_ingest"]["op"],
            revision=notice["_ingest"]["revision"],
            ingested_at=NOW,
            body=orjson.dumps(notice),
        )
        for place, notice in enumerate(directory.notices(ids)[0])
    )
    if rows:
        path = segment_path(at=NOW, date="2026-12-03", writer="w1", first_seq=after)
        directory.publish(Segment(path=path, writer="w1", first_seq=after, rows=rows))
    return directory


def test_who_follows_is_told_and_who_begins_anew_sees_that_alone(out: Path) -> None:
    """A delete as the next revision, which says nothing of what was said; it stays, and is not told twice."""
    directory = open_directory(out)
    for segment in made():
        directory.publish(segment)
    last = cursor(list(read_records(out))[-1])
    told(out, [ID, f"{0xABC:032x}"]).forget(ID, now=NOW)
    (notice,) = read_records(out, last)
    assert (notice["id"], notice["_ingest"]["op"], notice["_ingest"]["revision"]) == (ID, "delete", 5)
    assert (notice["_ingest"]["feed_id"], notice["_ingest"]["content_hash"][-64:]) == ("a", EMPTY)
    assert [record["_ingest"]["op"] for record in read_records(out) if record["id"] == ID] == ["delete"]
    assert told(out, [ID]).forget(ID, now=NOW) == 0
    list(compact(open_directory(out), pack=True))
    assert list(read_records(out, last)) == [notice]
    assert not list(out.glob(f"latest/*/{ID}.json"))
    assert verify(out).findings == ()


KEEPING = {"merge": True, "pack": False, "grace_ms": 0}


@pytest.mark.parametrize("keep_ms", [None, DAY_MS], ids=["merging", "expiring"])
@pytest.mark.parametrize("merged", [False, True])
def test_steps_that_were_due_before_a_takedown_are_not_taken_after_it(
    out: Path, keep_ms: int | None, merged: bool
) -> None:
    """A command asks for it between two of them: what it has dropped is not dropped again."""
    directory = open_directory(out)
    for segment in made():
        directory.publish(segment)
    if merged:
        for step in directory.due(Keeping(**KEEPING, keep_ms=None), now=NOW):
            directory.carry_out(step, now=NOW)
    steps = directory.due(Keeping(**KEEPING, keep_ms=keep_ms), now=NOW)
    directory.forget(ID, now=NOW)
    for step in steps:
        directory.carry_out(step, now=NOW)
    assert verify(out).findings == ()
    list(compact(directory, keep_ms=keep_ms))
    assert not text_is_there(out)
    assert verify(out).findings == ()


def test_steps_that_were_due_when_another_process_held_the_directory_are_not_taken(out: Path) -> None:
    """It may have taken them."""
    directory = open_directory(out)
    for segment in made():
        directory.publish(segment)
    steps = directory.due(Keeping(**KEEPING, keep_ms=None), now=NOW)
    list(compact(open_directory(out)))
    again = open_directory(out)
    for step in steps:
        again.carry_out(step, now=NOW)
    assert verify(out).findings == ()
