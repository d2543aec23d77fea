"""The state is lost, damaged or older than its output directory; the directory is not there, or another one."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from random import Random

import orjson
import pytest

from tests import corpus
from tests.conftest import CheckOutput
from tests.site import Answer, Site
from tests.whole.conftest import Later, Worker
from tests.whole.pages import feed, item, page, prose
from tests.whole.processes import stopped, until
from worker.errors import OutputError, StateDamaged, StateError, StateLocked
from worker.output import FileLine, OutputDirectory, Segment
from worker.pipeline import Recovered
from worker.settings import load
from worker.store import Learned, backup
from worker.wiring import app, outputs

DUPLICATES = ["drop", "link"]


def recover(worker: Worker, *, new_output: bool = False) -> Recovered:
    """What `recover` does, in this process."""
    return app.recover(load(worker.folder / "worker.yaml", os.environ), new_output=new_output)


def served(site: Site, correction: str = "") -> list[object]:
    """Two feeds with all that makes entries hard to know again; one article may be corrected."""

    def article(name: str) -> str:
        return site.add("a", f"/{name}", page(f"On {name}", prose(name)))

    shared = site.add("a", "/list", page("A list", prose("list")))
    site.add("a", "/long", page("On the long way", prose("way")))
    short = site.add("a", "/short", Answer(status=301, headers={"Location": "/long"}))
    gone = site.add("a", "/gone", Answer(status=404))
    first = feed(
        site,
        "a",
        item("plain", article("plain"), "On plain"),
        item(None, article("guidless"), "On guidless"),
        item(None, None, "Neither guid nor link", prose("nameless")),
        item("same", article("twin-1"), "On twin-1"),
        item("same", article("twin-2"), "On twin-2"),
        item("listed-1", shared, "Listed 1", prose("listed one")),
        item("listed-2", shared, "Listed 2", prose("listed two")),
        *(item(f"hub-{n}", site.url("a", "/hub"), f"Hub {n}", prose(f"spoke {n}")) for n in range(3)),
        item("moved", short, "On the long way"),
        item("gone", gone, "Gone", "Only a few words are left."),
        item("dated", article("dated"), "On dated", "<b>Bold</b> &amp; so on"),
        item(None, None, None, "short"),
    )
    second = feed(
        site,
        "b",
        item("copy", site.url("a", "/plain"), "On plain"),
        item("reprint", site.add("b", "/reprint", page("A reprint", prose("guidless"))), "A reprint"),
        item("own", site.add("b", "/own", page("On own", prose("own") + correction)), "On own", correction),
        item("listed elsewhere", shared, "Listed elsewhere", prose("listed elsewhere")),
    )
    return [first, second]


def known(state: Path) -> list[tuple[object, ...]]:
    """What a state knows of what has been written, but for what only the feed says, and of duplicates' texts. Texts
    from which lines were left out are known otherwise, and not by their words where hardly any are left."""
    with closing(sqlite3.connect(state)) as connection:
        return connection.execute(
            "SELECT e.record_id, f.text, begin.text || e.path, e.title_key, e.revision, e.extraction, o.record_id,"
            " CASE WHEN e.removed_lines = 0 THEN e.revision_key END, e.removed_lines,"
            " CASE WHEN o.id IS NULL AND e.removed_lines = 0 THEN e.text_mark END,"
            " CASE WHEN o.id IS NULL THEN e.first_seen_at END"
            " FROM entry e JOIN name f ON f.no = e.feed_no LEFT JOIN name begin ON begin.no = e.origin_no"
            " LEFT JOIN entry o ON o.id = e.duplicate_of WHERE e.revision > 0 ORDER BY 1"
        ).fetchall()


def keys(state: Path) -> set[tuple[bytes, bytes]]:
    """The keys of those articles, and whose they are."""
    with closing(sqlite3.connect(state)) as connection:
        return set(
            connection.execute(
                "SELECT i.key, e.record_id FROM identity i JOIN entry e ON e.id = i.entry_id WHERE e.revision > 0"
            )
        )


def lose(state: Path) -> None:
    for path in state.parent.glob(state.name + "*"):
        path.unlink()


# --- a state that is lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", DUPLICATES)
def test_what_was_written_is_not_written_again(
    site: Site, worker: Worker, check_output: CheckOutput, exact: str
) -> None:
    """The state that is read back knows each article as the lost one did, and unchanged feeds bring no record."""
    worker.configure(served(site), dedup={"exact": exact})
    first = worker.once()
    assert first.new >= 12
    assert first.duplicates == 2
    served(site, "It has been corrected.")
    assert worker.once(every=True).updates == 1
    before, knew, had = worker.records(), known(worker.state), keys(worker.state)
    lose(worker.state)
    assert recover(worker).learned == Learned(records=len(before), unknown=len(before))
    # An article whose own site's feed took it over without an update is that feed's again with its next poll.
    assert [(row[0], *row[2:]) for row in known(worker.state)] == [(row[0], *row[2:]) for row in knew]
    assert keys(worker.state) == had
    for _ in range(2):
        tally = worker.once(every=True)
        assert (tally.new, tally.updates, tally.failed_polls, tally.broken) == (0, 0, 0, 0)
        assert known(worker.state) == knew
    assert worker.records() == before
    feed(site, "b", item("later", site.add("b", "/later", page("Later", prose("later"))), "Later"))
    assert worker.once(every=True).new == 1
    records = [record["_ingest"] for record in check_output(worker.out)]
    assert records[-1]["writer"] != records[0]["writer"]
    assert records[-1]["seq"] == 1


@pytest.mark.slow
@corpus.needs_corpus
def test_over_the_corpus_the_state_is_what_it_was(site: Site, worker: Worker) -> None:
    """Seventy-two real feeds: every article, key and hash is read back, and none is written again."""
    feeds = [
        {"id": name, "full_text": "never", "url": site.add(name, "/", Answer(body=body, content_type="text/xml"))}
        for name, body in corpus.feeds().items()
    ]
    worker.configure(feeds, fetch={"timeout": "30s"})
    assert worker.once().new > 2500
    before = known(worker.state), keys(worker.state)
    lose(worker.state)
    recover(worker)
    assert (known(worker.state), keys(worker.state)) == before
    tally = worker.once(every=True)
    assert (tally.new, tally.updates) == (0, 0)


def test_what_changed_while_the_state_was_lost_is_an_update(site: Site, worker: Worker) -> None:
    """Of the same article, with the next revision."""
    url = site.add("a", "/1", page("Title", prose("crane")))
    worker.configure([feed(site, "a", item("g", url, "Title"))])
    worker.once()
    lose(worker.state)
    site.add("a", "/1", page("Title", prose("crane") + " It has been corrected."))
    recover(worker)
    assert worker.once().updates == 1
    one, two = worker.records()
    assert (one["id"], two["_ingest"]["revision"]) == (two["id"], 2)


def test_what_was_not_yet_published_comes_again(site: Site, worker: Worker, check_output: CheckOutput) -> None:
    """A state that is lost with records in its outbox loses none of them for good."""
    items = [item(f"g{n}", None, f"T {n}", prose(f"thing {n}")) for n in range(6)]
    worker.configure([{"url": feed(site, "a", *items[:3]), "every": "1s"}], output={"seal_after": "0s"})
    assert worker.once().published == 3
    worker.configure([{"url": feed(site, "a", *items), "every": "1s"}], output={"seal_after": "1h"})
    shorten(worker)
    process = worker.launch("run")
    until(lambda: waiting(worker.state) == 3)
    process.kill()
    process.wait()
    until(lambda: not worker.processes())
    lose(worker.state)
    recover(worker)
    assert worker.once().new == 3
    assert len({record["id"] for record in check_output(worker.out)}) == len(check_output(worker.out)) == 6


def test_no_state_is_begun_beside_records_that_it_does_not_know(site: Site, worker: Worker) -> None:
    """A lost state is told of before anything is fetched, with the way out."""
    worker.configure([feed(site, "a", item("g", None, "T", prose("owl")))])
    worker.once()
    lose(worker.state)
    asked = len(site.requests)
    refused = worker.run("once", "--all", status=1)
    assert "`feedmill recover`" in refused.stderr
    assert str(worker.out) in refused.stderr
    with pytest.raises(StateError, match="knows nothing of"):  # nor is it any better the second time
        worker.once(every=True)
    assert len(site.requests) == asked
    assert "No worker would start: " in worker.run("status").stdout
    assert "`feedmill recover`" in worker.run("status").stdout
    assert worker.run("recover").stdout == f"1 record read from {worker.out}, 1 of them not known before\n"
    assert worker.once(every=True).new == 0
    assert "No worker would" not in worker.run("status").stdout


def test_a_recovery_that_finds_nothing_to_do_does_nothing(site: Site, worker: Worker) -> None:
    """Beside a worker that runs it is refused; and what is in order stays as it is."""
    worker.configure([{"url": feed(site, "a", item("g", None, "T", prose("owl"))), "every": "1h"}])
    assert recover(worker).learned is None
    worker.once()
    before = known(worker.state)
    assert "knows all" in worker.run("recover").stdout
    process = worker.start("run")
    until(worker.state.with_name("state.db-wal").exists)
    with pytest.raises(StateLocked):
        recover(worker)
    assert stopped(process)[0] == 0
    assert known(worker.state) == before
    assert worker.once(every=True).new == 0


def test_a_recovery_that_fails_has_done_nothing(site: Site, worker: Worker) -> None:
    """A directory that can't be read to its end leaves the state as it was: not one to start with."""
    items = [item(f"g{n}", None, f"T {n}", prose(f"thing {n}")) for n in range(3)]
    worker.configure([feed(site, "a", *items)], output={"seal_records": 1})
    worker.once()
    segment = max(worker.out.glob("records/*/*.jsonl"))
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-10])
    lose(worker.state)
    for _ in range(2):
        with pytest.raises(OutputError, match=segment.name):
            recover(worker)
        assert known(worker.state) == []
        with pytest.raises(StateError, match="knows nothing of"):
            worker.once()
    segment.write_bytes(whole)
    assert recover(worker).learned == Learned(records=3, unknown=3)
    assert worker.once(every=True).new == 0


