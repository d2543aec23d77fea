"""An output directory in a bucket, beside one on a disk: the same calls come to the same."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.bucket import Bucket, bucket, object_store
from tests.output.conftest import DAY_MS, NOW, SCHEMA, START, compact, make_segments
from worker.errors import OutputError, OutputLocked
from worker.model import Millis, object_path
from worker.output import (
    Keeping,
    OutputDirectory,
    commit,
    committed,
    cursor,
    last_segment,
    locked,
    make_shards,
    newest,
    read_lines,
    read_records,
    shards_in,
    verify,
)
from worker.output.disk import files, object_lock, objects
from worker.output.reading import follow

__all__ = ["bucket", "object_store"]


def opened(out: Path) -> OutputDirectory:
    return OutputDirectory.open(out, schema=SCHEMA, latest=True, feed=5)


def contents(out: Path) -> dict[str, bytes]:
    """All that is there, by name."""
    return {path.relative_to(out).as_posix(): b"".join(files.blocks(path)) for path in files.below(out)}


def both(tmp_path: Path, bucket: Bucket, act: Callable[[Path, OutputDirectory], object]) -> Path:
    """What is done to the two, which are the same then; the one in a bucket."""
    found = {}
    for out in (tmp_path / "out", bucket()):
        found[out] = act(out, opened(out)), contents(out)
    (local, remote) = found
    assert found[local] == found[remote]
    assert verify(remote).findings == ()
    return remote


def test_what_is_published_is_the_same_to_the_byte(tmp_path: Path, bucket: Bucket) -> None:
    """Segments, manifest, the newest revisions and feed.json; published again, and by the next process."""

    def act(out: Path, directory: OutputDirectory) -> object:
        for segment in make_segments(6):
            directory.publish(segment)
        directory.publish(make_segments(6)[-1])
        again = opened(out)
        return [again.publish(segment) for segment in make_segments(8)[4:]]

    remote = both(tmp_path, bucket, act)
    assert len(list(read_records(remote))) == 24
    last = last_segment(remote)
    assert last is not None
    assert last.last_seq == 24
    assert [record["_ingest"]["seq"] for record in newest(remote, 2)] == [24, 23]


@pytest.mark.parametrize("pack", [False, True])
def test_closed_days_are_compacted_and_expire(tmp_path: Path, bucket: Bucket, *, pack: bool) -> None:
    """As they are on a disk; readers go on across it."""

    def act(_: Path, directory: OutputDirectory) -> object:
        for segment in make_segments(6, a_day=2):
            directory.publish(segment)
        return [type(step) for step in compact(directory, pack=pack)]

    remote = both(tmp_path, bucket, act)
    records = list(read_records(remote))
    assert [record["_ingest"]["seq"] for record in records] == list(range(1, 19))
    assert [r["_ingest"]["seq"] for r in read_records(remote, cursor(records[9]))] == list(range(11, 19))
    directory = opened(remote)
    now = Millis(NOW + 300 * DAY_MS)
    keeping = Keeping(merge=True, pack=pack, grace_ms=0, keep_ms=298 * DAY_MS)
    for step in directory.due(keeping, now=now):
        directory.carry_out(step, now=now)
    assert 0 < len(list(read_records(remote))) < 18
    assert verify(remote).findings == ()


def test_an_article_is_taken_down(tmp_path: Path, bucket: Bucket) -> None:
    id = f"{5:032x}"

    def act(_: Path, directory: OutputDirectory) -> object:
        for segment in make_segments(4):
            directory.publish(segment)
        return directory.forget(id, now=NOW)

    remote = both(tmp_path, bucket, act)
    assert not any(id.encode() in content for name, content in contents(remote).items() if "manifest" not in name)


def test_a_file_that_is_sent_in_parts_is_whole(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a day is merged into may be larger than memory."""
    monkeypatch.setattr(objects, "WHOLE_BYTES", 10_000)
    path = bucket() / "large"
    files.write(path, (bytes([number]) * 70_000 for number in range(100)))
    assert files.size(path) == 7_000_000
    assert b"".join(files.blocks(path)) == b"".join(bytes([number]) * 70_000 for number in range(100))
    assert files.part(path, 69_999, 2) == b"\0\1"


