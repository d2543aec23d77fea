"""A full disk, a read-only one, a clock that is set, two workers at one output directory: each is said clearly, and
when it is put right nothing is missing and nothing is there twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest

from tests.site import Answer, Request, Site
from tests.whole import stepping
from tests.whole.conftest import Later, Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss
from tests.whole.processes import found, running, until


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system in the place of a folder. Skips the test where nothing may be mounted."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


PAGE = 4096
"""What tmpfs gives room by."""


def fill(folder: Path, *, but: int = 0) -> None:
    """Leaves no room on the file system of a folder, `but` so many bytes."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(PAGE)):
            pass
    os.truncate(ballast, ballast.stat().st_size - but)


def notes(number: int) -> list[str]:
    return [item(f"g{n}", None, f"T{n}", prose(f"owl{n}", 40)) for n in range(number)]


def titles(worker: Worker) -> list[str]:
    return sorted(record.get("title", "") for record in worker.records())


def assert_whole(worker: Worker, number: int) -> None:
    """The entries of `notes`, each once."""
    assert titles(worker) == sorted(f"T{n}" for n in range(number))
    worker.run("verify")


def growing(first: int = 1) -> Callable[[Request], Answer]:
    """A feed that has one entry more at each poll."""
    number = count(first)
    return lambda _: Answer(body=rss(*notes(next(number))), content_type=RSS)


# --- the disk -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["out", "state"])
def test_a_disk_that_is_full_at_the_start_is_said_before_anyone_is_asked(
    site: Site, worker: Worker, place: str
) -> None:
    """Of the output or of the state: `once` ends with 1 and names it; when there is room it does its work."""
    worker.configure([feed(site, "a", *notes(3))], state="sqlite:///state/state.db", output={"min_free": "1B"})
    with mounted(worker.folder / place, "-t", "tmpfs", "-o", "size=8m", "none"):
        fill(worker.folder / place)
        said = worker.run("once", status=1).stderr
        assert "feedmill: can't lock " in said
        assert str(worker.folder / place) in said
        assert "No space left on device" in said
        assert site.requests == []
        (worker.folder / place / "ballast").unlink()
        assert worker.once().new == 3
        assert_whole(worker, 3)


@pytest.mark.slow
def test_a_disk_that_fills_up_under_once_keeps_what_was_fetched(site: Site, worker: Worker) -> None:
    """It ends with 1 and says why; the next run writes the records without asking for anything again."""

    def filling(_: Request) -> Answer:
        fill(worker.out, but=PAGE)  # output.min_free would stop it before
        return Answer(body=rss(*notes(3)), content_type=RSS)

    worker.configure([site.add("a", "/feed", filling)], output={"min_free": "1B"})
    with mounted(worker.out, "-t", "tmpfs", "-o", "size=1m", "none"):
        assert "make room on that file system" in worker.run("once", status=1).stderr
        (worker.out / "ballast").unlink()
        assert worker.once().published == 3
        assert len(site.requests) == 1
        assert_whole(worker, 3)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["out", "state"])
def test_a_disk_that_fills_up_under_run_is_waited_for(site: Site, worker: Worker, place: str) -> None:
    """Of the output or of the state: the log says so, and when there is room it goes on, without a restart."""
    full: list[bool] = []

    def filling(_: Request) -> Answer:
        if not full:
            full.append(True)
            fill(worker.folder / place, but=PAGE)  # as above
        return Answer(body=rss(*notes(40)), content_type=RSS)

    worker.configure(
        [{"url": site.add("a", "/feed", filling), "every": "1s"}],
        state="sqlite:///state/state.db",
        output={"seal_after": "0s", "min_free": "1B"},
    )
    with mounted(worker.folder / place, "-t", "tmpfs", "-o", "size=16m", "none"):  # SQLite's log takes 4 MB
        with running(worker):
            event = {"out": "publish.failed", "state": "store.unusable"}[place]
            until(lambda: f'"event":"{event}"' in worker.log.read_text())
            assert ("No space left" if place == "out" else "disk is full") in worker.log.read_text()
            (worker.folder / place / "ballast").unlink()
            until(lambda: len(found(worker)) == 40)
        assert_whole(worker, 40)