# --- a state that is damaged, or older ------------------------------------------------------------------------------


def no_database(state: Path) -> None:
    state.write_bytes(b"this is no database, but long enough to be one " * 100)


def truncated(state: Path) -> None:
    os.truncate(state, 8192)


def emptied(state: Path) -> None:
    os.truncate(state, 0)


@pytest.mark.parametrize(
    ("spoil", "damaged"),
    [
        pytest.param(no_database, True, id="no database"),
        pytest.param(truncated, True, id="truncated"),
        pytest.param(emptied, False, id="emptied"),
    ],
)
def test_a_spoilt_state_is_refused_and_read_back(
    site: Site, worker: Worker, spoil: Callable[[Path], None], damaged: bool
) -> None:
    """No command goes on with it; what was there is put aside, and nothing is written twice."""
    worker.configure(served(site))
    worker.once()
    before = worker.records()
    spoil(worker.state)
    left = worker.state.read_bytes()
    with pytest.raises(StateError, match="feedmill recover") as refused:
        worker.once()
    assert isinstance(refused.value, StateDamaged) == damaged
    recover(worker)
    aside = list(worker.folder.glob("state.db.damaged-*Z"))
    assert [path.read_bytes() for path in aside] == [left] * damaged
    assert worker.once(every=True).new == 0
    assert worker.records() == before


