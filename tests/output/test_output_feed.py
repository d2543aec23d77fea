"""feed.json: the newest articles as a JSON Feed."""

from __future__ import annotations

import json
import random
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.output.conftest import DAY_MS, START, compact, make_row
from tests.output.disk import Disk, calls_of, cut_off
from tests.output.test_output_latest import FIRST, SECOND, THIRD, segment
from worker.errors import OutputError
from worker.model import Millis, Op
from worker.output import OutputDirectory, Segment, read_records, segment_path, verify
from worker.output.writing import recent
from worker.record import Record

COUNT = 3


def open_directory(out: Path, count: int | None = COUNT) -> OutputDirectory:
    return OutputDirectory.open(out, schema=b"{}", feed=count)


def items(out: Path) -> list[Record]:
    """After a look at what every JSON Feed 1.1 has."""
    feed = json.loads((out / "feed.json").read_bytes())
    assert (feed["version"], bool(feed["title"])) == ("https://jsonfeed.org/version/1.1", True)
    found: list[Record] = feed["items"]
    return found


def texts(out: Path) -> list[str]:
    return [item["content_text"] for item in items(out)]


def expected(out: Path, count: int = COUNT) -> list[Record]:
    """By all the records, read from the first on."""
    last: dict[str, Record] = {}
    for record in read_records(out):
        if record["_ingest"]["op"] != "duplicate":
            last.pop(record["id"], None)
            last[record["id"]] = record
    live = [record for record in last.values() if record["_ingest"]["op"] != "delete"]
    return live[::-1][:count]


def test_the_newest_articles_are_there_as_they_are_now(out: Path) -> None:
    """The newest first; one that is deleted makes room for an older one, one that is back takes its place."""
    directory = open_directory(out)
    assert texts(out) == []
    for made, there in (
        (FIRST, ["c", "b", "a"]),
        (SECOND, ["d again", "a again", "c"]),
        (THIRD, ["b is back", "d again", "a again"]),
        (segment(26, [make_row(11, "", id=0xB2, revision=4, op="delete")]), ["d again", "a again", "c"]),
    ):
        directory.publish(made)
        assert texts(out) == there
        assert items(out) == expected(out)
    assert verify(out).is_sound


def test_it_is_there_only_while_it_is_wanted(out: Path) -> None:
    """Not by default; and where it was, it does not grow old."""
    OutputDirectory.open(out, schema=b"{}").publish(FIRST)
    assert not (out / "feed.json").exists()
    open_directory(out)
    assert texts(out) == ["c", "b", "a"]
    OutputDirectory.open(out, schema=b"{}")
    assert not (out / "feed.json").exists()


OPS: list[Op] = ["new", "update", "delete", "duplicate"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(1, 6))
@example(152025, False, 1)  # of three files of a day the second goes whole, and then they become one
@example(152025, True, 1)
def test_it_follows_from_the_records(
    tmp_path_factory: pytest.TempPathFactory, seed: int, pack: bool, count: int
) -> None:
    """Whatever came, in whatever order, through restarts, compaction, retention and takedowns; verify agrees."""
    chance = random.Random(seed)
    out = tmp_path_factory.mktemp("feed") / "out"
    directory = open_directory(out, count)
    seq, revisions = 0, dict.fromkeys(range(1, 9), 0)
    for day in range(6):
        for minute in range(chance.randint(1, 3)):
            rows = []
            for _ in range(chance.randint(1, 5)):
                seq, id = seq + 1, chance.randint(1, 8)
                revisions[id] += 1
                rows.append(make_row(seq, f"{seq}", id=id, revision=revisions[id], op=chance.choice(OPS)))
            at = Millis(START + day * DAY_MS + minute * 60_000)
            path = segment_path(at=at, date=f"2026-11-{23 + day}", writer="w1", first_seq=rows[0].seq)
            directory.publish(Segment(path=path, writer="w1", first_seq=rows[0].seq, rows=tuple(rows)))
            assert items(out) == expected(out, count)
        match chance.choice(("restart", "compact", "keep", "forget", "go on")):
            case "restart":
                directory = open_directory(out, count)
            case "compact":
                list(compact(directory, pack=pack))
            case "keep":
                list(compact(directory, pack=pack, keep_ms=2 * DAY_MS, now=START + (day + 1) * DAY_MS))
            case "forget":
                directory.forget(f"{chance.randint(1, 8):032x}", now=Millis(START + 9 * DAY_MS))
            case _:
                continue
        assert items(out) == expected(out, count)
    assert verify(out).is_sound
    open_directory(out, count)
    assert items(out) == expected(out, count)


