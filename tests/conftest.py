"""What the tests of more than one room use."""

from __future__ import annotations

import compileall
import fcntl
import gc
import hashlib
import json
import multiprocessing.context
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby
from multiprocessing import forkserver
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from tests.postgresql import Cluster, EmptyState, binaries, cluster, initdb

if TYPE_CHECKING:
    from tests.broker import Server

CheckOutput = Callable[[Path], list[dict[str, Any]]]
Once = Callable[[str, Callable[[Path], None]], Path]

MEMORY_DISK = Path("/dev/shm")  # Linux's, which is everybody's folder for this
ENOUGH_BYTES = 1_000_000_000
WAITING = ("tests/whole/", "tests/politeness/", "tests/bus/", "tests/cpu/", "tests/engine/")
"""Where tests take more of the clock than of a core."""

# A machine that others load is no defect: hypothesis' deadline goes by the clock. The last two are .ci/run's.
settings.register_profile("suite", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.register_profile("few", deadline=None, max_examples=10)
settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite runs on all cores; what is chosen, in this process: that starts sooner, and takes a debugger."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # one of those processes, which comes by here, too, and would start its own, and they theirs
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    # pytest-cov has decided by now how it measures: with --cov it is `-n auto --dist worksteal` that takes all cores.
    whole = whole and not getattr(config.option, "cov_source", None)
    if whole and config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None:
        config.option.numprocesses = "auto"
        config.option.dist = "worksteal"
    if whole and sys.dont_write_bytecode:
        _keep_bytecode(config)


def _keep_bytecode(config: pytest.Config) -> None:
    """Compiled once, for this run: its processes have the same modules, and so do the workers that they start, each of
    which would otherwise spend a fifth of its start on that. Who wants no bytecode finds none afterwards."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folders = [config.rootpath / "worker", config.rootpath / "tests"]
    compileall.compile_dir(folders[0], quiet=2)  # pytest's own bytecode of the tests is another

    def remove() -> None:
        for kept in [path for folder in folders for path in folder.rglob("__pycache__")]:
            shutil.rmtree(kept, ignore_errors=True)

    config.add_cleanup(remove)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: half of what the tests take they wait, for seconds to pass or for another process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 * cores


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[pytest.CollectReport]:
    """Each process begins with another folder: modules that one has compiled, the others need not."""
    report = yield
    process = getattr(collector.config, "workerinput", None)
    if process and collector.path == collector.config.rootpath / "tests":
        first = len(report.result) * int(process["workerid"].removeprefix("gw")) // process["workercount"]
        report.result = [*report.result[first:], *report.result[:first]]
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among processes, modules that wait come evenly between those that compute: at the end, where their folders' names
    would have most of them, the cores would have little to do."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    waiting: list[list[pytest.Item]] = []
    computing: list[list[pytest.Item]] = []
    for path, tests in groupby(sorted(items, key=lambda item: item.path), key=lambda item: item.path):
        waits = path.relative_to(config.rootpath).as_posix().startswith(WAITING)
        (waiting if waits else computing).append(list(tests))
    placed = sorted([*_spread(waiting), *_spread(computing)], key=itemgetter(0))
    items[:] = [test for _, tests in placed for test in tests]


def _spread(modules: list[list[pytest.Item]]) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Each with its place between 0 and 1, by how many tests are in those before it."""
    counts = [len(tests) for tests in modules]
    for before, tests in zip(accumulate(counts, initial=0), modules, strict=False):
        yield before / sum(counts), tests


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders are in memory where there is enough: each fsync of the many waits for a disk, which proves
    nothing, since what is killed here is the process and not the machine."""
    if MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > ENOUGH_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """The modules, the tests and their parameters stay to the end: none of them is looked at for garbage, neither while
    they come to be nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def preload() -> Iterator[None]:
    """The fork server has the modules of a worker's CPU processes, whichever test it is started by.

    There is one in a process, started by the first pool with what that one preloads. After a test with a bare pool,
    each child of all that come later would load trafilatura by itself, which takes a second.
    """

    def set_preload(_: multiprocessing.context.BaseContext, names: Sequence[str]) -> None:
        from worker.wiring.means import PRELOAD  # when it is needed: most tests have no pool

        forkserver.set_forkserver_preload([*PRELOAD, *names])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing.context.BaseContext, "set_forkserver_preload", set_preload)
        yield


