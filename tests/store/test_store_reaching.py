"""A state on PostgreSQL whose server is away when a worker starts, or does not answer later."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.postgresql import Cluster
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans
from tests.wire import Wire, wire
from worker.errors import StateError, StateUnreachable
from worker.model import Server
from worker.store import Store, reached
from worker.store.database import patience, postgresql, reaching

AWAY = Server("postgresql://postgres@/feedmill?host=/tmp/feedmill-has-no-such-folder")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "AGAIN_S", 0.01)


def opening(server: Server) -> Callable[[], Awaitable[Store]]:
    async def opened() -> Store:
        return await store_on(server).__aenter__()

    return opened


def store_on(server: Server) -> Store:
    return Store(server, policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS)


async def test_a_server_that_comes_is_waited_for(own_cluster: Cluster) -> None:
    """Until it answers; the log says once what is waited for."""
    own_cluster.sql("CREATE DATABASE feedmill")
    own_cluster.stop()
    with capture_logs() as logs:
        waiting = asyncio.create_task(reached(opening(own_cluster.server()), stop=asyncio.Event(), patience_s=60))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await asyncio.to_thread(own_cluster.start)
        store = await waiting
    assert store is not None
    assert await store.next_claim_at()
    await store.__aexit__()
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("state.unreachable", "warning")
    assert str(own_cluster.folder) in line["error"]
    assert line["gives_up_in_s"] == 60


async def test_it_is_not_waited_for_for_ever() -> None:
    """An address may be wrong: the start fails then, with what is wrong."""
    with pytest.raises(StateUnreachable, match="feedmill-has-no-such-folder"):
        await reached(opening(AWAY), stop=asyncio.Event(), patience_s=0.1)


async def test_who_is_stopped_meanwhile_stops() -> None:
    """Without an error: there was nothing to be done."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    assert await reached(opening(AWAY), stop=stop, patience_s=60) is None


async def test_what_waiting_does_not_mend_is_told_at_once() -> None:
    """A state that is in use, say, or of a later version."""

    async def refused() -> Store:
        raise StateError("no")

    with pytest.raises(StateError, match="no"):
        await reached(refused, stop=asyncio.Event(), patience_s=60)


@pytest.fixture
def far(postgresql: Cluster) -> Iterator[tuple[Wire, Server]]:
    """What stands between a worker and its server, and goes on acknowledging when the server is gone; a database of
    this test's own."""
    name = f"far_{secrets.token_hex(4)}"
    postgresql.sql(f"CREATE DATABASE {name}")
    with wire(postgresql.folder / ".s.PGSQL.5432") as between:
        yield between, Server(f"postgresql://postgres@127.0.0.1:{between.port}/{name}?sslmode=disable")


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(
    far: tuple[Wire, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call fails, and the next one asks anew; nothing else would tell that the server is gone."""
    monkeypatch.setattr(postgresql, "_ANSWER_S", 0.5)
    between, server = far
    async with store_on(server) as store:
        between.freeze()
        with pytest.raises(StateUnreachable, match="has not answered"):
            await store.next_claim_at()
        between.join()
        assert await store.next_claim_at()


async def test_a_server_that_was_read_only_is_written_to_over_a_new_connection(
    postgresql: Cluster, far: tuple[Wire, Server]
) -> None:
    """As after a failover, or when its disk was full: that a session begins as read-only may be for as long as it
    lasts."""
    between, server = far
    name = server.url.partition("?")[0].rpartition("/")[2]
    async with store_on(server) as store:
        postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        between.reset()
        between.join()
        with pytest.raises(StateUnreachable):
            await store.note_reload("refused")
        with pytest.raises(StateError, match="read-only"):
            await store.note_reload("refused")
        postgresql.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await store.note_reload("refused")


async def test_who_ends_asks_a_server_that_does_not_answer_no_more(
    far: tuple[Wire, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked when the end comes is given up, and all after it fails at once."""
    monkeypatch.setattr(patience, "ENDING_S", 0.5)
    between, server = far
    async with store_on(server) as store:
        between.freeze()
        asked = asyncio.create_task(store.next_claim_at())
        await asyncio.sleep(0.2)
        store.hurry()
        with pytest.raises(StateUnreachable, match="has not answered"):
            await asked
        between.join()
        with pytest.raises(StateUnreachable, match="did not answer"):
            await store.next_claim_at()


async def test_who_ends_goes_on_with_a_server_that_answers(far: tuple[Wire, Server]) -> None:
    """Work under way is handed back, and committed."""
    _, server = far
    async with store_on(server) as store:
        store.hurry()
        assert await store.next_claim_at()
