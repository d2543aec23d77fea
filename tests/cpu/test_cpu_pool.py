"""The pool of killable processes, with real ones: what dies, what survives, and what is left when all is over.

The tasks are the standard library's: a child imports them by name, and could not import this file.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import operator
import os
import pickle
import resource
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from worker.cpu import pool as cpu
from worker.cpu.pool import Pool
from worker.errors import MachineError, TaskCrashed, TaskError, TaskTimeout

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
ROOT = Path(__file__).parents[2]
ENDLESS = "while True: pass"


def is_alive(pid: int) -> bool:
    """Running, and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descriptors() -> list[str]:
    return [f"{path.name} {path.readlink()}" for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]


async def until(condition: Callable[[], bool], within_s: float = 10) -> bool:
    """Whether the condition came true in time."""
    for _ in range(round(within_s / 0.02)):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


async def pids(pool: Pool, workers: int) -> set[int]:
    """The processes of a pool, all of which are kept busy for a moment."""
    said = "(__import__('time').sleep(0.2), __import__('os').getpid())[1]"
    return set(await asyncio.gather(*(pool.run(eval, said) for _ in range(workers))))


async def serves(pool: Pool, tasks: int) -> bool:
    """Whether the pool does that many more tasks."""
    answers = await asyncio.wait_for(asyncio.gather(*(pool.run(operator.add, n, 1) for n in range(tasks))), 20)
    return answers == list(range(1, tasks + 1))


async def test_a_task_gives_its_result_from_another_process() -> None:
    """Arguments go by position and by name; the process is not this one, and serves again."""
    async with Pool(workers=1, timeout_s=10) as pool:
        assert await pool.run(bytes, "ä", encoding="utf-8") == b"\xc3\xa4"
        first, second = await pool.run(os.getpid), await pool.run(os.getpid)
    assert first == second != os.getpid()


async def test_large_arguments_and_results_go_through() -> None:
    """A page of many megabytes is more than a pipe holds."""
    page = os.urandom(8_000_000)
    async with Pool(workers=1, timeout_s=20) as pool:
        assert await pool.run(operator.concat, page, b"!") == page + b"!"


async def test_modules_are_loaded_before_they_are_needed() -> None:
    """Preloading what is there, or what is not, keeps no task from running."""
    async with Pool(workers=1, timeout_s=10, preload=["json", "no_such_module"]) as pool:
        assert await serves(pool, 1)


ERRORS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "an exception": (int, ("x",), r"ValueError: invalid literal for int\(\) with base 10: 'x'"),
    "one without a text": (next, (iter(()),), "StopIteration: "),
    "a result that can't be pickled": (memoryview, (b"x",), "TypeError: cannot pickle"),
    "too deep a recursion": (exec, ("def f(): f()\nf()", {}), "RecursionError: "),
    "a text that is no UTF-8": (exec, ("raise ValueError('\\ud800')", {}), r"ValueError: \?"),
}


@pytest.mark.parametrize(("function", "args", "text"), ERRORS.values(), ids=ERRORS.keys())
async def test_an_exception_comes_back_as_its_text(
    function: Callable[..., Any], args: tuple[Any, ...], text: str
) -> None:
    """Named and bounded; the process goes on."""
    async with Pool(workers=1, timeout_s=10) as pool:
        before = await pool.run(os.getpid)
        with pytest.raises(TaskError, match=f"^{text}") as raised:
            await pool.run(function, *args)
        assert type(raised.value) is TaskError
        assert await pool.run(os.getpid) == before


async def test_the_text_of_an_exception_is_bounded() -> None:
    """A page that makes its way into an exception makes no log line of its size."""
    async with Pool(workers=1, timeout_s=10) as pool:
        with pytest.raises(TaskError) as raised:
            await pool.run(exec, "raise ValueError('x' * 10**6)", {})
    assert len(str(raised.value)) == 500


CRASHES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "a segmentation fault": (signal.raise_signal, (signal.SIGSEGV,), "SIGSEGV"),
    "killed by the system, for want of memory": (signal.raise_signal, (signal.SIGKILL,), "SIGKILL"),
    "a signal without a name": (exec, ("import signal; signal.raise_signal(signal.SIGRTMIN + 6)", {}), "signal 40"),
    "an exit at once": (os._exit, (3,), "exit 3"),
    "an exit at once that says all is well": (os._exit, (0,), "exit 0"),
    "sys.exit": (sys.exit, (4,), "exit 4"),
}