def spoil(state: Path, table: str, *, at: int = 0) -> bytes:
    """Other bytes on the first page of a table, from `at` on; the file as it is then."""
    with closing(sqlite3.connect(state)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    with state.open("r+b") as file:
        file.seek((page - 1) * size + at)
        file.write(Random(table).randbytes(3000))
    return state.read_bytes()


COMMANDS = [["status"], ["feeds"], ["why", "FEED"], ["pause", "FEED"], ["retry"], ["once"]]


@pytest.mark.parametrize("table", ["alembic_version", "feed"])
def test_damage_inside_the_state_ends_each_command_with_the_way_out(site: Site, worker: Worker, table: str) -> None:
    """Whichever query meets it; nothing is put in its place."""
    worker.configure(served(site))
    worker.once()
    before = worker.records()
    feed_id = before[0]["_ingest"]["feed_id"]
    left = spoil(worker.state, table)
    for command in COMMANDS:
        done = worker.run(*(feed_id if word == "FEED" else word for word in command), status=1)
        assert "feedmill recover" in done.stderr, command
        assert len(done.stderr.splitlines()) == 1, command
        assert worker.state.read_bytes() == left, command
    assert recover(worker).put_aside is not None
    assert worker.once(every=True).new == 0
    assert worker.records() == before


def test_damage_of_a_text_has_a_way_out_too(site: Site, worker: Worker) -> None:
    """SQLite itself finds nothing wrong; `recover` reads each row."""
    worker.configure(served(site))
    worker.once()
    before = worker.records()
    with closing(sqlite3.connect(worker.state)) as database:
        database.execute("UPDATE feed SET title = CAST(x'c3' AS TEXT)")
        database.commit()
    for command in (["status"], ["once", "--all"]):
        assert "feedmill recover" in worker.run(*command, status=1).stderr
    assert recover(worker).put_aside is not None
    assert worker.once(every=True).new == 0
    assert worker.records() == before


def test_rows_that_cannot_be_are_looked_into(site: Site, worker: Worker) -> None:
    """What is no error of SQLite's, but nonsense to who reads it, is taken for damage where the pages show some."""
    worker.configure(served(site))
    worker.once()
    url = next(record["url"] for record in worker.records() if "url" in record)
    with closing(
        sqlite3.connect(worker.state)
    ) as database:  # keys lead to rows that are not there; a page is two tables'
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET rootpage = 1 WHERE name = 'takedown'")
        database.execute("DELETE FROM entry WHERE path IS NOT NULL")
        database.commit()
    assert "feedmill recover" in worker.run("why", url, status=1).stderr


def test_a_worker_that_meets_damage_ends_with_the_way_out(site: Site, worker: Worker) -> None:
    """The next start looks at all of the state before it touches anything, until it was read back."""
    items = [item(f"g{n}", None, f"T {n}", prose(f"thing {n}")) for n in range(60)]
    worker.configure([{"url": feed(site, "a", *items), "every": "1s"}], output={"seal_after": "1s"})
    worker.once()
    before = worker.records()
    process = worker.launch("run")
    until(lambda: len(site.asked("a", "/feed")) > 1)
    with worker.state.open("r+b") as file:  # all but the first page; those that it has read it knows by heart
        for start in range(4096, worker.state.stat().st_size, 4096):
            file.seek(start)
            file.write(Random(start).randbytes(4096))
    feed(site, "a", *items, *(item(f"h{n}", None, f"H {n}", prose(f"other {n}")) for n in range(60)))
    assert process.wait(60) == 1
    said = worker.log.read_text()
    assert "feedmill recover" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if "is damaged" in line]) < 5
    for again in range(2):
        assert "feedmill recover" in worker.run("once", status=1).stderr, again
    assert recover(worker).put_aside is not None
    worker.once(every=True)
    assert len({record["id"] for record in worker.records()}) == len(worker.records()) == 120
    assert worker.records()[: len(before)] == before


