"""The clients that are scored: they poll the kinds of site for a time, as those who run them would let them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.politeness.kinds import Kind, configuration
from tests.site import Site
from tests.whole.conftest import Worker
from tests.whole.processes import until

READER = """
import datetime, json, socket, sys, time
import reader._update
from reader import make_reader
second = datetime.timedelta(seconds=1)
reader._update.next_update_after = lambda now, **_: now.replace(microsecond=0) + second  # its own is in minutes
urls, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **options: look_up("127.0.0.1", *rest, **options)  # any name in .localhost
feeds = make_reader(":memory:")
for url in urls:
    feeds.add_feed(url)
until = time.monotonic() + seconds
while time.monotonic() < until:
    begun = time.monotonic()
    feeds.update_feeds()
    time.sleep(max(0.1, 1 - (time.monotonic() - begun)))
"""
"""What cron does for reader's users. A second is the least interval here, as a minute is of its own; from there on
its decisions are its own, of Retry-After and max-age too."""


def watch_feedmill(
    worker: Worker, kinds: Sequence[Kind], site: Site, horizon_s: float, seen: Callable[[], bool] = lambda: True
) -> None:
    """`feedmill run` for `horizon_s` from its first request on, and until there is enough to be `seen`; then a stop."""
    worker.configure([feed for kind in kinds for feed in kind.feeds], **configuration(kinds))
    process = worker.launch("run")
    try:
        until(lambda: site.requests or process.poll() is not None)
        time.sleep(horizon_s)
        until(seen)
        process.terminate()
        assert process.wait(60) == 0, worker.log.read_text()[-2000:]
    finally:
        process.kill()


def watch_reader(python: Path, kinds: Sequence[Kind], horizon_s: float) -> str:
    """lemon24's reader of a Python that has it, polling all feeds each second; its version."""
    urls = json.dumps([feed["url"] for kind in kinds for feed in kind.feeds])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([python, "-c", READER, urls, str(horizon_s)], check=True, env=environment, timeout=horizon_s + 60)
    version = "import reader; print(reader.__version__)"
    return subprocess.run([python, "-c", version], check=True, capture_output=True, text=True).stdout.strip()
