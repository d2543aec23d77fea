"""removed/: what articles were known by whose records are gone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from tests.output.conftest import DAY_MS, START, compact, make_segments
from tests.output.disk import Disk
from worker.errors import OutputError
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, expired_keys, forgotten_keys, kept_out, verify
from worker.record import Record


def keys_of(record: Record, with_text: bool) -> Collection[bytes]:
    own = bytes.fromhex(record["id"])
    return (own, own[::-1]) if with_text else (own,)


def open_directory(out: Path) -> OutputDirectory:
    return OutputDirectory.open(out, schema=b"{}", keys_of=keys_of)


def filled(out: Path, days: int = 4) -> OutputDirectory:
    """Three records a day."""
    directory = open_directory(out)
    for segment in make_segments(days, a_day=1):
        directory.publish(segment)
    return directory


def key(number: int) -> bytes:
    return number.to_bytes(16)


def expire(directory: OutputDirectory, *, days: int, remember_days: int = 400) -> None:
    """The first of them."""
    keeping = Keeping(merge=False, pack=False, grace_ms=0, keep_ms=0, remember_ms=remember_days * DAY_MS)
    now = Millis(START + days * DAY_MS)
    for step in directory.due(keeping, now=now):
        directory.carry_out(step, now=now)


def test_what_expires_is_remembered(out: Path) -> None:
    """By the keys of its records, a file for each day; verify finds it sound, and says what is not."""
    directory = filled(out)
    assert list(expired_keys(out)) == []
    expire(directory, days=2)
    assert list(expired_keys(out)) == [key(number) for number in range(1, 7)]
    assert [path.name for path in sorted((out / "removed").iterdir())] == [
        "expired-2026-11-23.keys",
        "expired-2026-11-24.keys",
    ]
    assert verify(out).is_sound
    damaged = out / "removed/expired-2026-11-23.keys"
    for content in (damaged.read_bytes()[:-1], damaged.read_bytes()[::-1]):
        damaged.write_bytes(content)
        assert [str(finding) for finding in verify(out).findings] == [
            "removed/expired-2026-11-23.keys: damaged: not keys in their order"
        ]


def test_it_is_remembered_for_so_long_and_no_longer(out: Path) -> None:
    """So that it does not grow for ever."""
    directory = filled(out)
    expire(directory, days=1, remember_days=2)
    expire(directory, days=2, remember_days=2)
    assert list(expired_keys(out)) == [key(number) for number in range(1, 7)]
    expire(directory, days=3, remember_days=2)
    assert list(expired_keys(out)) == [key(number) for number in range(4, 10)]


def test_what_is_taken_down_is_remembered_with_its_words(out: Path) -> None:
    """For ever, however much expires."""
    directory = filled(out)
    directory.forget(f"{2:032x}", now=Millis(START))
    directory.forget(f"{5:032x}", now=Millis(START))
    directory.forget(f"{99:032x}", now=Millis(START))
    expire(directory, days=3, remember_days=0)
    ids = [number.to_bytes(16, "big") for number in (2, 5, 99)]
    assert {*forgotten_keys(out)} == {*ids, *(k for n in (2, 5) for k in (key(n), key(n)[::-1]))}


def test_what_never_came_is_remembered_until_it_is_let_in(out: Path) -> None:
    """Apart from what was taken down, which stays; as is what was not known of, and has records all the same."""
    directory = filled(out)
    directory.forget(f"{99:032x}", now=Millis(START), unknown=True)
    directory.forget(f"{2:032x}", now=Millis(START), unknown=True)
    directory.forget(f"{5:032x}", now=Millis(START))
    assert [kept_out(out, key(n)) for n in (99, 2, 5, 6)] == ["kept out", "taken down", "taken down", None]
    assert {key(99), key(2), key(5)} <= {*forgotten_keys(out)}
    assert verify(out).is_sound
    for number in (99, 2, 5):
        directory.let_in(key(number))
    assert [kept_out(out, key(n)) for n in (99, 2, 5)] == [None, "taken down", "taken down"]
    assert list(expired_keys(out)) == []
    assert verify(out).is_sound


def test_damaged_records_do_not_keep_it_from_being_removed(out: Path) -> None:
    """The others of the file are remembered."""
    directory = filled(out)
    path = next((out / "records/date=2026-11-23").iterdir())
    path.write_bytes(path.read_bytes().replace(b'{"id"', b'{"id', 1))
    expire(directory, days=1)
    assert list(expired_keys(out)) == [key(2), key(3)]
    assert not path.exists()


@pytest.mark.parametrize("failure", ["fails once", "full from here", "done, but says it failed"])
def test_no_record_goes_before_its_keys_are_safe(tmp_path: Path, failure: str) -> None:
    """Whichever call fails, each record is there, or remembered; when it is done again, all is as it should be."""
    disk = Disk()
    directory = filled(tmp_path / "sound", 2)
    with disk.mounted():
        expire(directory, days=1)
        directory.forget(f"{4:032x}", now=Millis(START))
    for at in range(1, len(disk.calls) + 1):
        out = tmp_path / str(at)
        directory = filled(out, 2)
        with Disk(failure, at).mounted():
            try:
                expire(directory, days=1)
                directory.forget(f"{4:032x}", now=Millis(START))
            except OutputError:
                pass
        there = b"".join(path.read_bytes() for path in (out / "records").rglob("*.jsonl"))
        remembered = {*expired_keys(out), *forgotten_keys(out)}
        assert all(f"{n:032x}".encode() in there or key(n) in remembered for n in range(1, 7))
        directory = open_directory(out)
        list(compact(directory, keep_ms=0, now=START + DAY_MS))
        directory.forget(f"{4:032x}", now=Millis(START))
        assert list(expired_keys(out)) == [key(1), key(2), key(3)]
        assert key(4) in set(forgotten_keys(out))
        assert verify(out).is_sound
