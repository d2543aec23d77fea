from __future__ import annotations

import inspect
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.postgresql import EmptyState
from tests.store.samples import KEEP_MS, NO_PATIENCE, START, WINDOW_MS, Plans, Run
from worker.model import HostPolicy, Millis, State
from worker.store import Store
from worker.store.finish.ingestion import Near

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]


@pytest.fixture
def state_path(tmp_path: Path, empty_state: Path) -> Path:
    return Path(shutil.copy(empty_state, tmp_path / "feedmill.db"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All that goes with a store holds for both databases; who asks for `state_path` is about the
    file, and what is `embedded` about one process that holds it;
    `shared`, about many.

    What is marked `both("slow")` is left to .ci/run there: PostgreSQL carries out each of its statements in other
    tests, too, and in those beside it that are marked `both("always")`.
    """
    if "state" in metafunc.fixturenames:
        of_file = "state_path" in inspect.signature(metafunc.function).parameters
        of_file |= metafunc.definition.get_closest_marker("embedded") is not None
        nearest = metafunc.definition.get_closest_marker("both")
        marks = [pytest.mark.slow] if nearest is not None and nearest.args == ("slow",) else []
        kinds: list[object] = ["sqlite"] if of_file else ["sqlite", pytest.param("postgresql", marks=marks)]
        if metafunc.definition.get_closest_marker("shared") is not None:
            kinds = ["postgresql"]
        metafunc.parametrize("state", kinds, indirect=True)


@pytest.fixture
def state(request: pytest.FixtureRequest) -> State:
    """A state with nothing in it, in either database."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("state_path")
        return path
    empty: EmptyState = request.getfixturevalue("empty_database")
    return empty.emptied()


@pytest.fixture
def open_run(state: State) -> OpenRun:
    """Opens the state as the next process would; each time of a test it is the same state."""

    @asynccontextmanager
    async def opened(
        *,
        now: Millis = START,
        policy: HostPolicy | Callable[[], HostPolicy] = NO_PATIENCE,
        near: Near = "link",
        shards: int = 1,
        **hosts: HostPolicy,
    ) -> AsyncIterator[Run]:
        """policy: as it is now. shards: of the output. hosts: the policies of single hosts, by the first label of their
        names."""

        def policies(name: str) -> HostPolicy:
            return hosts.get(name.partition(".")[0], policy() if callable(policy) else policy)

        run: Run
        plans = Plans()
        async with Store(
            state,
            policies=policies,
            planner=plans,
            window_ms=WINDOW_MS,
            keep_ms=KEEP_MS,
            near=near,
            shards=shards,
            wall=lambda: run.now,
        ) as store:
            run = Run(store, plans, now)
            yield run

    return opened


@pytest.fixture
async def run(open_run: OpenRun) -> AsyncIterator[Run]:
    """A store in which no host has to be waited for."""
    async with open_run() as opened:
        yield opened