@pytest.mark.slow
def test_a_read_only_output_is_said_before_anyone_is_asked(site: Site, worker: Worker) -> None:
    """`once` ends with 1, and works when it is writable again; so does one that has been there before."""
    worker.configure([feed(site, "a", *notes(3))])
    for known in (0, 3):
        before = len(site.requests)
        with mounted(worker.out, "--bind", str(worker.out)):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(worker.out)], check=True)
            said = worker.run("once", "--all", status=1).stderr
        assert str(worker.out) in said
        assert "Read-only file system" in said
        assert len(site.requests) == before
        assert worker.once(every=True).new == 3 - known
        assert_whole(worker, 3)


@pytest.mark.slow
def test_an_output_that_becomes_read_only_under_run_is_waited_for(site: Site, worker: Worker) -> None:
    """The log says so once; when it is writable again all that came meanwhile is written."""
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    with running(worker):
        until(lambda: found(worker))
        with mounted(worker.out, "--bind", str(worker.out)):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(worker.out)], check=True)
            until(lambda: '"event":"publish.failed"' in worker.log.read_text())
            assert "mount it writable, or choose another output.dir" in worker.log.read_text()
            before = len(worker.records())
            polls = len(site.requests)
            until(lambda: len(site.requests) > polls)
            assert len(worker.records()) == before
            assert worker.log.read_text().count('"event":"publish.failed"') == 1
        until(lambda: len(worker.records()) > before + 1)
    assert_whole(worker, len(worker.records()))


@pytest.mark.slow
def test_an_output_that_is_gone_under_run_is_waited_for(site: Site, worker: Worker) -> None:
    """The log asks whether it was moved; nothing is made in its place, and when it is back all is written."""
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    with running(worker):
        until(lambda: found(worker))
        worker.out.rename(worker.folder / "elsewhere")
        until(lambda: '"event":"publish.failed"' in worker.log.read_text())
        assert "was it removed, moved, or is it not mounted?" in worker.log.read_text()
        polls = len(site.requests)
        until(lambda: len(site.requests) > polls + 1)
        assert not worker.out.exists()
        (worker.folder / "elsewhere").rename(worker.out)
        before = len(worker.records())
        until(lambda: len(worker.records()) > before + 1)
    assert_whole(worker, len(worker.records()))


@pytest.mark.slow
def test_an_output_that_is_not_mounted_any_more_is_waited_for(site: Site, worker: Worker) -> None:
    """Its empty mount point stays empty, so that no record or page is out of sight when it is mounted again."""
    pages = count()

    def growing(_: Request) -> Answer:
        number = next(pages)
        url = site.add("pages", f"/{number}", page(f"T{number}", prose(f"owl{number}")))
        return Answer(body=rss(item(f"g{number}", url, f"T{number}")), content_type=RSS)

    worker.configure(
        [{"url": site.add("a", "/feed", growing), "every": "1s"}], output={"seal_after": "0s", "archive": "warc"}
    )
    disk = worker.folder / "disk"
    disk.mkdir()
    with contextlib.ExitStack() as stays:
        with mounted(worker.out, "--bind", str(disk)):
            stays.enter_context(running(worker))
            until(lambda: found(worker))
        until(lambda: "Nothing is polled: can't read" in worker.run("status").stdout)
        assert "is it not mounted? Put it back" in worker.log.read_text()
        assert [*worker.out.iterdir()] == []
        with mounted(worker.out, "--bind", str(disk)):
            before = len(worker.records())
            until(lambda: len(worker.records()) > before + 1)
            stays.close()
            assert_whole(worker, len(worker.records()))


@pytest.mark.slow
def test_a_state_that_has_become_read_only_is_told_by_status(site: Site, worker: Worker) -> None:
    """As the kernel makes it after errors of the disk; no worker can leave word there. Nothing is said before or
    after."""
    worker.configure([feed(site, "a", *notes(3))], state="sqlite:///state/state.db")
    worker.once()
    state = worker.folder / "state"
    with mounted(state, "--bind", str(state)):
        assert worker.run("status", "--json").stdout.count("read-only") == 0
        subprocess.run(["mount", "-o", "remount,bind,ro", str(state)], check=True)
        assert f"The state refuses: {state} is read-only (mount it writable)" in worker.run("status").stdout
    assert "read-only" not in worker.run("status").stdout