@pytest.mark.parametrize(("function", "args", "how"), CRASHES.values(), ids=CRASHES.keys())
async def test_a_crash_costs_one_task(function: Callable[..., Any], args: tuple[Any, ...], how: str) -> None:
    """The task's caller learns how its process died; those that wait behind it are served by another."""
    async with Pool(workers=1, timeout_s=10) as pool:
        before = await pool.run(os.getpid)
        crash = asyncio.create_task(pool.run(function, *args))
        behind = [asyncio.create_task(pool.run(os.getpid)) for _ in range(3)]
        with pytest.raises(TaskCrashed, match=rf"\({how}\)"):
            await crash
        assert before not in await asyncio.gather(*behind)


@LINUX
async def test_without_files_for_a_process_the_task_is_not_to_blame() -> None:
    """That no process can be started is told apart from one that died; when there are files again, it is started."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with Pool(workers=1, timeout_s=10, memory=None) as pool:
        pid = await pool.run(os.getpid)
        os.kill(pid, signal.SIGKILL)
        assert await until(lambda: not is_alive(pid))
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            with pytest.raises(MachineError, match="Too many open files"):
                await pool.run(abs, -2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert await pool.run(abs, -3) == 3


async def test_an_interrupt_from_the_keyboard_is_the_parents_affair() -> None:
    """Ctrl-C reaches the whole group; the children go on, so that what is in flight can be drained."""
    async with Pool(workers=1, timeout_s=10) as pool:
        assert await pool.run(signal.raise_signal, signal.SIGINT) is None


async def test_a_task_that_takes_too_long_is_killed() -> None:
    """At its deadline, with the text that says so; the next is served by another process."""
    async with Pool(workers=1, timeout_s=0.5) as pool:
        before = await pool.run(os.getpid)
        start = time.monotonic()
        with pytest.raises(TaskTimeout, match=r"took longer than 0\.5 s"):
            await pool.run(exec, ENDLESS, {})
        assert 0.4 < time.monotonic() - start < 5
        assert not is_alive(before)
        assert await pool.run(os.getpid) != before
        assert (pool.load.calls, pool.load.timeouts, pool.load.crashes, pool.load.busy) == (3, 1, 0, 0)


async def test_what_it_does_is_counted() -> None:
    """Who works, who waits, and what died; a call whose caller has gone waits no more."""
    async with Pool(workers=1, timeout_s=20) as pool:
        running = asyncio.create_task(pool.run(time.sleep, 0.3))
        waiting = asyncio.create_task(pool.run(time.sleep, 0))
        await asyncio.sleep(0)
        assert (pool.load.workers, pool.load.busy, pool.load.waiting) == (1, 1, 1)
        waiting.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        assert (pool.load.busy, pool.load.waiting, pool.load.calls) == (0, 0, 1)
        with pytest.raises(TaskCrashed):
            await pool.run(os._exit, 3)
        assert (pool.load.calls, pool.load.crashes) == (2, 1)


async def test_the_time_a_task_waits_for_a_process_does_not_count() -> None:
    """Tasks in a queue, longer together than the deadline, are all done."""
    async with Pool(workers=1, timeout_s=1) as pool:
        await asyncio.gather(*(pool.run(time.sleep, 0.4) for _ in range(4)))


@LINUX
async def test_a_task_that_wants_too_much_memory_fails_cleanly() -> None:
    """A MemoryError counts as a crash of the task; the process lives on within its limit."""
    async with Pool(workers=1, timeout_s=10, memory=1_000_000_000) as pool:
        before = await pool.run(os.getpid)
        with pytest.raises(TaskCrashed, match=r"^MemoryError"):
            await pool.run(bytes, 2_000_000_000)
        assert len(await pool.run(bytes, 10_000_000)) == 10_000_000
        assert await pool.run(os.getpid) == before


@LINUX
async def test_an_argument_that_is_larger_than_the_memory_costs_one_task() -> None:
    """Even what fails before the task began is a crash of that task alone."""
    async with Pool(workers=1, timeout_s=10, memory=400_000_000) as pool:
        with pytest.raises(TaskCrashed):
            await pool.run(len, bytes(400_000_000))
        assert await serves(pool, 2)


@LINUX
async def test_a_process_killed_in_the_middle_of_its_task_costs_that_task() -> None:
    """As the system does when memory runs out."""
    async with Pool(workers=2, timeout_s=20) as pool:
        doomed, other = await pids(pool, 2)
        tasks = [asyncio.create_task(pool.run(time.sleep, 0.5)) for _ in range(2)]
        await asyncio.sleep(0.1)
        os.kill(doomed, signal.SIGKILL)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(map(repr, answers)) == ["None", "TaskCrashed('its process died (SIGKILL)')"]
        assert is_alive(other)
        assert await serves(pool, 6)


@LINUX
async def test_a_process_killed_between_two_tasks_costs_none() -> None:
    """The next task is not to blame, and runs in another process."""
    async with Pool(workers=1, timeout_s=10) as pool:
        before = await pool.run(os.getpid)
        os.kill(before, signal.SIGKILL)
        assert await until(lambda: not is_alive(before))
        assert await pool.run(os.getpid) != before


async def test_a_cancelled_caller_leaves_the_pool_whole() -> None:
    """Cancelled while running, and while waiting: every process comes back."""
    async with Pool(workers=2, timeout_s=10) as pool:
        tasks = [asyncio.create_task(pool.run(time.sleep, 0.3)) for _ in range(6)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in answers)
        assert await serves(pool, 8)
        assert await until(lambda: (pool.load.busy, pool.load.waiting) == (0, 0))


async def test_a_call_that_is_cancelled_itself_leaves_the_next_no_answer(tmp_path: Path) -> None:
    """As when the loop ends: its process would go on, and give its result to whoever asks next."""
    begun = tmp_path / "begun"
    async with Pool(workers=1, timeout_s=10) as pool:
        others = asyncio.all_tasks()
        code = f"open({str(begun)!r}, 'x').close(); __import__('time').sleep(0.3)"
        caller = asyncio.create_task(pool.run(exec, code))
        assert await until(begun.exists)
        for call in asyncio.all_tasks() - others - {caller}:
            call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert await pool.run(operator.add, 1, 1) == 2


async def test_a_caller_that_gives_up_leaves_the_deadline_in_force() -> None:
    """A task that nobody waits for any more is killed all the same, and makes room."""
    async with Pool(workers=1, timeout_s=0.5) as pool:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.run(time.sleep, 3600), 0.1)
        assert await serves(pool, 2)


async def test_a_task_that_can_not_be_sent_leaves_the_pool_whole() -> None:
    """What can't be pickled is refused, and the process that was to run it serves the next."""
    async with Pool(workers=1, timeout_s=10) as pool:
        for _ in range(2):
            with pytest.raises((AttributeError, pickle.PicklingError), match=r"pickle|local object"):
                await pool.run(lambda: 1)
        assert await serves(pool, 2)