def test_a_stale_process_adds_nothing(bucket: Bucket) -> None:
    """It was frozen, say, and its lock is another's: what it has in hand is refused, on the same day or the next."""
    out = bucket()
    first, *others = make_segments(6, a_day=2)
    stale = opened(out)
    stale.publish(first)
    ours = opened(out)
    for segment in others[:2]:
        ours.publish(segment)
    before = contents(out)
    theirs = make_segments(6, writer="w2")
    with pytest.raises(OutputError, match="changed by another process"):
        stale.publish(theirs[5])
    named = {name: content for name, content in contents(out).items() if name.startswith("manifest")}
    assert named == {name: content for name, content in before.items() if name.startswith("manifest")}
    # It finds itself behind then, and what was published meanwhile is not published again.
    assert stale.publish(others[0]).path == others[0].path
    ours = opened(out)
    for segment in others[2:]:
        ours.publish(segment)
    files.remove(out / theirs[5].path)
    assert verify(out).records == 18
    assert verify(out).findings == ()


def test_an_append_of_which_nobody_knows_is_made_good(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a put that came to pass is lost: the segment is published again, and named once."""
    out = bucket()
    directory = opened(out)
    first, second = make_segments(2)
    directory.publish(first)
    real = objects.append

    def lost(path: object, data: bytes, at: int | None) -> None:
        real(path, data, at)  # type: ignore[arg-type]
        raise OutputError("no answer")

    monkeypatch.setattr(objects, "append", lost)
    with pytest.raises(OutputError, match="no answer"):
        directory.publish(second)
    monkeypatch.setattr(objects, "append", real)
    directory.publish(second)
    assert verify(out).findings == ()
    assert verify(out).records == 6


def test_one_process_holds_it(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it ends, or its lock has not been renewed for long; a process of this machine that is gone, not so long."""
    out = bucket()
    with locked(out):
        assert verify_is_being_written(out)
        with pytest.raises(OutputLocked, match=f"process {os.getpid()} on "), locked(out):
            pass
        monkeypatch.setattr(object_lock, "LOST_S", 0.0)
        assert not verify_is_being_written(out)
        with locked(out):
            pass
    monkeypatch.setattr(object_lock, "LOST_S", 60.0)
    with locked(out):
        pass
    gone = {"host": socket.gethostname(), "process": 2**22 + 1, "token": "other", "renewed": 3}
    files.write(out / ".lock", [orjson.dumps(gone)])
    with locked(out):
        pass
    files.write(out / ".lock", [orjson.dumps(gone | {"host": "elsewhere"})])
    with pytest.raises(OutputLocked, match="process 4194305 on elsewhere"), locked(out):
        pass


def verify_is_being_written(out: Path) -> bool:
    opened(out)
    return verify(out).being_written


def test_a_lock_is_renewed(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is free when its holder ends."""
    monkeypatch.setattr(object_lock, "RENEW_S", 0.01)
    out = bucket()
    path = object_path(out / ".lock")
    assert path is not None
    with locked(out):
        tags = set()
        while len(tags) < 3:
            found = objects.read(path)
            assert found is not None
            tags.add(found[1])
    assert objects.read(path) is not None
    assert (objects.read(path) or (b"x",))[0] == b""


def test_shards_and_followers(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards are there before they have records; who follows sees what comes."""
    monkeypatch.setattr(follow, "BUCKET_INTERVAL_S", 0.01)
    out = bucket()
    make_shards(out, 2)
    assert shards_in(out) == ["shard=00", "shard=01"]
    assert list(read_lines(str(out))) == []
    found = []

    def reading() -> None:
        for record in read_records(str(out), follow=True):
            found.append(record["_ingest"]["seq"])
            if len(found) == 6:
                return

    thread = threading.Thread(target=reading, daemon=True)
    thread.start()
    for shard, writer in enumerate(("w1", "w2")):
        directory = OutputDirectory.open(out / f"shard=0{shard}", schema=SCHEMA)
        directory.publish(make_segments(1, writer=writer)[0])
    thread.join(20)
    assert sorted(found) == [1, 1, 2, 2, 3, 3]


def test_consumers_keep_their_places_there(bucket: Bucket) -> None:
    folder = bucket() / "consumers"
    assert committed(folder, "index") is None
    commit(folder, "index", "abc")
    commit(folder, "index", "def")
    assert committed(folder, "index") == "def"


def test_a_store_that_refuses_is_named(bucket: Bucket) -> None:
    """With where its keys come from."""
    elsewhere = object_path("s3://no-such-bucket/out")
    assert elsewhere is not None
    with pytest.raises(OutputError, match=r"can't write s3://no-such-bucket/out/.* AWS_\*"):
        files.write(elsewhere / "x", [b""])
    with pytest.raises(OutputError, match="no such object"):
        files.text(bucket() / "x")
    assert START
