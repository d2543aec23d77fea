"""An output in a bucket, by the commands."""

from __future__ import annotations

import pytest

from tests.bucket import Bucket, bucket, object_store
from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose
from worker import read_records
from worker.errors import StateError

__all__ = ["bucket", "object_store"]

NAMES = [f"bird{number}" for number in range(3)]


def listed(site: Site, words: str = "") -> str:
    items = [item(name, site.add("a", f"/{name}", page(name, prose(name + words))), name + words) for name in NAMES]
    return feed(site, "a", *items)


def test_all_commands_take_a_bucket_for_a_directory(site: Site, worker: Worker, bucket: Bucket) -> None:
    """In shards: once, records, verify, why, compact, forget and recover."""
    out = bucket()
    worker.configure([listed(site)], output={"dir": str(out), "shards": 2, "latest": True})
    worker.once()
    listed(site, " and more")
    worker.once(every=True)
    first, *_ = records = list(read_records(str(out)))
    assert sorted(record["_ingest"]["revision"] for record in records) == [1] * 3 + [2] * 3
    assert "ok: 6 records" in worker.run("verify").stdout
    assert "ok: 6 records" in worker.run("verify", str(out)).stdout
    assert "Nothing to do." in worker.run("compact").stdout
    assert f"{out}/shard=0" in worker.run("why", first["id"]).stdout
    assert len(worker.run("records", str(out)).stdout.splitlines()) == 6
    assert "2 records taken out" in worker.run("forget", first["id"]).stdout
    for path in worker.folder.glob("state.db*"):
        path.unlink()
    with pytest.raises(StateError, match="feedmill recover"):
        worker.once()
    assert "5 records read" in worker.run("recover").stdout
    worker.once(every=True)
    assert len(list(read_records(str(out)))) == 5
    assert "ok: 5 records" in worker.run("verify").stdout
    assert not any(path.name.startswith("s3:") for path in worker.folder.iterdir())