@pytest.fixture(scope="session", autouse=True)
def plain() -> None:
    """A failure that is logged in this process shows no locals, as in a worker's log: rich takes seconds to draw those
    of an engine."""
    *before, _ = structlog.get_config()["processors"]
    last = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, last])


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    """SQLAlchemy compiles each statement once in this process, as it does in a worker's life, and not for each state
    that a test opens: that would be most of what the test takes."""
    statements: dict[object, object] = {}

    def keep(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    with pytest.MonkeyPatch.context() as patch:
        # Which statements are the same depends on the dialect, of which each engine has an instance.
        for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            patch.setattr(dialect, "__eq__", lambda one, other: type(one) is type(other))
            patch.setattr(dialect, "__hash__", lambda one: hash(type(one)))
        event.listen(Engine, "engine_connect", keep)
        yield
        event.remove(Engine, "engine_connect", keep)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """A path for all processes of this run, made by the one that comes first."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        path, done = folder / name, folder / f"{name}.done"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(path)
                done.touch()
        return path

    return made


@pytest.fixture(scope="session")
def initialised(once: Once) -> Path:
    """What a PostgreSQL server begins with; skipped where there is none, unless nothing may be."""
    if "FEEDMILL_SKIP_NOTHING" not in os.environ and binaries() is None:
        pytest.skip("PostgreSQL is not installed: initdb is not found")
    return once("initdb", initdb)


@pytest.fixture(scope="session")
def postgresql(initialised: Path) -> Iterator[Cluster]:
    """A PostgreSQL server for this process of the suite."""
    with cluster(initialised) as found:
        yield found


@pytest.fixture
def own_cluster(initialised: Path) -> Iterator[Cluster]:
    """One for this test alone, which may stop it."""
    with cluster(initialised) as found:
        yield found


@pytest.fixture(scope="session")
def empty_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state of this version with nothing in it: migrating takes longer than most tests."""
    from worker.store.database.opening import open_database  # when it is needed, as above

    path = tmp_path_factory.mktemp("store") / "empty.db"
    open_database(path).dispose()
    return path


@pytest.fixture
def in_a_file(empty_state: Path) -> Callable[[Path], Path]:
    """Makes a copy of it in a folder."""
    return lambda folder: Path(shutil.copy(empty_state, folder / "state.db"))


@pytest.fixture(scope="session")
def empty_database(postgresql: Cluster) -> Iterator[EmptyState]:
    """The same, in PostgreSQL."""
    found = EmptyState(postgresql)
    yield found
    found.close()


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[Server]:
    """A broker for this test alone; skipped where there is none, unless nothing may be."""
    from tests import broker  # when it is needed: its client takes half a second to load

    if broker.binary() is None and "FEEDMILL_SKIP_NOTHING" not in os.environ:
        pytest.skip("nats-server is not installed")
    with broker.server(tmp_path / "nats") as started:
        yield started


@pytest.fixture
def check_output() -> CheckOutput:
    """Asserts that an output directory is whole, by none of feedmill's own code; returns its records in order."""
    return _checked


def _checked(out: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    last_seqs: dict[str, int] = {}
    named: set[str] = set()
    prev = ""
    for day in sorted((out / "manifest").iterdir()):
        content = day.read_bytes()
        assert not content or content.endswith(b"\n"), f"{day.name} ends in the middle of a line"
        for raw in content.split(b"\n")[:-1]:
            line = json.loads(raw)
            assert line["prev"] == prev, f"{day.name}: the chain is broken at {line['path']}"
            prev = hashlib.sha256(raw).hexdigest()
            assert line.get("kind", "segment") == "segment", "this looks at directories that were not compacted"
            assert line["path"].startswith(f"records/date={day.stem}/")
            assert line["path"] not in named, f"{line['path']} is named twice"
            named.add(line["path"])
            data = (out / line["path"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (line["bytes"], line["sha256"]), line["path"]
            assert data.endswith(b"\n")
            held = [json.loads(text) for text in data.split(b"\n")[:-1]]
            seqs = [record["_ingest"]["seq"] for record in held]
            writer = line["writer"]
            first = last_seqs.get(writer, 0) + 1
            assert seqs == list(range(first, first + line["records"])), f"{line['path']}: seq has a gap or a repeat"
            assert (line["first_seq"], line["last_seq"]) == (seqs[0], seqs[-1])
            assert {record["_ingest"]["writer"] for record in held} == {writer}
            last_seqs[writer] = seqs[-1]
            records += held
    files = {path.relative_to(out).as_posix() for path in (out / "records").rglob("*") if path.is_file()}
    assert files == named, "records/ and the manifest name different files"
    assert list((out / ".staging").iterdir()) == [], "something is left in .staging/"
    return records


@pytest.fixture(scope="session")
def demo(once: Once) -> tuple[Path, str]:
    """`feedmill demo`, run once for all who look at it: the folder `out` that it wrote, and what it printed."""
    folder = once("demo", _demo)
    return folder / "out", (folder / "printed").read_text()


def _demo(folder: Path) -> None:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "worker.cli", "demo", "--out", str(folder / "out")],
        env={**os.environ, "PYTHONWARNINGS": "error", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "printed").write_text(done.stdout)
