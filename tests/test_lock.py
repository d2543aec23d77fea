"""Holding a file: by one, with its name, until it ends; who did not come to an end is told."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker import lock


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    """The other is told who does; afterwards it is free, and names nobody."""
    file = tmp_path / "lock"
    assert not lock.is_held(file)
    with lock.holding(file) as hold:
        assert not hold.died
        assert lock.is_held(file)
        with pytest.raises(lock.Held) as refused, lock.holding(file):
            pytest.fail("two hold it")
        assert refused.value.holder == f"process {os.getpid()}"
    assert not lock.is_held(file)
    assert file.read_bytes() == b""


def test_an_error_leaves_the_name_there(tmp_path: Path) -> None:
    """As a process that died does; the next that ends well clears it."""
    file = tmp_path / "lock"
    with pytest.raises(RuntimeError), lock.holding(file):
        raise RuntimeError
    with lock.holding(file) as hold:
        assert hold.died
    with lock.holding(file) as hold:
        assert not hold.died


def test_a_process_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    """Killed, it is found out by the next."""
    file = tmp_path / "lock"
    code = "import os, sys; from pathlib import Path; from worker import lock\nwith lock.holding(Path(sys.argv[1])):"
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", f"{code} os.kill(os.getpid(), 9)", file], cwd=root, check=False, timeout=60)
    assert file.read_bytes().startswith(b"process ")
    assert not lock.is_held(file)
    with lock.holding(file) as hold:
        assert hold.died


def test_who_looks_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`is_held` holds it for a moment, too: who comes just then waits for the end of that."""
    file = tmp_path / "lock"
    file.touch()
    looking = os.open(file, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    waits: list[float] = []

    def ends(wait_s: float) -> None:
        waits.append(wait_s)
        os.close(looking)

    monkeypatch.setattr(lock.time, "sleep", ends)
    with lock.holding(file):
        assert waits == [lock._TRY_S]


def test_a_file_that_is_removed_can_be_held_again(tmp_path: Path) -> None:
    """Or replaced by one that nobody holds. In between others would find it free; then not."""
    file = tmp_path / "lock"
    with lock.holding(file) as hold:
        assert hold.look() == "kept"
        file.unlink()
        assert (hold.look(), lock.is_held(file)) == ("removed", False)
        hold.take_again()
        assert (hold.look(), lock.is_held(file)) == ("kept", True)
        assert file.read_text() == f"process {os.getpid()}\n"
        other = tmp_path / "other"
        other.write_text("process 1\n")
        other.rename(file)
        assert (hold.look(), lock.is_held(file)) == ("replaced", False)
        hold.take_again()
        assert (hold.look(), lock.is_held(file)) == ("kept", True)
        assert not os.get_inheritable(hold.descriptor)
    assert not lock.is_held(file)
    assert file.read_bytes() == b""


@pytest.mark.parametrize("call", ["stat", "fstat"])
def test_what_a_failing_disk_does_not_show_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Who holds a file must not end because of that."""

    def failing(*_: object, **__: object) -> os.stat_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with lock.holding(tmp_path / "lock") as hold:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            assert hold.look() == "kept"
        assert hold.look() == "kept"


def test_a_file_that_another_holds_by_now_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with lock.holding(file) as hold:
        file.unlink()
        with lock.holding(file):
            with pytest.raises(lock.Held):
                hold.take_again()
            assert hold.look() == "replaced"
            assert lock.is_held(file)


def test_a_file_that_can_t_be_held_is_not_left_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look like another process's."""
    file = tmp_path / "lock"
    with lock.holding(file) as hold:
        file.unlink()
        with monkeypatch.context() as patch:

            def no_locks(*_: int) -> None:
                raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

            patch.setattr(fcntl, "flock", no_locks)
            with pytest.raises(OSError, match="No locks"):
                hold.take_again()
        assert hold.look() == "removed"
        hold.take_again()
        assert hold.look() == "kept"


def test_the_holder_can_say_something(tmp_path: Path) -> None:
    """To whoever looks at the file; who is refused is told the name alone. It is never longer than a block."""
    file = tmp_path / "lock"
    with lock.holding(file) as hold:
        assert lock.said_in(file) == ""
        hold.say("the disk is full\nand slow")
        assert lock.said_in(file) == "the disk is full\nand slow"
        with pytest.raises(lock.Held) as refused, lock.holding(file):
            pytest.fail("two hold it")
        assert refused.value.holder == f"process {os.getpid()}"
        hold.say("\N{SNOWMAN}" * 2000)
        assert file.stat().st_size == 4096
        hold.say("")
        assert lock.said_in(file) == ""