# --- open files -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_low_limit_on_open_files_is_no_failure_of_feeds(site: Site, worker: Worker) -> None:
    """It is raised as far as may be, and else said, with what to do."""
    many = [site.add(f"h{n}", "/feed", Answer(body=rss(*notes(1)), content_type=RSS, delay_s=1)) for n in range(60)]
    worker.configure(many)

    def limited(words: str) -> str:
        command = ["sh", "-c", f'{words}; exec "$0" "$@"', *worker.command("once")]
        done = subprocess.run(command, env=worker.environment(), capture_output=True, text=True, check=True)
        return done.stderr

    said = limited("ulimit -Sn 60")
    assert (len(site.requests), "feed.failed" in said, "files.few" in said) == (60, False, False)
    worker.configure(many[:1])
    assert '"event":"files.few","limit":200' in limited("ulimit -n 200")


# --- the network ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_machine_without_a_network_is_no_failure_of_feeds(site: Site, worker: Worker) -> None:
    """But for the first, which could not be told from ones that are gone. `once` ends with 1 and says what is wrong;
    with the network again, the others are polled as if nothing had been."""
    hosts = [f"198.51.100.{n}" for n in range(4)] + [f"h{n}.example" for n in range(4)]
    worker.configure([{"url": f"http://{host}/feed", "id": host} for host in hosts])
    config = worker.folder / "worker.yaml"
    config.write_text(config.read_text().replace("127.0.0.0/8", "198.51.100.0/24"))
    done = subprocess.run(
        ["unshare", "--net", *worker.command("once")],
        env=worker.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare: " in done.stderr:
        pytest.skip(f"no network can be taken away here: {done.stderr.strip()}")
    assert done.returncode == 1
    assert "not everything that is due was done: no host answers, this machine may be offline: " in done.stderr
    feeds = json.loads(worker.run("status", "--json").stdout)["feeds"]
    assert sum(feed["errors"] for feed in feeds) == sum(feed["polled_at"] is not None for feed in feeds) == 2
    worker.configure([{"url": site.add("a", "/feed", Answer(body=rss(*notes(1)), content_type=RSS)), "id": hosts[-1]}])
    assert worker.once(every=True).new == 1


# --- the clock ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("jump_days", [1, -1])
def test_a_clock_that_jumps_a_day_neither_halts_nor_hurries_anything(
    site: Site, worker: Worker, jump_days: int
) -> None:
    """And back again, under `run`: it polls on at its pace, says what happened, and dates in the output never go
    back."""
    day_ms = 86_400_000
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    clock = worker.folder / "clock"
    clock.write_text("0")
    orders = stepping.Orders(out=str(worker.out), clock=str(clock))
    with running(worker, stepping.command(worker.command("run")), **orders.environment()):
        until(lambda: found(worker))
        for ahead_days in (jump_days, 0):
            polls = len(site.requests)
            staged = clock.with_name("clock.new")
            staged.write_text(str(ahead_days * day_ms))
            staged.replace(clock)
            until(lambda polls=polls: len(site.requests) >= polls + 3)  # type: ignore[misc]
    jumps = [line["by_s"] for line in map(json.loads, worker.log.read_text().splitlines()) if "by_s" in line]
    assert [round(by_s / 86_400) for by_s in jumps] == [jump_days, -jump_days]
    times = [request.at for request in site.requests]
    # One that came late is followed by one in its time, half an interval later at the earliest, but for jitter.
    assert min(later - earlier for earlier, later in pairwise(times[1:])) > 0.4
    days = [path.parent.name for path in sorted((worker.out / "records").rglob("*.jsonl"))]
    assert days == sorted(days)
    if jump_days > 0:
        assert (datetime.now(UTC) + timedelta(days=1)).date().isoformat() in days[-1]
    # What comes next is by the real clock, and knows all that was.
    polls = len(site.requests)
    worker.once(every=True)
    assert len(site.requests) == polls + 1
    assert_whole(worker, polls + 1)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("jump", ["-400d", "+400d"])
def test_the_clock_of_the_system_may_be_set(site: Site, worker: Worker, jump: str) -> None:
    """By years, which libfaketime lets the process see: records are sealed each second on, and it ends when asked."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        pytest.skip("libfaketime is not installed")
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    clock = worker.folder / "clock"
    clock.write_text("+0")
    fake = {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with running(worker, worker.command("run"), LD_PRELOAD=str(library), **fake):
        until(lambda: found(worker))
        for shown in (jump, "+0"):
            before = len(worker.records())
            clock.write_text(shown)
            until(lambda before=before: len(worker.records()) > before + 2)  # type: ignore[misc]
    assert_whole(worker, len(worker.records()))


@pytest.mark.parametrize("ahead_days", [2, 400])
def test_a_clock_that_was_ahead_in_the_last_run_stops_nobody(
    site: Site, worker: Worker, later: Later, ahead_days: int
) -> None:
    """A state of next year: `once --all` polls, and so does `once` when the feed is due by what it had to wait."""
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "2h"}])
    later(ahead_days)
    assert worker.once().new == 1
    later(0)
    assert (worker.once().polls, worker.once(every=True).new) == (0, 1)
    later(4 / 24)
    assert worker.once().new == 1
    assert_whole(worker, 3)


# --- company --------------------------------------------------------------------------------------------------------


def test_a_worker_with_another_state_is_kept_out_of_the_directory(
    site: Site, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While the first one writes there: it says why, asks nobody, writes nothing; the first goes on."""
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    other = Worker(tmp_path_factory.mktemp("other"))
    other.configure([feed(site, "b", *notes(3))], output={"dir": str(worker.out)})
    with running(worker):
        until(lambda: found(worker))
        before = len(worker.records())
        assert f"feedmill: {worker.out} " in other.run("once", status=1).stderr
        assert site.asked("b") == []
        until(lambda: len(worker.records()) > before)
    assert {record["_ingest"]["writer"] for record in worker.records()} == {worker.records()[0]["_ingest"]["writer"]}
    assert_whole(worker, len(worker.records()))


def test_locks_that_are_cleared_away_are_taken_again(site: Site, worker: Worker) -> None:
    """As by `find -name '*.lock' -delete`: a second worker is still refused, and so is who would tidy the output."""
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    locks = [worker.state.with_name("state.db.lock"), worker.out / ".lock"]
    with running(worker):
        until(lambda: found(worker))
        for lock in locks:
            lock.unlink()
        until(lambda: all(lock.exists() and lock.read_bytes() for lock in locks))
        assert "in use by process" in worker.run("once", status=2).stderr
        assert "being written by process" in worker.run("compact", status=2).stderr
        before = len(worker.records())
        until(lambda: len(worker.records()) > before)
    assert [worker.log.read_text().count(f'"event":"{of}.lock_removed"') for of in ("state", "output")] == [1, 1]
    assert_whole(worker, len(worker.records()))


@pytest.mark.slow
def test_a_worker_whose_lock_another_has_ends(site: Site, worker: Worker) -> None:
    """Without a word to the state, which is the other's now; that one goes on where it was."""
    worker.configure([{"url": site.add("a", "/feed", growing()), "every": "1s"}], output={"seal_after": "0s"})
    first = worker.launch("run")
    try:
        until(lambda: found(worker))
        first.send_signal(signal.SIGSTOP)  # or it would be faster
        for lock in (worker.state.with_name("state.db.lock"), worker.out / ".lock"):
            lock.unlink()
        with running(worker):
            before = len(worker.records())
            until(lambda: len(worker.records()) > before)
            first.send_signal(signal.SIGCONT)
            assert first.wait(60) == 1
            before = len(worker.records())
            until(lambda: len(worker.records()) > before)
    finally:
        first.kill()
        first.wait()
    assert "state.db.lock was replaced while it was in use): start this one again" in worker.log.read_text()
    assert_whole(worker, len(worker.records()))