def test_an_older_copy_learns_what_was_written_since(site: Site, worker: Worker, check_output: CheckOutput) -> None:
    """Also of what it holds as not yet published; it goes on under a new name, so that no number comes twice."""
    items = [item(f"g{n}", None, f"T {n}", prose(f"thing {n}")) for n in range(9)]
    worker.configure([feed(site, "a", *items[:3])])
    worker.once()
    worker.configure([feed(site, "a", *items[:6])], output={"seal_after": "1h"})
    shorten(worker)
    process = worker.launch("run")
    until(lambda: waiting(worker.state) == 3)
    copy = worker.folder / "copy.db"
    backup(worker.state, copy)
    process.terminate()
    assert process.wait() == 0
    assert waiting(copy) == 3
    feed(site, "a", *items)
    assert worker.once(every=True).new == 3
    lose(worker.state)
    shutil.copy(copy, worker.state)
    with pytest.raises(StateError, match="older than"):
        worker.once(every=True)
    assert recover(worker).learned == Learned(records=9, unknown=3)
    assert waiting(worker.state) == 0
    assert worker.once(every=True).new == 0
    feed(site, "a", *items, item("last", None, "The last", prose("last")))
    assert worker.once(every=True).new == 1
    records = check_output(worker.out)
    assert len({record["id"] for record in records}) == len(records) == 10


def waiting(state: Path) -> int:
    """Records that are not published yet."""
    with closing(sqlite3.connect(state)) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


