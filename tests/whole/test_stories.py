"""A reprint and its original through the whole worker: one story, whichever comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.articles import reprints
from tests.articles.reprints import OURS
from tests.corpus import needs_corpus
from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item
from worker.record import Record

CASES = [pytest.param("ours", id="ours"), pytest.param("real", marks=needs_corpus, id="Global Research, South Front")]


def told(record: Record) -> tuple[str, str, str | None]:
    """Which page's, what of it, and of what it is a copy."""
    ingest = record["_ingest"]
    return record["url"].rpartition("/")[2], ingest["op"], ingest["duplicate_kind"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("first", ["original", "reprint"])
def test_both_pages_are_one_story(site: Site, worker: Worker, name: str, first: str) -> None:
    """Each page has a record with the same text and cluster, and the reprint's names the original; where that comes
    later, in one update."""
    case = replace(
        OURS if name == "ours" else reprints.real(),
        original_url=site.url("a", "/original"),
        reprinter_url=site.url("b", "/reprint"),
    )
    site.add("a", "/original", Answer(body=reprints.original(case, bare=True).encode()))
    site.add("b", "/reprint", Answer(body=reprints.reprint(case, bare=True).encode()))
    feeds = {
        "original": feed(site, "a", item("o", case.original_url, case.title)),
        "reprint": feed(site, "b", item("r", case.reprinter_url, case.title)),
    }
    worker.configure([feeds[first]])
    worker.once()
    worker.configure(list(feeds.values()))
    worker.once(every=True)
    records = worker.records()
    assert {record["content_text"] for record in records} == {"\n".join(case.text)}
    assert {record["_ingest"]["cluster_id"] for record in records} == {records[0]["id"]}
    assert {author["name"] for record in records for author in record["authors"]} == {case.original}
    if first == "original":
        assert [told(record) for record in records] == [("original", "new", None), ("reprint", "new", "near")]
    else:
        assert [told(record) for record in records] == [
            ("reprint", "new", None),
            ("original", "new", None),
            ("reprint", "update", "near"),
        ]
    last = records[-1]["_ingest"]
    assert last["duplicate_of"] == next(r["id"] for r in records if r["url"] == case.original_url)
    assert last["original"] == {"name": case.original, "url": case.original_url}
    assert worker.once(every=True).updates == 0


def test_why_tells_of_the_story(site: Site, worker: Worker) -> None:
    """An article's other copies are named, and what it is a copy of; status counts them."""
    case = replace(OURS, original_url=site.url("a", "/original"), reprinter_url=site.url("b", "/reprint"))
    site.add("a", "/original", Answer(body=reprints.original(case, bare=False).encode()))
    site.add("b", "/reprint", Answer(body=reprints.reprint(case, bare=False).encode()))
    worker.configure([feed(site, "a", item("o", case.original_url)), feed(site, "b", item("r", case.reprinter_url))])
    worker.once()
    said = worker.run("why", case.reprinter_url).stdout
    assert "a near-duplicate of" in said
    assert case.original_url in said
    assert "1 of them near-duplicate" in worker.run("status").stdout
