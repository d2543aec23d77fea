from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.store.samples import KEEP_MS, NO_PATIENCE, START, WINDOW_MS, Plans, Run
from worker.model import HostPolicy, Millis
from worker.store import Store
from worker.store.database import open_database
from worker.store.entries import Near

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]


@pytest.fixture(scope="session")
def empty_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state of this version with nothing in it: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    open_database(path).dispose()
    return path


@pytest.fixture
def state_path(tmp_path: Path, empty_state: Path) -> Path:
    return Path(shutil.copy(empty_state, tmp_path / "feedmill.db"))


@pytest.fixture
def open_run(state_path: Path) -> OpenRun:
    """Opens the state as the next process would; each time of a test it is the same state."""

    @asynccontextmanager
    async def opened(
        *,
        now: Millis = START,
        policy: HostPolicy = NO_PATIENCE,
        near: Near = "link",
        shards: int = 1,
        **hosts: HostPolicy,
    ) -> AsyncIterator[Run]:
        """shards: of the output. hosts: the policies of single hosts, by the first label of their names."""

        def policies(name: str) -> HostPolicy:
            return hosts.get(name.partition(".")[0], policy)

        plans = Plans()
        async with Store(
            state_path,
            policies=policies,
            planner=plans,
            window_ms=WINDOW_MS,
            keep_ms=KEEP_MS,
            near=near,
            shards=shards,
        ) as store:
            yield Run(store, plans, now)

    return opened


@pytest.fixture
async def run(open_run: OpenRun) -> AsyncIterator[Run]:
    """A store in which no host has to be waited for."""
    async with open_run() as opened:
        yield opened
