"""`forget`: a takedown, with a worker running and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site import Site
from tests.whole.conftest import Later, Worker
from tests.whole.pages import feed, item, page, prose
from tests.whole.processes import stopped, until
from worker.cli import asking, forget, poll
from worker.output import cursor, read_records
from worker.store.database.holding import locked

TRACE = "heron"
"""A word of the article that has to go."""


def traces(worker: Worker) -> list[str]:
    """The files of the output that hold any of it."""
    files = [path for path in worker.out.rglob("*") if path.is_file() and path.parent.name != "schema"]
    return [str(path.relative_to(worker.out)) for path in files if TRACE.encode() in path.read_bytes()]


def written(site: Site, worker: Worker, **changes: object) -> str:
    """Three articles, one of which is to be forgotten, in two feeds; its URL."""
    url = site.add("a", "/gone", page("T", prose(TRACE)))
    others = [item(u, site.add("a", f"/{u}", page(u, prose(u))), u) for u in ("owl", "rook")]
    site.add("a", "/copy", page("C", prose(TRACE)))
    copy = item("c", site.url("a", "/copy"), "C")
    worker.configure([feed(site, "b", item("g", url, "T"), *others), feed(site, "c", copy)], **changes)
    worker.once()
    assert traces(worker) != []
    return url


def ids(worker: Worker) -> list[str]:
    return sorted(record["id"] for record in worker.records())


def test_who_has_a_copy_is_told(site: Site, worker: Worker) -> None:
    """Of the article and each duplicate that has a record: by their ids alone. Again, it tells nothing more."""
    url = written(site, worker, dedup={"exact": "link"})
    records = worker.records()
    last = cursor(records[-1])
    gone = {r["id"]: r["_ingest"]["revision"] for r in records if r.get("title") in {"T", "C"}}
    assert len(gone) == 2
    worker.run("forget", url)
    notices = list(read_records(worker.out, last))
    assert {r["id"]: r["_ingest"]["revision"] - 1 for r in notices} == gone
    assert all(r["_ingest"]["op"] == "delete" and not r["content_text"] for r in notices)
    assert not any(url in str(r) or "title" in r for r in notices)
    worker.run("forget", min(gone))
    assert list(read_records(worker.out, last)) == notices
    assert {r["id"] for r in worker.records() if r["_ingest"]["op"] == "delete"} == gone.keys()
    worker.run("verify")


@pytest.mark.parametrize("exact", ["drop", "link"])
def test_a_takedown_leaves_no_trace_and_the_others_as_they_were(site: Site, worker: Worker, exact: str) -> None:
    """In no file of the output; duplicates go with it; verify finds the directory whole."""
    url = written(site, worker, dedup={"exact": exact}, output={"latest": True, "feed_json": 9})
    kept = {r["id"]: r["content_text"] for r in worker.records() if TRACE not in r["content_text"]}
    said = worker.run("forget", url).stdout
    assert "will not come back" in said
    assert traces(worker) == []
    left = {r["id"]: r["content_text"] for r in worker.records() if r["_ingest"]["op"] != "delete"}
    assert {id: text for id, text in kept.items() if text} == left
    worker.run("verify")


def test_what_was_taken_down_does_not_come_back(site: Site, worker: Worker) -> None:
    """Not by its feed, changed or not; not by another feed; not by a site that says the same."""
    url = written(site, worker)
    worker.run("forget", url)
    before = ids(worker)
    feed(site, "b", item("g", url, "T, changed", "And other words."))
    feed(site, "d", item("x", url + "?utm_source=d", "T"))
    feed(site, "e", item("y", site.add("e", "/1", page("T", prose(TRACE))), "T"))
    feeds = [site.url(host, "/feed") for host in "bcde"]
    worker.configure(feeds)
    worker.once(every=True)
    worker.once(every=True)
    assert ids(worker) == before
    assert traces(worker) == []


def test_a_running_worker_does_it_when_asked(site: Site, worker: Worker) -> None:
    """The command waits for it."""
    url = written(site, worker)
    process = worker.start("run")
    until(lambda: str(process.pid) in (worker.folder / "state.db.lock").read_text())
    assert "will not come back" in worker.run("forget", url).stdout
    assert traces(worker) == []
    assert stopped(process)[0] == 0
    worker.run("verify")


@pytest.mark.parametrize("beside", [True, False], ids=["beside a worker", "alone"])
def test_what_is_kept_out_can_be_let_in_again(site: Site, worker: Worker, beside: bool) -> None:
    """By its URL, in any spelling: it comes with the next poll of the feed that has shown it all along. Until then
    `why` tells by which command it is kept out, and when; also after a restart, and once the state is lost."""
    url = site.add("a", "/1", page("T", prose(TRACE)))
    worker.configure(
        [feed(site, "a", item("g", url, "T"), item("o", site.add("a", "/2", page("O", prose("owl"))), "O"))]
    )
    assert "not kept out" in worker.run("forget", "--undo", url, status=1).stderr
    assert "it will be kept out" in worker.run("forget", "--unknown", url).stdout
    told = worker.run("why", url).stdout
    assert told.startswith("It was kept out ")
    assert "by feedmill forget --unknown: nothing is written of it" in told
    assert "feedmill forget --undo lets it in again" in told
    worker.once()
    assert worker.once(every=True).new == 0
    assert (traces(worker), len(worker.records())) == ([], 1)
    if beside:
        process = worker.start("run")
        until(lambda: str(process.pid) in (worker.folder / "state.db.lock").read_text())
    assert "let in again" in worker.run("forget", "--undo", url + "?utm_source=x").stdout
    assert "No listed feed has shown it" in worker.run("why", url, status=1).stdout
    if beside:
        assert stopped(process)[0] == 0
    assert worker.once(every=True).new == 1
    assert traces(worker) != []
    for lost in worker.folder.glob("state.db*"):
        lost.unlink()
    worker.run("recover")
    assert worker.once(every=True).new == 0
    assert len(worker.records()) == 2
    worker.run("verify")


def test_what_was_kept_out_before_the_state_was_lost_can_be_let_in(site: Site, worker: Worker) -> None:
    """Nobody knows any more when; the output has it. A takedown has no way back, then as before."""
    url, other = written(site, worker), site.url("a", "/never")
    worker.run("forget", url)
    assert "no way back" in worker.run("forget", "--undo", url, status=1).stderr
    assert "It was taken down" in worker.run("why", url).stdout
    worker.run("forget", "--unknown", other)
    for lost in worker.folder.glob("state.db*"):
        lost.unlink()
    worker.run("recover")
    worker.once()
    assert "It was taken down, or kept out, by feedmill forget:" in worker.run("why", other).stdout
    assert "let in again" in worker.run("forget", "--undo", other).stdout
    assert "no way back" in worker.run("forget", "--undo", url, status=1).stderr
    worker.once(every=True)
    assert "No listed feed has shown it" in worker.run("why", other, status=1).stdout
    assert traces(worker) == []


@pytest.mark.parametrize("lost", [True, False], ids=["state lost", "state kept"])
def test_a_takedown_has_no_way_back_by_any_of_its_names(site: Site, worker: Worker, lost: bool) -> None:
    """Whichever of them it was asked for by: the others are its record's id, and the URLs of what is its copy."""
    url = written(site, worker)
    (record,) = [r for r in worker.records() if TRACE in r["content_text"]]
    worker.run("forget", record["id"])
    for path in worker.folder.glob("state.db*") if lost else ():
        path.unlink()
    if lost:
        worker.run("recover")
    said = [worker.run("forget", "--undo", name, status=1).stderr for name in (record["id"], record["url"])]
    assert all("no way back" in one for one in said)
    for name in (url, site.url("a", "/copy")):
        worker.run("forget", "--undo", name, status=1)
    assert worker.once(every=True).new == 0
    assert traces(worker) == []
    worker.run("verify")


