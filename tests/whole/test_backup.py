"""`feedmill backup`, beside a worker that writes."""

from __future__ import annotations

from itertools import count

from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.pages import feed, item, prose
from tests.whole.processes import stopped, until
from worker.store import read_status


def test_a_running_worker_is_copied_and_goes_on(site: Site, worker: Worker) -> None:
    """Each copy is whole, of one instant, and later than the one before; the worker notices nothing of it."""
    numbers = count()

    def more() -> str:
        return feed(site, "a", *(item(f"{n}", None, f"T {n}", prose(f"thing {n}")) for n in range(next(numbers) * 3)))

    worker.configure([{"url": more(), "every": "1s"}])
    process = worker.start("run")
    articles = []
    for copy in ("one.db", "two.db"):
        more()
        asked = len(site.requests)
        until(lambda asked=asked: len(site.requests) >= asked + 2)
        worker.run("backup", str(worker.folder / copy))
        articles.append(read_status(worker.folder / copy)[1].articles)
    assert worker.run("backup", str(worker.folder / "one.db"), status=1).stderr.count("--force") == 1
    status, log = stopped(process)
    assert status == 0
    assert "error" not in log
    assert sorted(set(articles)) == articles
    assert read_status(worker.state)[1].articles >= articles[-1] > 0
