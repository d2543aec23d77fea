"""Pages that the archive does not take at once: on a real one, with something in its way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.output.test_output_archive import made, opened
from worker.output import Archive, page_at, verify
from worker.pipeline import Archiver, archiving
from worker.record import Raw


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "AGAIN_S", 0.01)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """One that can't be written, as a file is where its folder belongs."""
    archive = opened(tmp_path / "out")
    (tmp_path / "out/archive").touch()
    return archive


async def waiting(archiver: Archiver, *ids: int) -> list[asyncio.Task[Raw | None]]:
    """These pages, each refused at least once."""
    tasks = [asyncio.create_task(archiver.keep(made(id))) for id in ids]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in tasks)
    return tasks


async def test_pages_wait_until_the_archive_takes_them(tmp_path: Path, archive: Archive) -> None:
    """All of them, whole, in one file; meanwhile the operator is told what is wrong, and what to do."""
    archiver = Archiver(archive)
    assert archiver.trouble is None
    tasks = await waiting(archiver, *range(20))
    assert "a file is in the way" in (archiver.trouble or "")
    (tmp_path / "out/archive").unlink()
    for id, raw in enumerate(await asyncio.gather(*tasks)):
        assert raw is not None
        assert page_at(tmp_path / "out", raw) == made(id)
    assert archiver.trouble is None
    assert verify(tmp_path / "out").is_sound


async def test_one_page_tries_for_all_that_wait(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a broken disk is not asked once for each of them."""
    tries = []
    add = archive.add
    monkeypatch.setattr(archive, "add", lambda page: (tries.append(page.record_id), add(page))[1])
    tasks = await waiting(Archiver(archive), *range(20))
    assert len(tries) > 21
    assert len(set(tries[20:])) == 1
    for task in tasks:
        task.cancel()


async def test_nothing_waits_for_pages_that_were_given_up(archive: Archive) -> None:
    """As at a stop: or nobody would ever find out that the archive works again."""
    archiver = Archiver(archive)
    for task in await waiting(archiver, 1, 2, 3):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert archiver.trouble is None


async def test_a_page_of_what_is_taken_down_meanwhile_is_not_kept(tmp_path: Path, archive: Archive) -> None:
    """It is gone for good, and nobody waits for it any longer."""
    (task,) = await waiting(Archiver(archive), 1)
    archive.forget(made(1).record_id)
    assert await asyncio.wait_for(task, 10) is None
    (tmp_path / "out/archive").unlink()
    assert verify(tmp_path / "out").pages == 0
