"""When records are sealed, from a state to an output directory."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, insert

from tests.output.conftest import SCHEMA, START, make_row
from tests.store.samples import KEEP_MS, NO_PATIENCE, WINDOW_MS, Plans
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, read_records
from worker.pipeline import Publisher
from worker.store import Store, database_url
from worker.store.database import tables as t

MINUTE = 60_000


def write(state: Path, numbers: range, *, at: int) -> None:
    """Records, as their commit leaves them."""
    engine = create_engine(database_url(state))
    with engine.begin() as connection:
        for number in numbers:
            body = make_row(1, f"article {number}", id=number).body
            connection.execute(insert(t.outbox), {"op": "new", "revision": 1, "ingested_at": at, "body": body})
    engine.dispose()


async def test_what_comes_while_others_are_sealed_waits_for_its_time(tmp_path: Path) -> None:
    """However long that takes: not each is sealed as it comes, until none does. What fills a segment is sealed; what is
    of a clock that was set back, too."""
    state, out = tmp_path / "state.db", tmp_path / "out"
    coming = [range(10, 12), range(12, 14)]

    def sealed(*_: object) -> None:
        if coming:
            write(state, coming.pop(0), at=START + MINUTE + 1)

    async with Store(
        state, policies=lambda _: NO_PATIENCE, planner=Plans(), window_ms=WINDOW_MS, keep_ms=KEEP_MS
    ) as store:
        publisher = Publisher(
            store=store,
            directory=OutputDirectory.open(out, schema=SCHEMA),
            archive=None,
            seal_after_ms=MINUTE,
            seal_records=6,
            keeping=Keeping(merge=False, pack=False, grace_ms=0, keep_ms=None),
            sealed=sealed,
        )
        write(state, range(10), at=START)
        assert await publisher.publish(now=Millis(START + MINUTE)) == 6 + 6  # with two that came, which fill a segment
        assert publisher.due_at == START + 2 * MINUTE + 1
        assert await publisher.publish(now=Millis(START + MINUTE + 2)) == 0
        assert publisher.due_at == START + 2 * MINUTE + 1
        assert await publisher.publish(now=Millis(START + 2 * MINUTE + 1)) == 2
        assert publisher.due_at is None
        write(state, range(14, 17), at=START + MINUTE)
        assert await publisher.publish(now=START) == 3
    assert len(list(read_records(out))) == 17