def test_by_the_id_of_its_record(site: Site, worker: Worker) -> None:
    """As a consumer would name it."""
    written(site, worker)
    (record,) = [r for r in worker.records() if TRACE in r["content_text"]]
    worker.run("forget", record["id"])
    assert traces(worker) == []


def test_a_url_that_nothing_is_known_of_is_refused(site: Site, worker: Worker) -> None:
    """A misspelt one must not look as if it had been taken down, nor be barred for ever; by a worker that runs, too."""
    url = written(site, worker)
    process = worker.start("run")
    until(lambda: str(process.pid) in (worker.folder / "state.db.lock").read_text())
    wrong = site.add("a", "/gome", page("G", prose("goose")))
    assert "nothing is known of it, so nothing was changed" in worker.run("forget", wrong, status=1).stderr
    assert stopped(process)[0] == 0
    assert "nothing is known of it" in worker.run("forget", "0" * 32, status=1).stderr
    assert traces(worker) != []
    worker.configure([feed(site, "b", item("g", url, "T"), item("w", wrong, "G"))])
    assert worker.once(every=True).new == 1


@pytest.mark.parametrize("path", ["/gone", "/copy"])
def test_a_takedown_that_is_asked_for_again_is_told_so(site: Site, worker: Worker, path: str) -> None:
    """By the name that it was asked for, whichever of the two feeds' entries had the record."""
    written(site, worker)
    worker.run("forget", site.url("a", path))
    assert "it is kept out already" in worker.run("forget", site.url("a", path)).stdout
    assert worker.run("why", site.url("a", path)).stdout.startswith("It was taken down ")