def shorten(worker: Worker) -> None:
    """Makes all feeds due."""
    with closing(sqlite3.connect(worker.state, timeout=10)) as connection:
        connection.execute("UPDATE work SET due_at = 0")
        connection.execute("UPDATE host SET next_at = 0, not_before = 0")
        connection.commit()


def test_a_log_that_is_gone_loses_no_record_and_repeats_none(site: Site, worker: Worker) -> None:
    """kill -9, and then somebody takes the -wal file away: what stands there is refused or in order, never begun
    anew."""
    items = [item(f"g{n}", None, f"T {n}", prose(f"thing {n}")) for n in range(20)]
    worker.configure([{"url": feed(site, "a", *items), "every": "1s"}], output={"seal_after": "0s"})
    process = worker.launch("run")
    until(lambda: list(worker.out.glob("manifest/*.jsonl")))
    process.kill()
    process.wait()
    until(lambda: not worker.processes())
    (worker.folder / "state.db-wal").unlink()
    (worker.folder / "state.db-shm").unlink()
    with pytest.raises(StateError, match="feedmill recover"):
        worker.once()
    recover(worker)
    worker.once(every=True)
    assert sorted(record["_ingest"]["entry_id"] or "" for record in worker.records()) == sorted(
        f"g{n}" for n in range(20)
    )


# --- an output directory that is not the one --------------------------------------------------------------------------


def moved(out: Path) -> None:
    out.rename(out.with_name("elsewhere"))


def replaced(out: Path) -> None:
    moved(out)
    out.mkdir()


def without_its_end(out: Path) -> None:
    """As a copy from before the last segment."""
    (day,) = (out / "manifest").iterdir()
    lines = day.read_bytes().splitlines(keepends=True)
    day.write_bytes(b"".join(lines[:-1]))
    (out / "records").rename(out / "kept")


@pytest.mark.parametrize("spoil", [moved, replaced, without_its_end])
def test_a_directory_that_lacks_what_was_published_is_noticed(
    site: Site, worker: Worker, spoil: Callable[[Path], None]
) -> None:
    """Nothing is fetched and no directory made, until it is put right or done without by word."""
    worker.configure([feed(site, "a", item("1", None, "One", prose("one")))])
    worker.once()
    feed(site, "a", item("2", None, "Two", prose("two")))
    worker.once(every=True)
    spoil(worker.out)
    shape, asked = sorted(worker.folder.rglob("*")), len(site.requests)
    for refused in (lambda: worker.once(every=True), lambda: recover(worker)):
        with pytest.raises(OutputError, match=r"output\.dir.*--new-output"):
            refused()
    assert len(site.requests) == asked
    assert [path for path in sorted(worker.folder.rglob("*")) if not path.name.startswith("state.db")] == [
        path for path in shape if not path.name.startswith("state.db")
    ]


def test_a_moved_directory_that_is_put_back_is_gone_on_with(
    site: Site, worker: Worker, check_output: CheckOutput
) -> None:
    """Or found by output.dir in its new place."""
    worker.configure([feed(site, "a", item("1", None, "One", prose("one")))])
    worker.once()
    moved(worker.out)
    with pytest.raises(OutputError):
        worker.once()
    worker.configure([feed(site, "a", item("2", None, "Two", prose("two")))], output={"dir": "elsewhere"})
    assert worker.once(every=True).new == 1
    assert [record["_ingest"]["seq"] for record in check_output(worker.folder / "elsewhere")] == [1, 2]


def test_a_new_directory_is_begun_by_word(site: Site, worker: Worker, check_output: CheckOutput) -> None:
    """What was written before is not written there again; numbers begin at 1, under a new name."""
    worker.configure([feed(site, "a", item("1", None, "One", prose("one")))])
    worker.once()
    (old,) = worker.records()
    moved(worker.out)
    assert worker.run("recover", "--new-output").stdout.startswith("0 records read")
    feed(site, "a", item("1", None, "One", prose("one")), item("2", None, "Two", prose("two")))
    assert worker.once(every=True).new == 1
    (record,) = check_output(worker.out)
    assert record["title"] == "Two"
    assert record["_ingest"]["seq"] == 1
    assert record["_ingest"]["writer"] != old["_ingest"]["writer"]