def test_packed_days_are_gone_through_backwards_in_parts(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many lines are held as it says."""
    monkeypatch.setattr(recent, "_AT_ONCE", 2)
    directory = open_directory(out, 5)
    for made in (FIRST, SECOND, THIRD):
        directory.publish(made)
    list(compact(directory, pack=True))
    assert len(list(out.glob("records/*/*.zst"))) == 2
    open_directory(out, 5)
    assert texts(out) == ["b is back", "d again", "a again", "c"]


def test_a_takedown_leaves_it_at_once(out: Path) -> None:
    """With every other trace of the article."""
    directory = open_directory(out)
    directory.publish(FIRST)
    directory.forget(f"{0xB2:032x}", now=Millis(START))
    assert texts(out) == ["c", "a"]
    assert verify(out).is_sound


def test_damaged_records_do_not_keep_a_worker_from_its_work(out: Path) -> None:
    """They are left out; verify tells of them."""
    directory = open_directory(out)
    directory.publish(FIRST)
    (out / FIRST.path).write_bytes((out / FIRST.path).read_bytes().replace(b'{"id"', b'{"id', 1))
    open_directory(out)
    assert texts(out) == ["c", "b"]


def test_memory_grows_with_the_articles_that_are_wanted_alone(out: Path) -> None:
    """Not with those that there are: 30 MB of records."""
    directory = open_directory(out)
    big = "x" * 100_000
    for number in range(30):
        rows = [make_row(seq, big, id=seq) for seq in range(1 + number * 10, 11 + number * 10)]
        directory.publish(segment(23, rows))
    list(compact(OutputDirectory.open(out, schema=b"{}")))
    tracemalloc.start()
    try:
        open_directory(out)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def worked(directory: OutputDirectory) -> None:
    directory.publish(SECOND)
    directory.forget(f"{0xC3:032x}", now=Millis(START + DAY_MS))


def begun(out: Path) -> OutputDirectory:
    directory = open_directory(out)
    directory.publish(FIRST)
    return directory


@pytest.mark.parametrize("failure", ["full from here", "killed"])
def test_a_crash_anywhere_is_made_good(tmp_path: Path, failure: str) -> None:
    """It is whole meanwhile, and what it should be when the next process has begun, and when it has done the work."""
    directory = begun(tmp_path / "0")
    calls = calls_of(lambda: worked(directory))
    at_calls = [at for at, name in enumerate(calls, 1) if failure == "killed" or name in ("write", "mkdir")]
    for at in at_calls:
        out = tmp_path / str(at)
        directory = begun(out)
        cut_off(lambda directory=directory: worked(directory), failure, at)
        items(out)
        directory = open_directory(out)
        # Readers may still find the article in the file that was replaced; here it is gone with the manifest's line.
        assert items(out) in (expected(out), [item for item in expected(out) if item["id"] != f"{0xC3:032x}"])
        worked(directory)
        assert texts(out) == ["d again", "a again"]
        assert verify(out).is_sound


def test_an_error_is_made_good_by_the_same_process(out: Path) -> None:
    """The segment is published again, and all of it is there."""
    directory = open_directory(out)
    directory.publish(FIRST)
    disk = Disk()
    with disk.mounted():
        open_directory(out.with_name("other")).publish(FIRST)
    for at in range(10, 16):
        with Disk("fails once", at).mounted(), pytest.raises(OutputError):
            directory.publish(SECOND)
        assert texts(out) in (["c", "b", "a"], ["d again", "a again", "c"])
        directory.publish(SECOND)
        assert texts(out) == ["d again", "a again", "c"]
        shutil.rmtree(out)
        directory = open_directory(out)
        directory.publish(FIRST)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda data: data[:-5], "not a JSON Feed of feedmill's", id="cut"),
        pytest.param(lambda _: b"[]", "not a JSON Feed of feedmill's", id="something else"),
        pytest.param(lambda data: data.replace(b'"d again"', b'"d"'), "item 1 is not what is newest", id="other words"),
        pytest.param(lambda _: b'{"items":[]}', "item 1 is not what is newest", id="empty"),
    ],
)
def test_verify_says_what_is_wrong_with_it(out: Path, spoil: Callable[[bytes], bytes], said: str) -> None:
    """Unless it is not to read the records; the next start makes it good."""
    directory = open_directory(out)
    for made in (FIRST, SECOND):
        directory.publish(made)
    path = out / "feed.json"
    path.write_bytes(spoil(path.read_bytes()))
    (finding,) = verify(out).findings
    assert str(finding).startswith(f"feed.json: {said}")
    assert verify(out, quick=True).is_sound
    open_directory(out)
    assert verify(out).is_sound
