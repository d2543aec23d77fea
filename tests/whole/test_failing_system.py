"""Calls of the system that fail under a worker that runs: in its output, its archive, its state. By a library in C
(`failing.c`) that stands between them; it is compiled here."""

from __future__ import annotations

import errno
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.site import Answer, Request, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, item, page, prose, rss
from tests.whole.processes import found, running, until

WRITING = "open,write,fsync,truncate,rename,unlink,mkdir"
READING = "open,read,stat"
FAULTS = {
    "a disk that fails": f"{WRITING} no {errno.EIO} 30 /out/",
    "a disk that does it, and says it failed": f"{WRITING} done {errno.EIO} 30 /out/",
    "a disk that can't be read": f"{READING} no {errno.EIO} 30 /out/",
    "a quota": f"open,write,mkdir no {errno.EDQUOT} 100 /out/",
    "half a write, then no room": f"write half 0 50 /out/\nwrite no {errno.ENOSPC} 30 /out/",
    "a manifest that is read-only": f"open,truncate no {errno.EROFS} 100 /out/manifest/",
    "no files left": f"open no {errno.EMFILE} 60 /out/",
    "a state that can't be read": f"{READING} no {errno.EIO} 30 /state.db",
    "a state that can't be synced": f"fsync no {errno.EIO} 100 /state.db",
    "a state that is synced, and says it failed": f"fsync,truncate done {errno.EIO} 60 /state.db",
    "a state without room": f"write no {errno.ENOSPC} 100 /state.db",
    "half of the state written": f"write half 0 60 /state.db\nwrite no {errno.EIO} 30 /state.db",
    "a state that can't be locked": f"lock no {errno.ENOLCK} 60 /state.db",
}
LASTS_S = 2
MOST_A_SECOND = 80
"""Calls that fail. A loop without a pause has hundreds."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is to be preloaded."""
    library = tmp_path_factory.mktemp("library") / "failing.so"
    command = ["gcc", "-w", "-O1", "-shared", "-fPIC", "-o", str(library), str(Path(__file__).with_name("failing.c"))]
    try:
        subprocess.run([*command, "-ldl"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("gcc and the headers of glibc are needed: apt-get install gcc libc6-dev")
    return library


def growing(site: Site) -> tuple[Callable[[Request], Answer], list[str]]:
    """A feed that has one article more at each poll, and its last few; the titles that it has shown."""
    numbers, shown = count(), list[str]()

    def route(_: Request) -> Answer:
        name = f"owl{next(numbers)}"
        shown.append(name)
        items = (item(n, site.add("pages", f"/{n}", page(n, prose(n))), n) for n in shown[-5:])
        return Answer(body=rss(*items), content_type=RSS)

    return route, shown


@pytest.mark.slow
def test_a_worker_goes_on_when_calls_work_again(site: Site, worker: Worker, library: Path) -> None:
    """After each kind of fault, without a restart: every article that a feed has shown is there once, with its page,
    the directory is whole, the log has said what was wrong in a few lines, and nothing was tried without a pause."""
    route, shown = growing(site)
    worker.configure(
        [{"url": site.add("a", "/feed", route), "every": "1s"}],
        output={"seal_after": "0s", "latest": True, "archive": "warc", "feed_json": 5},
        fetch={"retries": ["1s", "1s"]},
    )
    orders = worker.folder / "faults"
    orders.touch()
    environment = {"LD_PRELOAD": str(library), "FEEDMILL_TEST_FAULTS": str(orders)}
    with running(worker, worker.command("run"), **environment):
        until(lambda: found(worker))
        for kind, lines in FAULTS.items():
            asked, told = len(site.requests), worker.log.stat().st_size
            orders.write_text("".join(f"{line}\n" for line in lines.replace("/out/", f"{worker.out}/").splitlines()))
            failed, begun = Path(f"{orders}.log"), time.monotonic()
            time.sleep(LASTS_S)
            until(failed.exists)
            orders.write_text("")
            lasted_s = time.monotonic() - begun
            calls = Counter(failed.read_text().splitlines())
            failed.unlink()
            assert calls.total() < MOST_A_SECOND * (lasted_s + 1), (kind, calls.most_common(5))
            assert len(site.requests) - asked < 10 * lasted_s, kind
            assert worker.log.read_bytes()[told:].count(b"\n") < 60, kind
            before = len(worker.records())
            until(lambda before=before: len(worker.records()) > before + 1, timeout_s=60)  # type: ignore[misc]
    assert b'.broken"' not in worker.log.read_bytes()
    assert worker.once(every=True).failed_polls == 0
    titles = Counter(record["title"] for record in worker.records())
    assert titles == Counter(shown)
    assert all(record["_ingest"]["raw"] for record in worker.records())
    worker.run("verify")


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.ENOSPC], ids=lambda number: errno.errorcode[number])
def test_a_state_that_can_t_be_written_is_told_by_status(
    site: Site, worker: Worker, library: Path, number: int
) -> None:
    """The worker can't leave word in it; nothing is told any more when it can be written again."""
    route, _ = growing(site)
    worker.configure([{"url": site.add("a", "/feed", route), "every": "1s"}], output={"seal_after": "0s"})
    orders = worker.folder / "faults"
    orders.touch()
    with running(worker, worker.command("run"), LD_PRELOAD=str(library), FEEDMILL_TEST_FAULTS=str(orders)):
        until(lambda: found(worker))
        assert "The state refuses" not in worker.run("status").stdout
        orders.write_text(f"write no {number} 100 /state.db-wal\n")
        until(lambda: f"The state refuses: the state {worker.state}: " in worker.run("status").stdout)
        orders.write_text("")
        until(lambda: "The state refuses" not in worker.run("status").stdout)