def test_the_directory_of_another_state_is_not_taken_over(site: Site, worker: Worker, tmp_path: Path) -> None:
    """A state that has published elsewhere does not go on in a directory that another one wrote."""
    (tmp_path / "other").mkdir()
    other = Worker(tmp_path / "other")
    for each, name in ((worker, "a"), (other, "b")):
        each.configure([feed(site, name, item(name, None, name, prose(name)))])
        each.once()
    worker.configure([feed(site, "a", item("a", None, "a", prose("a")))], output={"dir": str(other.out)})
    for refused in (worker.once, lambda: recover(worker)):
        with pytest.raises(OutputError, match=r"output\.dir"):
            refused()


def test_a_damaged_state_without_records_is_not_replaced(site: Site, worker: Worker) -> None:
    """There is nothing to read back: perhaps output.dir is wrong. By word it is begun anew."""
    worker.configure([feed(site, "a", item("1", None, "One", prose("one")))])
    worker.once()
    moved(worker.out)
    no_database(worker.state)
    with pytest.raises(OutputError, match="no records to read back"):
        recover(worker)
    assert not list(worker.folder.glob("*damaged*"))
    assert recover(worker, new_output=True).put_aside is not None
    assert worker.once().new == 1


def test_a_segment_named_but_not_marked_is_this_states(site: Site, worker: Worker, check_output: CheckOutput) -> None:
    """A crash between the manifest and the mark: the next start finds its own segment there, and goes on."""
    worker.configure([feed(site, "a", item("1", None, "One", prose("one")))])
    worker.once()
    with closing(sqlite3.connect(worker.state)) as state:
        state.execute("UPDATE segment SET path = NULL, sha256 = NULL")
        (line,) = check_output(worker.out)
        body = {**line, "_ingest": {**line["_ingest"], "writer": "", "seq": 0, "ingested_at": ""}}
        state.execute(
            "INSERT INTO outbox (op, revision, ingested_at, body, seq, segment_id) VALUES ('new', 1, ?, ?, 1, 1)",
            (round(datetime.fromisoformat(line["_ingest"]["ingested_at"]).timestamp() * 1000), orjson.dumps(body)),
        )
        state.commit()
    worker.once(every=True)
    assert len(check_output(worker.out)) == 1


# --- what is not in the directory any more --------------------------------------------------------------------------


def refusing(_directory: OutputDirectory, segment: Segment) -> FileLine:
    raise OutputError(f"can't write {segment.path}")


def removed(worker: Worker) -> None:
    """What `compact` does, by the worker's clock."""
    settings = load(worker.folder / "worker.yaml", os.environ)
    directory = outputs.output_directory(settings, settings.output.dir)
    for step in directory.due(outputs.keeping(settings), now=app.now()):
        directory.carry_out(step, now=app.now())


def test_what_output_keep_removed_is_not_written_again_after_a_recovery(
    site: Site, worker: Worker, later: Later
) -> None:
    """Though its feed shows it still; what is new is written, and what was kept is known."""
    old = served(site)
    worker.configure(old, output={"keep": "1d"}, dedup={"exact": "link"})
    assert worker.once().new > 10
    later(3)
    new = feed(site, "c", item("later", site.add("c", "/later", page("On later", prose("later"))), "On later"))
    worker.configure([*old, new], output={"keep": "1d"}, dedup={"exact": "link"})
    assert worker.once(every=True).new == 1
    removed(worker)
    assert [record.get("title") for record in worker.records()] == ["On later"]
    worker.state.unlink()
    recover(worker)
    newer = item("newest", site.add("c", "/newest", page("On newest", prose("newest"))), "On newest")
    feed(site, "c", item("later", site.url("c", "/later"), "On later"), newer)
    worker.once(every=True)
    worker.once(every=True)
    assert [record.get("title") for record in worker.records()] == ["On later", "On newest"]
    worker.run("verify")


