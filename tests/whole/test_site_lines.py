"""A site whose articles all end alike: what their records say, and what is said of them."""

from __future__ import annotations

import os
from html import escape

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, prose
from worker.settings import load
from worker.wiring import app

UNDER = (
    "Support independent journalism: become a member of the Heron today.",
    "The views expressed here are those of the author and not of the Heron.",
    "Sign up for our newsletter and get the best stories every morning.",
    "This article is for information only and is no advice of any kind.",
    "The Heron is published by Harbour Media, which answers for its contents.",
)
SIZES, BIRDS = ("small", "large", "old"), ("heron", "egret", "crane", "stork")
SUBJECTS = tuple(f"{size} {bird}" for size in SIZES for bird in BIRDS)


def article(subject: str) -> Answer:
    lines = [prose(f"{subject} of {place}", 2) for place in ("the harbour", "the marsh", "the hill")]
    body = "".join(f"<p>{escape(line)}</p>" for line in (*lines, *UNDER))
    title = f"On the {subject}"
    html = f"<html lang=en><title>{title}</title><body><article><h1>{title}</h1>{body}</article></body></html>"
    return Answer(body=html.encode())


def test_what_stands_under_every_article_is_in_no_record(site: Site, worker: Worker) -> None:
    """From the first poll of a site on; `why` says so. A state that is read back from the records makes no updates of
    articles that lack lines which their pages have."""
    urls = {subject: site.add("a", f"/{number}", article(subject)) for number, subject in enumerate(SUBJECTS)}
    worker.configure([feed(site, "b", *(item(url, url, f"On the {subject}") for subject, url in urls.items()))])
    worker.once()
    records = worker.records()
    assert len(records) == len(SUBJECTS)
    for record in records:
        assert not any(line in record["content_text"] for line in UNDER)
        assert "of the harbour was seen" in record["content_text"]
        assert record["_ingest"]["removed_lines"] == len(UNDER)
    assert "left out 5 lines of its text" in " ".join(worker.run("why", urls["old crane"]).stdout.split())
    for part in worker.folder.glob(f"{worker.state.name}*"):
        part.unlink()
    app.recover(load(worker.folder / "worker.yaml", os.environ), new_output=False)
    tally = worker.once(every=True)
    assert (tally.new, tally.updates, tally.duplicates) == (0, 0, 0)
    assert worker.records() == records
