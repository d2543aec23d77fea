"""Pages kept as they came: from the site to the archive, and out of it again."""

from __future__ import annotations

import gzip
import itertools
import time
from dataclasses import replace

import pytest

from tests.articles import reprints
from tests.articles.reprints import OURS
from tests.site import Answer, Request, Site
from tests.whole.conftest import Later, Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss
from tests.whole.processes import found, running, until
from worker.engine import limits
from worker.output import page_at
from worker.record import Record

WARC = {"archive": "warc"}
DAY_MS = 86_400_000


def worked(site: Site, worker: Worker, *subjects: str, **changes: object) -> None:
    """A feed with an article on each subject, ingested."""
    items = [item(s, site.add("a", f"/{s}", page(s.title(), prose(s))), s.title()) for s in subjects]
    worker.configure([feed(site, "b", *items)], **{"output": WARC, **changes})
    worker.once(every=True)


def told(record: Record) -> str:
    return record.get("title", "")


def packed(worker: Worker) -> bytes:
    """All that is in the archive."""
    paths = sorted((worker.out / "archive").rglob("*.gz"))
    return b"".join(gzip.decompress(path.read_bytes()) for path in paths)


def test_a_record_points_to_its_page(site: Site, worker: Worker) -> None:
    """As it was fetched, byte for byte; and the directory is sound."""
    worked(site, worker, "heron", "owl")
    for record in worker.records():
        raw = record["_ingest"]["raw"]
        assert raw is not None
        kept = page_at(worker.out, raw)
        assert kept is not None
        assert kept.body == page(told(record), prose(told(record).lower())).body
        assert (kept.record_id, kept.url) == (record["id"], record["_ingest"]["final_url"])
        assert (kept.status, kept.content_type) == (200, "text/html; charset=utf-8")
    worker.run("verify")


def test_no_page_is_kept_unless_it_is_asked_for(site: Site, worker: Worker) -> None:
    """The default: no folder, no pointer."""
    worked(site, worker, "heron", output={})
    assert [record["_ingest"]["raw"] for record in worker.records()] == [None]
    assert not (worker.out / "archive").exists()


@pytest.mark.parametrize("archive", ["warc", None])
def test_a_takedown_is_one_of_the_archive_too(site: Site, worker: Worker, archive: str | None) -> None:
    """Also when no more pages are kept; the others stay."""
    worked(site, worker, "heron", "owl")
    worker.configure([], output={"archive": archive})
    worker.run("forget", site.url("a", "/heron"))
    assert b"heron" not in packed(worker)
    assert prose("owl").encode() in packed(worker)
    left, notice = worker.records()
    assert notice["_ingest"]["op"] == "delete"
    assert left["_ingest"]["raw"] is not None
    assert page_at(worker.out, left["_ingest"]["raw"]) is not None


def test_a_run_with_an_end_says_that_pages_can_not_be_kept(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 1 and writes no record without its page; the next run does what is left, once it can."""
    monkeypatch.setattr(limits, "MAX_REFUSALS", 0.1)
    monkeypatch.setattr(limits, "GRACE_S", 0.1)
    worker.out.mkdir()
    (worker.out / "archive").touch()
    items = [item(s, site.add("a", f"/{s}", page(s.title(), prose(s))), s.title()) for s in ("heron", "owl")]
    worker.configure([feed(site, "b", *items)], output=WARC)
    said = worker.run("once", status=1).stderr
    assert "feedmill: not everything that is due was done: can't create " in said
    assert "a file is in the way: move it, or choose another output.dir" in said
    assert worker.records() == []
    (worker.out / "archive").unlink()
    assert worker.once().new == 2
    assert sorted(told(record) for record in worker.records()) == ["Heron", "Owl"]
    assert all(record["_ingest"]["raw"] for record in worker.records())
    worker.run("verify")


@pytest.mark.slow
def test_what_is_fetched_while_pages_can_not_be_kept_waits(site: Site, worker: Worker) -> None:
    """In a worker that runs: no article is lost or fetched twice, nothing else is asked for, and all know why."""
    names = itertools.count()

    def more(_: Request) -> Answer:
        name = f"owl{next(names)}"
        return Answer(body=rss(item(name, site.add("a", f"/{name}", page(name, prose(name))), name)), content_type=RSS)

    worker.configure([{"url": site.add("b", "/feed", more), "every": "1s"}], output=WARC | {"seal_after": "0s"})
    with running(worker):
        until(lambda: found(worker))
        (worker.out / "archive").rename(worker.folder / "kept")
        (worker.out / "archive").touch()
        until(lambda: '"room.short"' in worker.log.read_text())
        until(lambda: "Nothing is polled: can't " in worker.run("status").stdout)
        asked, before = len(site.requests), len(worker.records())
        time.sleep(2)
        assert (len(site.requests), len(worker.records())) == (asked, before)
        (worker.out / "archive").unlink()
        (worker.folder / "kept").rename(worker.out / "archive")
        until(lambda: len(worker.records()) > before + 1)
    assert "room.enough" in worker.log.read_text()
    pages = [request.path for request in site.asked("a")]
    assert len(pages) == len(set(pages))
    for record in worker.records():
        raw = record["_ingest"]["raw"]
        assert raw is not None
        assert page_at(worker.out, raw) is not None
    worker.run("verify")


def test_pages_go_with_their_days(site: Site, worker: Worker) -> None:
    """With output.keep; a running worker does it by itself, with the files of records."""
    worked(site, worker, "heron")
    old = worker.out / "archive/date=2020-01-01"
    (kept,) = (worker.out / "archive").glob("date=*/*.gz")
    old.mkdir()
    (old / "20200101T000000Z-00001.warc.gz").write_bytes(kept.read_bytes())
    worker.configure([], output=WARC | {"keep": "2d"})
    assert "1 file of the archive removed" in worker.run("compact").stdout
    assert kept.exists()
    assert not old.exists()


def test_a_page_may_go_before_the_record_that_names_its_original(site: Site, worker: Worker, later: Later) -> None:
    """Which came days later, and points to the page as it was had: that it has expired is no damage."""
    case = replace(OURS, original_url=site.url("a", "/original"), reprinter_url=site.url("b", "/reprint"))
    site.add("a", "/original", Answer(body=reprints.original(case, bare=True).encode()))
    site.add("b", "/reprint", Answer(body=reprints.reprint(case, bare=True).encode()))
    both = [
        feed(site, "b", item("r", case.reprinter_url, case.title)),
        feed(site, "a", item("o", case.original_url, case.title)),
    ]
    for day, feeds in {0: both[:1], 4: both, 6: both}.items():
        later(day)
        worker.configure(feeds, output=WARC | {"keep": "3d"})
        worker.once(every=True)
    worker.run("compact")
    (_, reprint) = worker.records()
    assert reprint["_ingest"]["op"] == "update"
    assert not (worker.out / reprint["_ingest"]["raw"]["file"]).exists()
    worker.run("verify")
    assert "1 page no longer kept" in worker.run("replay").stdout


def test_pages_stay_as_long_as_their_records_do(site: Site, worker: Worker, later: Later) -> None:
    """Where these can't be removed."""
    worked(site, worker, "heron")
    later(9)
    worked(site, worker, "owl", output=WARC | {"keep": "1d"})
    (worker.out / "removed").touch()
    assert "a file is in the way" in worker.run("compact", status=1).stderr
    assert len(worker.records()) == 2
    (worker.out / "removed").unlink()
    worker.run("verify")
    assert "1 file of the archive removed" in worker.run("compact").stdout
