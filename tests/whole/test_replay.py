"""`replay`: pages that were kept, extracted again."""

from __future__ import annotations

import json
from typing import Any

from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, page, prose

ITEM = """<item><guid>w</guid><link>{url}</link><title>Wrens &amp; &lt;others&gt;</title><category>Birds</category>
<author>ann@example.org (Ann &amp; Bob)</author><pubDate>Mon, 23 Nov 2026 04:05:06 GMT</pubDate>
<description>&lt;p&gt;One &amp;lt; two.&lt;/p&gt;&lt;p&gt;{text}&lt;/p&gt;</description></item>"""


def worked(site: Site, worker: Worker, wren: str = "Read on.", **changes: object) -> None:
    """Two articles whose text is the page's, and one of which the feed has more."""
    items = [item(s, site.add("a", f"/{s}", page(s.title(), prose(s))), s.title()) for s in ("heron", "owl")]
    url = site.add("a", "/wren", page("Wrens", wren))
    items.append(ITEM.format(url=url, text=prose("wren")))
    worker.configure([feed(site, "b", *items)], **{"output": {"archive": "warc"}, **changes})
    worker.once(every=True)


def lines(worker: Worker, status: int = 0) -> list[dict[str, Any]]:
    return [json.loads(line) for line in worker.run("replay", "--json", status=status).stdout.splitlines()]


def test_what_has_not_changed_comes_out_as_it_was(site: Site, worker: Worker) -> None:
    """Also what the feed said, which is taken from the record; and without a request."""
    worked(site, worker)
    assert len(worker.records()) == 3
    asked = len(site.requests)
    assert [line["changes"] for line in lines(worker)] == [{}, {}, {}]
    assert worker.run("replay").stdout == "3 articles extracted again, 0 came out differently\n"
    assert len(site.requests) == asked


def test_what_comes_out_otherwise_is_said(site: Site, worker: Worker) -> None:
    """Here because the owner wants something else of the page than when it was read."""
    worked(site, worker)
    worker.configure([{"url": site.url("b", "/feed"), "full_text": "always"}], output={"archive": "warc"})
    (changed,) = [line for line in lines(worker) if line["changes"]]
    assert changed["url"] == site.url("a", "/wren")
    assert changed["changes"]["extraction"] == {"was": "feed_only", "is": "ok"}
    assert prose("wren") in changed["changes"]["content_text"]["was"]
    assert changed["changes"]["content_text"]["is"].endswith("Read on.")
    said = worker.run("replay").stdout.splitlines()
    assert said[0] == f"{changed['id']}  content_text, extraction  {changed['url']}"
    assert said[1] == "3 articles extracted again, 1 came out differently (content_text 1, extraction 1)"


def test_the_newest_revision_is_compared_with_its_own_page(site: Site, worker: Worker) -> None:
    """Not with the first."""
    worked(site, worker)
    site.add("a", "/heron", page("Heron", prose("egret")))
    changed = item("heron", site.url("a", "/heron"), "Heron, corrected")
    worker.configure([feed(site, "b", changed)], output={"archive": "warc"})
    worker.once(every=True)
    assert len(worker.records()) > 3
    assert [line["changes"] for line in lines(worker)] == [{}, {}, {}]


def test_pages_that_are_gone_or_damaged_are_told_apart(site: Site, worker: Worker) -> None:
    """What is no longer kept is no failure; what can't be read is, and keeps nothing else back."""
    worked(site, worker)
    raw = worker.records()[0]["_ingest"]["raw"]
    assert raw is not None
    path = worker.out / raw["file"]
    data = bytearray(path.read_bytes())
    data[raw["offset"] + raw["length"] - 9] ^= 1
    path.write_bytes(data)
    assert sum("can't be unpacked" in line.get("error", "") for line in lines(worker, status=1)) == 1
    assert "2 articles extracted again, 0 came out differently, 1" in worker.run("replay", status=1).stdout
    path.unlink()
    assert worker.run("replay").stdout == "0 articles extracted again, 0 came out differently, 3 pages no longer kept\n"


def test_another_articles_page_is_not_taken_for_its_own(site: Site, worker: Worker) -> None:
    """Should the pointer of a record be wrong, its text is compared with nothing."""
    worked(site, worker)
    (segment,) = (worker.out / "records").glob("*/*.jsonl")
    records = [json.loads(line) for line in segment.read_bytes().splitlines()]
    records[0]["_ingest"]["raw"] = records[1]["_ingest"]["raw"]
    segment.write_text("".join(json.dumps(record) + "\n" for record in records))
    (wrong,) = [line for line in lines(worker, status=1) if "error" in line]
    assert "is kept where its page should be" in wrong["error"]


def test_where_no_page_was_kept_it_says_what_to_set(site: Site, worker: Worker) -> None:
    """And ends well."""
    worked(site, worker, output={})
    assert "unless output.archive says so" in worker.run("replay").stdout