async def test_more_tasks_than_processes_are_all_done_at_most_so_many_at_once() -> None:
    """They wait for their turn, and each caller gets its own answer."""
    async with Pool(workers=2, timeout_s=20) as pool:
        assert await serves(pool, 200)
        start = time.monotonic()
        found = await asyncio.gather(*(pool.run(time.sleep, 0.2) for _ in range(6)))
        assert time.monotonic() - start >= 0.55
        assert found == [None] * 6
        assert len(await pids(pool, 2)) == 2


@LINUX
async def test_a_process_is_replaced_after_its_share_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What libraries keep of each page does not pile up; tasks that failed count, too."""
    monkeypatch.setattr(cpu, "TASKS_PER_CHILD", 3)
    async with Pool(workers=1, timeout_s=10) as pool:
        found = []
        for _ in range(2):
            found += [await pool.run(os.getpid), await pool.run(os.getpid)]
            with pytest.raises(TaskError):
                await pool.run(int, "x")
        assert [found[0], found[2]] == [found[1], found[3]]
        assert found[0] != found[2]
        assert not is_alive(found[0])


@LINUX
async def test_a_process_that_hangs_at_its_start_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that comes to nothing costs one task; the next has a process of its own."""
    async with Pool(workers=1, timeout_s=10) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(cpu, "START_S", 0.1)
            patch.setattr(cpu, "serve", Connection.poll)  # waits for a task, and never says that it is there
            with pytest.raises(TaskCrashed, match="did not start"):
                await pool.run(os.getpid)
        assert await serves(pool, 2)