@pytest.mark.parametrize("older", [True, False], ids=["an older state", "a new one"])
def test_what_was_taken_down_does_not_come_back_after_a_recovery(
    site: Site, worker: Worker, tmp_path: Path, older: bool
) -> None:
    """Neither as it was nor in the words of another site."""
    gone = item("gone", site.add("a", "/gone", page("On gone", prose("gone"))), "On gone")
    kept = item("kept", site.add("a", "/kept", page("On kept", prose("kept"))), "On kept")
    first = feed(site, "a", gone, kept)
    worker.configure([first])
    worker.once()
    copy = tmp_path / "copy.db"
    backup(worker.state, copy)
    worker.run("forget", site.url("a", "/gone"))
    worker.state.unlink()
    if older:
        shutil.copy(copy, worker.state)
    recover(worker)
    again = item("reprint", site.add("b", "/reprint", page("A reprint", prose("gone"))), "A reprint")
    feed(site, "a", item("gone", site.url("a", "/gone"), "On gone, corrected"), kept)
    worker.configure([first, feed(site, "b", again)])
    worker.once(every=True)
    assert [(r.get("title"), r["_ingest"]["op"]) for r in worker.records()] == [("On kept", "new"), (None, "delete")]
    worker.run("verify")


def test_what_was_named_stays_away_after_a_recovery_be_it_without_a_record(site: Site, worker: Worker) -> None:
    """A duplicate whose page says something else by then; a URL that nothing had come from yet."""
    copies = [item(word, site.add("a", f"/{word}", page(word, prose("heron"))), word) for word in ("one", "two")]
    first = feed(site, "a", *copies, item("kept", site.add("a", "/kept", page("On kept", prose("kept"))), "On kept"))
    worker.configure([first])
    worker.once()
    (duplicate,) = {site.url("a", "/one"), site.url("a", "/two")} - {record.get("url") for record in worker.records()}
    worker.run("forget", duplicate)
    unknown = site.url("a", "/unknown")
    worker.run("forget", "--unknown", unknown)
    worker.state.unlink()
    recover(worker)
    path = duplicate.rpartition("/")[2]
    site.add("a", f"/{path}", page("Anew", prose("other")))
    site.add("a", "/unknown", page("Unknown", prose("unknown")))
    feed(site, "a", item(path, duplicate, "Anew"), item("unknown", unknown, "Unknown"))
    worker.once(every=True)
    assert [record["title"] for record in worker.records() if "title" in record] == ["On kept"]
    worker.run("verify")


def test_what_an_older_state_has_still_to_publish_is_not_published_again(
    site: Site, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: Later
) -> None:
    """Though it is in the directory no more: it was taken down since, or its day was past `output.keep`."""
    items = [item(n, site.add("a", f"/{n}", page(f"On {n}", prose(n))), f"On {n}") for n in ("gone", "old")]
    worker.configure([feed(site, "a", *items)], output={"keep": "1d"})
    copy = tmp_path / "copy.db"
    with monkeypatch.context() as patch:
        patch.setattr(OutputDirectory, "publish", refusing)
        with pytest.raises(OutputError):
            worker.once()
    assert waiting(worker.state) == 2
    backup(worker.state, copy)
    assert worker.once().published == 2
    later(3)
    worker.run("forget", site.url("a", "/gone"))
    removed(worker)
    lose(worker.state)
    shutil.copy(copy, worker.state)
    recover(worker)
    worker.once(every=True)
    assert [record["_ingest"]["op"] for record in worker.records()] == ["delete"]
    worker.run("verify")


@pytest.mark.parametrize("shards", [1, 2])
def test_after_a_recovery_it_is_known_when_and_where_each_article_was_written(
    site: Site, worker: Worker, shards: int
) -> None:
    """As before it, to the file."""
    words = ("heron", "owl", "rook", "wren")
    items = [item(word, site.add("a", f"/{word}", page(word, prose(word))), word) for word in words]
    worker.configure([feed(site, "a", *items)], output={"shards": shards, "seal_records": 1})
    worker.once()
    ids = [record["id"] for record in worker.records()]
    before = [worker.run("why", id, "--json").stdout for id in ids]
    files = [worker.run("why", id).stdout.partition("file ")[2].split()[0] for id in ids]
    assert len(set(files)) == len(words)
    worker.state.unlink()
    recover(worker)
    for id, story, file in zip(ids, before, files, strict=True):
        was, now = (orjson.loads(told)["entries"][0] for told in (story, worker.run("why", id, "--json").stdout))
        assert now["revised_at"] == was["revised_at"]
        said = worker.run("why", id).stdout
        assert "written   never" not in said
        assert file in said
