"""A disk that fills up, for real: a small tmpfs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, feed, item, prose, rss
from tests.whole.processes import until

SIZE_MB, MIN_FREE_MB = 8, 3


@pytest.fixture
def disk(worker: Worker) -> Iterator[Path]:
    """A file system of 8 MB at the place of the output directory."""
    worker.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(worker.out)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no tmpfs can be mounted here: that takes root")
    yield worker.out
    subprocess.run(["umount", "-l", str(worker.out)], check=True, timeout=10)


def fill(disk: Path) -> Path:
    """Leaves a little less than is wanted."""
    filler = disk / "filler"
    filler.write_bytes(bytes((SIZE_MB - MIN_FREE_MB + 1) * 1_000_000))
    return filler


def test_polling_stops_before_the_disk_is_full_and_goes_on(site: Site, worker: Worker, disk: Path) -> None:
    """No write fails meanwhile, what was ingested is published, and each turn is one line of the log."""
    numbers = count()

    def more(_: object) -> Answer:
        name = f"thing {next(numbers)}"
        return Answer(body=rss(item(name, None, name, prose(name))), content_type=RSS)

    feeds = [{"url": site.add("a", "/feed", more), "every": "1s", "tags": ["full"]}]
    worker.configure(feeds, output={"min_free": f"{MIN_FREE_MB}MB", "seal_after": "2s"})
    process = worker.launch("run")
    until(lambda: len(site.requests) >= 2)
    filler = fill(disk)
    until(lambda: "room.short" in worker.log.read_text())
    (trouble,) = json.loads(worker.run("status", "--json").stdout)["troubles"]
    assert trouble.startswith("nothing is polled: ")
    assert f"output.min_free is {MIN_FREE_MB}.0 MB" in trouble
    assert "Nothing is polled" in worker.run("status").stdout
    assert "is due, and nothing is polled: " in worker.run("poll", "--tag", "full", status=1).stdout
    until(lambda: len(worker.records()) >= 2)
    asked = len(site.requests)
    until(lambda: len(worker.records()) >= asked - 1)  # what the last poll brought may wait for room, too
    with pytest.raises(AssertionError, match="did not come about"):
        until(lambda: len(site.requests) > asked, timeout_s=3)
    filler.unlink()
    until(lambda: len(site.requests) > asked + 1)
    process.terminate()
    assert process.wait(15) == 0
    lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    turns = [(line["level"], line["event"]) for line in lines if line["event"].startswith("room.")]
    assert turns == [("warning", "room.short"), ("info", "room.enough")]
    assert not [line for line in lines if line["level"] in ("error", "critical")]


def test_once_says_that_there_is_no_room(site: Site, worker: Worker, disk: Path) -> None:
    """It ends with 1 and has asked nobody anything; with room again it does what was due."""
    worker.configure([feed(site, "a", item("1", None, "One", prose("one")))], output={"min_free": f"{MIN_FREE_MB}MB"})
    filler = fill(disk)
    refused = worker.run("once", status=1)
    assert "output.min_free is 3.0 MB" in refused.stderr
    assert not site.requests
    filler.unlink()
    assert worker.once().new == 1