@LINUX
@pytest.mark.parametrize("after_s", [0.0, 0.002, 0.02, 0.3], ids=["at once", "2 ms later", "20 ms later", "well later"])
async def test_closing_does_not_wait_for_what_runs(after_s: float) -> None:
    """Tasks that would never end, begun, starting or waiting: closed at once, and no process is left."""
    async with Pool(workers=2, timeout_s=3600) as pool:
        tasks = [asyncio.create_task(pool.run(exec, ENDLESS, {})) for _ in range(4)]
        await asyncio.sleep(after_s)
        start = time.monotonic()
    assert time.monotonic() - start < 5
    for task in tasks:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, TaskCrashed | asyncio.CancelledError) for answer in answers)
    assert multiprocessing.active_children() == []


async def test_a_task_that_runs_when_the_pool_closes_has_crashed() -> None:
    """Its caller is not left waiting."""
    async with Pool(workers=1, timeout_s=3600) as pool:
        task = asyncio.create_task(pool.run(exec, ENDLESS, {}))
        await asyncio.sleep(0.3)
    with pytest.raises(TaskCrashed):
        await asyncio.wait_for(task, 5)


async def test_a_closed_pool_starts_nothing() -> None:
    """Work that comes too late is refused, also where its thread had begun and its process had not."""
    async with Pool(workers=1, timeout_s=10) as pool:
        pool._children[0].close()
        with pytest.raises(TaskCrashed, match="closed"):
            await pool.run(os.getpid)
    with pytest.raises(RuntimeError):
        await pool.run(os.getpid)


@LINUX
async def test_nothing_piles_up(capfd: pytest.CaptureFixture[str]) -> None:
    """Pools come and go, and tasks with them, without descriptors left open or warnings of any."""

    async def some_pool() -> int:
        async with Pool(workers=2, timeout_s=0.3) as pool:
            for function, args in ((os._exit, (1,)), (time.sleep, (5,)), (int, ("x",))):
                with suppress(TaskError):
                    await pool.run(function, *args)
        del pool
        gc.collect()
        return len(descriptors())

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        first, *rest = [await some_pool() for _ in range(4)]
    assert rest == [first] * 3
    assert capfd.readouterr().err == ""


async def test_an_error_that_nobody_waits_for_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The caller was cancelled, and then its task killed: asyncio has nothing to say about it."""
    async with Pool(workers=1, timeout_s=0.3) as pool:
        task = asyncio.create_task(pool.run(time.sleep, 3600))
        await asyncio.sleep(0.1)
        task.cancel()
        assert await serves(pool, 1)
    del task
    gc.collect()
    assert caplog.records == []


PARENT = """
    import asyncio, multiprocessing, os, sys, time
    from worker.cpu.pool import Pool

    async def main():
        async with Pool(workers=2, timeout_s=3600{options}) as pool:
            print(await pool.run(os.getpid), flush=True)
            tasks = [asyncio.create_task(pool.run(exec, "while True: pass", {{}})) for _ in range(2)]
            await asyncio.sleep(0.5)
            print(*[child.pid for child in multiprocessing.active_children()], flush=True)
            await asyncio.gather(*tasks)

    if __name__ == "__main__":
        asyncio.run(main())
