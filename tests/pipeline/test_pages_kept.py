"""Pages go after the records that point to them."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from tests.output.conftest import DAY_MS, START, make_segments
from tests.output.test_output_archive import added, made, opened
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, page_at, verify
from worker.pipeline import Publisher
from worker.store import Store


async def test_pages_go_once_their_records_are_gone(tmp_path: Path) -> None:
    """Not before: a crash between the two would leave records that point to nothing."""
    out = tmp_path / "out"
    archive = opened(out)
    raw = added(archive, made(1))
    directory = OutputDirectory.open(out, schema=b"{}")
    for segment in make_segments(3, a_day=1):
        directory.publish(segment)
    publisher = Publisher(
        store=cast("Store", None),
        directory=directory,
        archive=archive,
        seal_after_ms=0,
        seal_records=1,
        keeping=Keeping(merge=False, pack=False, grace_ms=0, keep_ms=DAY_MS),
    )
    now = Millis(START + 30 * DAY_MS)
    steps = await publisher.untidy(now=now)
    assert page_at(out, raw) is not None
    for step in steps:
        await publisher.tidy(step, now=now)
    assert await publisher.untidy(now=now) == []
    assert page_at(out, raw) is None
    assert verify(out).is_sound
