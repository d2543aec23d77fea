"""A text that is also written as HTML, where its feed asks for that."""

from __future__ import annotations

import json

import jsonschema

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, prose
from worker.record import json_schema

LONG = prose("heron")
PAGE = f"""<!doctype html><html lang=en><head><title>Herons</title></head><body><nav><a href=/>Home</a></nav><article>
<h1>Herons</h1><p>{LONG}</p><h2>Where</h2><p>See <a href="map?of=herons&x" onclick="x()">the <b>map</b></a>.</p>
<script>evil()</script><p>{prose("egret")}</p></article></body></html>"""


def test_a_text_is_also_written_as_html(site: Site, worker: Worker) -> None:
    """From its page or its feed, with a line for each of the text's; a feed that does not ask gets none, nor does a
    copy that is named without its text. The records are valid, and so is the JSON Feed made of them."""
    page = site.add("a", "/birds/herons", Answer(body=PAGE.encode()))
    owls = item("2", None, "Owls", f"<p>{prose('owl')} <em>So</em> it <a href=/owls>was</a>.</p>")
    asked = feed(site, "a", item("1", page, "Herons", "Herons were seen."), owls)
    feeds = [{"url": asked, "html": True}]
    worker.configure(feeds)
    worker.once()
    feeds.append({"url": feed(site, "b", owls), "html": True})
    feeds.append({"url": feed(site, "c", item("3", None, "Wrens", f"<p>{prose('wren')}</p>"))})
    worker.configure(feeds, dedup={"exact": "link"}, output={"feed_json": 9})
    worker.once()
    records = {record["title"]: record for record in worker.records() if record["_ingest"]["op"] == "new"}
    base = page.removesuffix("herons")
    assert records["Herons"]["content_html"].split("\n") == [
        f"<p>{LONG}</p>",
        "<h2>Where</h2>",
        f'<p>See <a href="{base}map?of=herons&amp;x">the <strong>map</strong></a>.</p>',
        f"<p>{prose('egret')}</p>",
    ]
    assert records["Owls"]["content_html"] == f"<p>{prose('owl')} <em>So</em> it was.</p>"
    assert "content_html" not in records["Wrens"]
    copies = [record for record in worker.records() if record["_ingest"]["op"] == "duplicate"]
    assert [record["title"] for record in copies] == ["Owls"]
    assert "content_html" not in copies[0]
    for record in worker.records():
        jsonschema.validate(record, json_schema())
    shown = json.loads((worker.out / "feed.json").read_text())["items"]
    assert sum("content_html" in one for one in shown) == 2