"""


def parent(folder: Path, options: str = "") -> subprocess.Popen[str]:
    script = folder / "parent.py"
    script.write_text(textwrap.dedent(PARENT.format(options=options)))
    return subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def stop(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@LINUX
async def test_the_processes_die_with_their_parent(tmp_path: Path) -> None:
    """kill -9 of the worker leaves no endless task behind."""
    with parent(tmp_path) as process:
        assert process.stdout is not None
        first = await asyncio.to_thread(process.stdout.readline)
        children = [int(pid) for pid in (await asyncio.to_thread(process.stdout.readline)).split()]
        try:
            assert int(first) in children
            assert [is_alive(pid) for pid in children] == [True, True]
            process.kill()
            assert await until(lambda: not any(map(is_alive, children)))
        finally:
            stop([process.pid, *children])
            process.communicate()


def ran(folder: Path, setting_up: str, task: str, **options: object) -> tuple[str, str]:
    """What a program of its own writes, to standard output and error, that prints the result of one task."""
    script = folder / "program.py"
    script.write_text(
        "import asyncio, logging, resource\n"
        "from worker.cpu.pool import Pool\n"
        "async def main():\n"
        f"    async with Pool(workers=1, timeout_s=20, **{options!r}) as pool:\n"
        f"        print(await pool.run({task}))\n"
        "if __name__ == '__main__':\n"
        f"    {setting_up}\n"
        "    asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=30,
    )
    return done.stdout, done.stderr


@LINUX
def test_a_limit_that_is_set_already_is_kept(tmp_path: Path) -> None:
    """Where the system gives less memory than the settings, that holds, and the processes start all the same."""
    setting_up = "resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))"
    task = "resource.getrlimit, resource.RLIMIT_AS"
    assert ran(tmp_path, setting_up, task, memory=2_000_000_000) == ("(1500000000, 1500000000)\n", "")


@pytest.mark.parametrize(
    "lack",
    [
        pytest.param("sys.modules['resource'] = None", id="no module"),
        pytest.param("del resource.RLIMIT_AS", id="no such limit"),
        pytest.param("resource.setrlimit = lambda *_: int('current limit exceeds maximum limit')", id="refused"),
    ],
)
def test_where_memory_has_no_limit_the_work_is_done_and_that_is_said_once(tmp_path: Path, lack: str) -> None:
    """Simulated in the fork server, of which the children have it; two of them, for three calls."""
    (tmp_path / "lacking.py").write_text(f"import resource, sys\n{lack}\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio\n"
        "from worker.cpu.pool import Pool\n"
        "async def main():\n"
        "    async with Pool(workers=2, timeout_s=20, memory=10**9, preload=['lacking']) as pool:\n"
        "        print(await asyncio.gather(*(pool.run(abs, n) for n in (-1, -2, -3))))\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, env=environment, timeout=30)
    assert "[1, 2, 3]" in done.stdout
    assert (done.stdout + done.stderr).count("cpu.memory_unlimited") == 1


def test_what_a_library_logs_in_a_process_stays_there(tmp_path: Path) -> None:
    """A parser's warnings quote the page; nobody has cleaned them, and standard error may be a terminal."""
    assert ran(tmp_path, "pass", "logging.critical, 'from the page'") == ("None\n", "")


def test_a_process_does_not_run_the_program_that_started_it(tmp_path: Path) -> None:
    """That of `feedmill` loads all commands, which takes three times as long as the start of a process."""
    task = """eval, "hasattr(__import__('__main__'), 'Pool')" """
    assert ran(tmp_path, "pass", task) == ("False\n", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_sent_to_the_whole_group_does_not_reach_the_children(number: signal.Signals) -> None:
    """Ctrl-C, or a service that is stopped: the parent decides what becomes of its work."""
    async with Pool(workers=1, timeout_s=10) as pool:
        before = await pool.run(os.getpid)
        await pool.run(signal.raise_signal, number)
        assert await pool.run(os.getpid) == before


async def test_what_waits_for_a_process_is_held_once() -> None:
    """Pages of megabytes from as many hosts as are asked at once: each is there already, and its copy for the process
    is made when that is free."""
    page, pages = 1_000_000, 20
    async with Pool(workers=1, timeout_s=20) as pool:
        busy = asyncio.create_task(pool.run(time.sleep, 0.5))
        await asyncio.sleep(0)
        bodies = [os.urandom(page) for _ in range(pages)]
        tracemalloc.start()
        try:
            waiting = [asyncio.create_task(pool.run(len, body)) for body in bodies]
            await busy
            assert await asyncio.gather(*waiting) == [page] * pages
            assert tracemalloc.get_traced_memory()[1] < 5 * page
        finally:
            tracemalloc.stop()