def test_what_left_its_feed_long_ago_goes_by_its_url(site: Site, worker: Worker, later: Later) -> None:
    """Though the state has no more of it than keys; the copy stays, which has never been its own."""
    url = written(site, worker, dedup={"exact": "link", "window": "1d", "keep": "1d"})
    later(3)
    worker.configure([], dedup={"window": "1d", "keep": "1d"})
    worker.once()
    worker.once()  # which of the two is whose copy is left to chance; a copy goes first
    assert "It left its feed long ago" in worker.run("why", url).stdout
    said = worker.run("forget", url).stdout
    assert "1 record taken out of the output, 0 entries forgotten" in said
    assert [r for r in worker.records() if r.get("url") == url] == []
    assert len([r for r in worker.records() if r["_ingest"]["op"] == "delete"]) == 1
    worker.run("verify")


def test_a_worker_that_does_not_answer_is_not_waited_for_for_long(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is promised what it will do."""
    assert forget.PATIENCE_S == poll.PATIENCE_S
    monkeypatch.setattr(forget, "PATIENCE_S", 0.5)
    monkeypatch.setattr(asking, "QUIET_S", 0.1)
    url = written(site, worker)
    with locked(worker.state):
        said = worker.run("forget", url, status=1).stderr
    assert "waiting up to" in said
    assert "whether it was carried out is not known" in said


def test_an_article_that_never_came_is_kept_out(site: Site, worker: Worker) -> None:
    """A URL may be named before a feed does, where that is meant."""
    url = site.add("a", "/gone", page("T", prose(TRACE)))
    worker.configure([feed(site, "b")])
    worker.once()
    assert "kept out" in worker.run("forget", "--unknown", url).stdout
    feed(site, "b", item("g", url, "T"))
    assert worker.once(every=True).new == 0
    assert Path(worker.state).exists()


def test_what_is_no_url_is_refused(site: Site, worker: Worker) -> None:
    """With what was expected."""
    worker.configure([feed(site, "b")])
    assert "expected an http or https URL" in worker.run("forget", "no url", status=2).stderr


def test_what_was_cut_off_is_done_by_the_next_start(site: Site, worker: Worker) -> None:
    """Where a file was not to be had, it is said, and the others are done at once."""
    url = written(site, worker, output={"seal_records": 1})
    (file, *others) = [worker.out / name for name in traces(worker)]
    assert not others
    aside = file.rename(worker.folder / file.name)
    said = worker.run("forget", url, status=1).stderr
    assert "not all of the output could be gone through: can't read " in said
    aside.rename(file)
    worker.once(every=True)
    assert traces(worker) == []
    worker.run("verify")
