"""The commands with their state on PostgreSQL."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections import Counter

import pytest

from tests.postgresql import Cluster
from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose
from tests.whole.processes import found, running, until
from tests.whole.test_failing_system import growing
from tests.wire import wire
from worker.errors import StateError
from worker.model import Server

NAMES = [f"bird{number}" for number in range(6)]


@pytest.fixture
def server(postgresql: Cluster) -> Server:
    """A database of this test's own, with nothing in it."""
    name = f"whole_{secrets.token_hex(4)}"
    postgresql.sql(f"CREATE DATABASE {name}")
    return postgresql.server(name)


def listed(site: Site, name: str) -> str:
    items = [item(bird, site.add(name, f"/{bird}", page(bird, prose(name + bird))), bird) for bird in NAMES]
    return feed(site, name, *items)


def test_all_commands_work_on_a_database(site: Site, worker: Worker, server: Server, postgresql: Cluster) -> None:
    """Polled, looked at, steered, forgotten, lost and recovered, as with a file."""
    worker.configure([{"id": "a", "url": listed(site, "a")}], state=server.url)
    assert "not taken up yet" in worker.run("feeds").stdout
    worker.once()
    first = worker.records()
    assert len(first) == len(NAMES)
    worker.once(every=True)
    assert worker.records() == first
    totals = json.loads(worker.run("status", "--json").stdout)["totals"]
    assert (totals["feeds"], totals["articles"]) == (1, len(NAMES))
    assert "records/" in worker.run("why", first[0]["id"]).stdout
    assert "1 feed paused" in worker.run("pause", "a").stdout
    assert "paused" in worker.run("feeds").stdout
    assert "a ok, unchanged; paused; 0 new" in worker.run("poll", "a").stdout
    assert "it is read again" in worker.run("retry", first[1]["url"]).stdout
    assert "it will be kept out" in worker.run("forget", "--unknown", site.url("a", "/more")).stdout
    assert "by feedmill forget --unknown" in worker.run("why", site.url("a", "/more")).stdout
    assert "let in again" in worker.run("forget", "--undo", site.url("a", "/more")).stdout
    assert "1 record taken out" in worker.run("forget", first[0]["id"]).stdout
    assert "pg_dump" in worker.run("backup", "copy.db", status=1).stderr
    other = f"{server.url}&options=-csearch_path%3Dagain"
    postgresql.sql("CREATE SCHEMA again", database=server.url.partition("?")[0].rpartition("/")[2])
    worker.configure([{"id": "a", "url": listed(site, "a")}], state=other)
    with pytest.raises(StateError, match="feedmill recover"):
        worker.once()
    assert f"{len(NAMES)} records read" in worker.run("recover").stdout
    worker.once(every=True)
    assert [record["_ingest"]["op"] for record in worker.records()] == ["new"] * (len(NAMES) - 1) + ["delete"]
    assert f"ok: {len(NAMES)} records" in worker.run("verify").stdout


def test_a_database_that_is_not_there_is_told_of(worker: Worker) -> None:
    """With the server's words, and without the password."""
    worker.configure([], state="postgresql://mill:hushhush@127.0.0.1:9/feedmill?connect_timeout=2")
    for command in ("status", "once"):
        said = worker.run(command, status=1).stderr
        assert "postgresql://mill@127.0.0.1:9/feedmill" in said
        assert "hushhush" not in said


def test_two_workers_share_a_state(site: Site, worker: Worker, server: Server) -> None:
    """Every page is asked for once, by one of them; a command beside them is carried out; each ends well."""
    names = [f"f{number}" for number in range(4)]
    feeds = [{"id": name, "url": listed(site, name)} for name in names]
    worker.configure(feeds, state=server.url, output={"shards": 2, "seal_after": "1s"}, bus="local")
    wanted = len(names) * len(NAMES)
    with running(worker), running(worker):
        until(lambda: len(worker.records() if worker.out.exists() else ()) == wanted)
        assert "1 feed paused" in worker.run("pause", "f0").stdout
        polled = worker.run("poll", "f1")
        assert "f1 ok, unchanged; 0 new" in polled.stdout
        assert "feed.polled" not in polled.stderr  # but for one of the two, which logs it
        assert json.loads(worker.run("status", "--json").stdout)["totals"]["articles"] == wanted
    for name in names:
        assert {len(site.asked(name, f"/{bird}")) for bird in NAMES} == {1}
    assert f"ok: {wanted} records" in worker.run("verify").stdout


@pytest.mark.slow
def test_a_worker_ends_in_time_though_its_server_does_not_answer(
    site: Site, worker: Worker, server: Server, postgresql: Cluster
) -> None:
    """With a failure, as after any stop while the state is away."""
    database = server.url.partition("?")[0].rpartition("/")[2]
    route, _ = growing(site)
    feeds: list[object] = [{"url": site.add("a", "/feed", route), "every": "1s"}]
    with wire(postgresql.folder / ".s.PGSQL.5432") as between:
        far = f"postgresql://postgres@127.0.0.1:{between.port}/{database}?sslmode=disable"
        worker.configure(feeds, state=far, output={"seal_after": "1s"})
        process = worker.launch("run")
        try:
            until(lambda: len(found(worker)) > 1)
            between.freeze()
            process.terminate()
            assert process.wait(20) == 1
        finally:
            process.kill()
            process.wait()
        assert b"did not answer" in worker.log.read_bytes()
    worker.run("verify")


@pytest.mark.slow
def test_a_server_that_lost_its_last_commits_publishes_nothing_twice(
    site: Site, worker: Worker, own_cluster: Cluster
) -> None:
    """As a standby that was behind when it took over: a worker that goes on says so, and publishes nothing; when the
    records were read back, every article is there once."""
    own_cluster.sql("CREATE DATABASE feedmill")
    route, shown = growing(site)
    feeds: list[object] = [{"url": site.add("a", "/feed", route), "every": "1s"}]
    worker.configure(feeds, state=own_cluster.server().url, output={"seal_after": "0s"})
    data, standby = own_cluster.folder / "data", own_cluster.folder / "standby"
    process = worker.launch("run")
    try:
        until(lambda: len(found(worker)) > 1)
        own_cluster.stop()
        subprocess.run(["cp", "-a", data, standby], check=True, timeout=60)
        own_cluster.start()
        before = len(found(worker))
        until(lambda: len(found(worker)) > before + 2)
        own_cluster.stop()
        data.rename(own_cluster.folder / "primary")
        standby.rename(data)
        own_cluster.start()
        published = len(found(worker))
        until(lambda: b"the state is older than the output" in worker.log.read_bytes())
        asked = len(site.requests)
        until(lambda: len(site.requests) > asked + 2)
        assert len(found(worker)) == published
        process.terminate()
        assert process.wait(60) == 1
    finally:
        process.kill()
        process.wait()
    assert "feedmill recover" in worker.apart("once", status=1).stderr
    assert f"{published} records read" in worker.run("recover").stdout
    worker.once(every=True)
    assert Counter(record["title"] for record in worker.records()) == Counter(shown)
    worker.run("verify")
