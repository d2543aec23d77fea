"""An output directory in a bucket whose requests fail, one after the other, in each way that a network has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bucket import Bucket, Faults, bucket, faults, object_store
from tests.output.conftest import DAY_MS, NOW, SCHEMA, make_segments
from tests.whole.processes import until
from worker.errors import OutputError
from worker.model import object_path
from worker.output import Keeping, OutputDirectory, locked, read_records, verify
from worker.output.disk import files, object_lock, objects
from worker.record import Record

__all__ = ["bucket", "faults", "object_store"]

KEEPING = Keeping(merge=True, pack=True, grace_ms=0, keep_ms=9 * DAY_MS)
"""Of three days, one is past it, one is merged, and one goes on."""
FORGOTTEN = f"{4:032x}"
SEGMENTS = make_segments(3, a_day=1)


def key_of(record: Record, _: bool) -> tuple[bytes]:
    return (bytes.fromhex(record["id"]),)


def opened(out: Path) -> OutputDirectory:
    return OutputDirectory.open(out, schema=SCHEMA, latest=True, feed=5, keys_of=key_of)


def tidied(directory: OutputDirectory) -> None:
    while steps := directory.due(KEEPING, now=NOW):
        for step in steps:
            directory.carry_out(step, now=NOW)


def do(out: Path, *, restart: bool) -> int:
    """All that is done to a directory. What fails is done again, by this process or the next. Returns how often."""
    directory: OutputDirectory | None = None
    failures = 0
    steps: list[Callable[[OutputDirectory], object]] = [
        *(lambda it, segment=segment: it.publish(segment) for segment in SEGMENTS),
        tidied,
        lambda it: it.forget(FORGOTTEN, now=NOW),
        lambda it: it.publish(SEGMENTS[-1]),
        tidied,
    ]
    for step in steps:
        while True:
            try:
                directory = directory or opened(out)
                step(directory)
                break
            except OutputError:
                failures += 1
                assert failures < 5
                directory = None if restart else directory
    return failures


def contents(out: Path) -> dict[str, bytes]:
    """All that is there, but for the manifest, in which a takedown that was begun anew has one more line."""
    found = {path.relative_to(out).as_posix(): b"".join(files.blocks(path)) for path in files.below(out)}
    return {name: content for name, content in found.items() if not name.startswith("manifest")}


WAYS = ("500", "lost", "409", "cut", "done", "403", "lost")
"""In turns."""


@pytest.mark.slow
def test_a_request_that_fails_is_made_good(bucket: Bucket, faults: Faults) -> None:
    """Whichever it is (each third is tried), of publishing, merging, expiring and taking down, and whether this process
    goes on or the next: what comes of it is the same to the byte."""
    sound = bucket()
    assert do(sound, restart=False) == 0
    total, expected = len(faults.requests), contents(sound)
    failures = 0
    for at in range(1, total + 1, 3):
        out = bucket()
        faults.requests.clear()
        how = WAYS[at // 3 % len(WAYS)]
        faults.fail = lambda count, _, at=at, how=how: how if count == at else None  # type: ignore[misc]
        failures += do(out, restart=at % 2 == 0)
        faults.fail = lambda _, __: None
        assert contents(out) == expected, (at, how)
        assert [record["_ingest"]["seq"] for record in read_records(out)] == [5, 6, 7, 8, 9]
        assert verify(out).findings == ()
    assert failures > total / 6


def test_what_can_not_be_read_now_is_not_taken_for_damaged(bucket: Bucket, faults: Faults) -> None:
    """A day that is past its time stays until its articles can be remembered: they would come again."""
    out = bucket()
    directory = opened(out)
    for segment in SEGMENTS:
        directory.publish(segment)
    faults.fail = lambda _, request: "500" if SEGMENTS[0].path[-20:] in request else None
    with pytest.raises(OutputError, match="can't read"):
        tidied(directory)
    assert not files.exists(out / "removed")
    faults.fail = lambda _, __: None
    tidied(directory)
    assert files.size(out / "removed/expired-2026-11-23.keys") == 3 * 16
    assert verify(out).findings == ()


def test_an_end_that_comes_too_early_is_told(bucket: Bucket, faults: Faults) -> None:
    """A manifest without its last lines would be a directory without its last records."""
    out = bucket()
    opened(out).publish(SEGMENTS[0])
    faults.fail = lambda _, request: "empty" if request.startswith("GET") and "manifest/2026" in request else None
    with pytest.raises(OutputError, match="can't read"):
        list(read_records(out))


def test_a_lock_whose_renewal_was_not_answered_is_held(
    bucket: Bucket, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was done: the next one goes by it."""
    monkeypatch.setattr(object_lock, "RENEW_S", 0.01)
    path = object_path(bucket() / ".lock")
    assert path is not None
    with object_lock.holding(path):
        for how in ("lost", "done", "500", "409"):
            begun = len(faults.requests)
            faults.fail = lambda count, request, how=how, begun=begun: (  # type: ignore[misc]
                how if request.startswith("PUT") and count < begun + 4 else None
            )
            until(lambda begun=begun: len(faults.requests) > begun + 8)  # type: ignore[misc]
        first = objects.read(path)
        until(lambda: objects.read(path) != first)
        assert object_lock.is_held(path)
    assert not object_lock.is_held(path)


def test_a_conflict_is_an_error_of_ours(bucket: Bucket, faults: Faults) -> None:
    """S3 answers 409 while another request for the same object is under way."""
    out = bucket()
    faults.fail = lambda _, __: "409"
    with pytest.raises(OutputError, match="can't write"):
        files.write(out / "x", [b""])
    with pytest.raises(OutputError, match=r"can't \w+ s3://"), locked(out):
        pass


def test_what_a_store_answers_is_told_and_in_the_same_words_each_time(
    bucket: Bucket, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log leaves out what it has just said; how long a request took, and its id, would make each line a new one."""
    out = bucket()
    faults.fail = lambda _, __: "503"
    said = []
    for retries in (0, 0, 1):
        monkeypatch.setattr(objects, "RETRIES", retries)
        objects._store.cache_clear()
        with pytest.raises(OutputError) as refused:
            files.write(out / "x", [b""])
        said.append(str(refused.value))
    assert set(said) == {
        f"can't write {out}/x: Generic S3 error: 503 Service Unavailable: No: no (see AWS_* in the environment)"
    }
