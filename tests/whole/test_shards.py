"""An output in shards, by the commands."""

from __future__ import annotations

import pytest

from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose
from worker import read_records
from worker.errors import StateError
from worker.output import verify
from worker.record import shard_of

SHARDS = 3
NAMES = [f"bird{number}" for number in range(9)]


def listed(site: Site, words: str = "") -> str:
    items = [item(name, site.add("a", f"/{name}", page(name, prose(name + words))), name + words) for name in NAMES]
    return feed(site, "a", *items)


def test_all_commands_take_the_shards_for_one(site: Site, worker: Worker) -> None:
    """Records, verify, why, compact, forget and recover; each record is in the shard that its id says."""
    shards = {"shards": SHARDS, "latest": True, "feed_json": 5}
    worker.configure([listed(site)], output=shards)
    worker.once()
    first = worker.records()
    assert len(first) == len(NAMES)
    listed(site, " and more")
    worker.once(every=True)
    revisions = {(record["id"], record["_ingest"]["revision"]) for record in worker.records()}
    assert revisions == {(record["id"], revision) for record in first for revision in (1, 2)}
    files = list(worker.out.glob("shard=*/latest/**/*.json"))
    assert {file.stem for file in files} == {record["id"] for record in first}
    for file in files:
        assert file.relative_to(worker.out).parts[0] == f"shard={shard_of(file.stem, SHARDS):02}"
    assert "ok: 18 records" in worker.run("verify").stdout
    assert "Nothing to do." in worker.run("compact").stdout
    said = next(line for line in worker.run("why", first[0]["id"]).stdout.splitlines() if " file " in line)
    assert f"/shard={shard_of(first[0]['id'], SHARDS):02}/records/" in said
    assert "2 records taken out of the output" in worker.run("forget", first[0]["id"]).stdout
    assert "ok: 17 records" in worker.run("verify").stdout
    for path in worker.folder.glob("state.db*"):
        path.unlink()
    with pytest.raises(StateError, match="feedmill recover"):
        worker.once()
    assert "17 records read" in worker.run("recover").stdout
    assert "knows all" in worker.run("recover").stdout
    worker.once(every=True)
    assert len(worker.records()) == 17
    listed(site, " and again")
    worker.once(every=True)
    assert len(worker.records()) == 25
    assert "ok: 25 records" in worker.run("verify").stdout


def test_the_number_of_shards_changes_with_the_directory_alone(site: Site, worker: Worker) -> None:
    """What to do is said; done, the articles' next revisions are in the new one."""
    worker.configure([listed(site)], output={"shards": 2})
    worker.once()
    ids = {record["id"] for record in worker.records()}
    worker.configure([listed(site)], output={"shards": SHARDS})
    with pytest.raises(StateError, match=r"set it to 2; or choose another output.dir .*--new-output"):
        worker.once()
    worker.run("recover", "--new-output", status=1)
    worker.configure([listed(site)], output={"shards": SHARDS, "dir": "other"})
    worker.run("recover", "--new-output")
    listed(site, " and more")
    worker.once(every=True)
    found = list(read_records(worker.folder / "other"))
    assert {(record["id"], record["_ingest"]["revision"]) for record in found} == {(id, 2) for id in ids}
    assert verify(worker.folder / "other").is_sound
