"""What a start with many feeds costs: `python -m tests.benchmarks.starting [FEEDS]`, some two minutes of CPU.

A list of URLs, one of mappings with tags and intervals, and one in OPML; of each, the first start of a worker, one with
the same list, and one with a list to which a feed was added. A row says what CPU each took of all processes, until the
worker says that it runs, and what memory of the main one at most; beside it what the parser alone takes for the same
bytes, libyaml's or lxml. Then what a tick costs that looks for what is due, where that is one feed a second.

    2026-11-29, 100,000 feeds on 20,000 hosts, two cores that others loaded

    URLs     parser  0.4   first  10.8 (25.4)  170 MB   unchanged   3.5 ( 8.3)  179 MB   changed   7.3 (17.0)  173 MB
    mappings parser 10.4   first  13.5 ( 1.3)  175 MB   unchanged   4.0 ( 0.4)  178 MB   changed  10.3 ( 1.0)  176 MB
    OPML     parser  0.3   first  14.1 (48.8)  178 MB   unchanged   3.6 (12.5)  185 MB   changed  10.8 (37.3)  179 MB
    a tick: 2.0 ms
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, update

from tests.benchmarks.cost import cost_of
from worker.configuration.current import Current
from worker.model import Millis
from worker.store.database import tables as t
from worker.store.work import settling
from worker.wiring import app

FEEDS, HOSTS = 100_000, 20_000
TICKS = 200
YAML = "import sys, yaml; yaml.load(open(sys.argv[1]), Loader=yaml.CSafeLoader)"
LXML = "import sys; from lxml import etree; etree.parse(sys.argv[1])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to write a list."""

    name: str
    file: str
    around: tuple[str, str]
    feed: Callable[[int], str]
    parser: str


def url(number: int) -> str:
    """On this machine, and no address that is asked: a poll ends before it begins."""
    return f"https://127.{number % HOSTS >> 8}.{number % HOSTS & 255}.1/section-{number}/feed.xml"


def outline(number: int) -> str:
    return f'<outline type="rss" text="Feed {number}" category="/region/{number % 50}" xmlUrl="{url(number)}"/>\n'


def mapping(number: int) -> str:
    return f"  - url: {url(number)}\n    tags: [world, region-{number % 50}]\n    every: {1 + number % 4}h\n"


FORMS = (
    Form(name="URLs", file="a.yaml", around=("feeds:\n", ""), feed=lambda n: f"  - {url(n)}\n", parser=YAML),
    Form(name="mappings", file="a.yaml", around=("feeds:\n", ""), feed=mapping, parser=YAML),
    Form(name="OPML", file="a.opml", around=("<opml><body>\n", "</body></opml>"), feed=outline, parser=LXML),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    cpu_s: float
    memory_mb: float


def write(folder: Path, form: Form, feeds: int) -> None:
    before, after = form.around
    (folder / form.file).write_text(before + "".join(map(form.feed, range(feeds))) + after)


def started(config: Path) -> Start:
    """A start of the worker: what was spent when it says that it runs, and what it holds two seconds later."""
    command = [Path(sys.executable).with_name("feedmill"), "run", "--config", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            log = iter(process.stderr or ())
            for line in log:
                if '"run.started"' in line:
                    break
            cpu_s = sum(_cpu_s(pid) for pid in _with_children(process.pid))
            time.sleep(2)
            return Start(cpu_s=cpu_s, memory_mb=_peak_mb(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            for _ in log:
                pass


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _with_children(int(child))


def _cpu_s(pid: int) -> float:
    """With that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1000


async def tick_ms(config: Path) -> float:
    """The CPU time of a tick: a claim, and when the next can bring something; the median of many."""
    settings = app.read(config)
    async with app._store(Current(settings)) as store:
        begin = store.clock()
        await store.start(settings.feeds, now=begin)
        await store._write(_one_a_second, begin)
        taken = []
        for tick in range(1, TICKS + 1):
            before = time.process_time()
            found = await store.claim(64, now=Millis(begin + 1000 * tick), lease_ms=60_000)
            await store.next_claim_at()
            taken.append(1000 * (time.process_time() - before))
            assert found, "nothing was due"
        return statistics.median(taken)


def _one_a_second(connection: Connection, begin: Millis) -> None:
    connection.execute(update(t.work).values(due_at=begin + 1000 * t.work.c.id))
    settling.settle_all(connection)


def main(feeds: int = FEEDS) -> None:
    print(f"{feeds} feeds: CPU seconds of a start (and how often the parser's), MB of the main process")  # noqa: T201
    for form in FORMS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            config = folder / "worker.yaml"
            config.write_text(f"feeds: [{form.file}]\nstate: sqlite:///state.db\noutput: {{dir: out}}\n")
            with config.open("a") as more:
                more.write("web: {listen: null}\nlog: {format: json}\nextract: {workers: 1}\n")
            write(folder, form, feeds)
            parser_s = cost_of([sys.executable, "-c", form.parser, folder / form.file]).cpu_s
            starts = [started(config), started(config)]
            write(folder, form, feeds + 1)
            starts.append(started(config))
            told = "   ".join(
                f"{word} {start.cpu_s:5.1f} ({start.cpu_s / parser_s:4.1f}) {start.memory_mb:4.0f} MB"
                for word, start in zip(("first", "unchanged", "changed"), starts, strict=True)
            )
            print(f"{form.name:8} parser {parser_s:4.1f}   {told}", flush=True)  # noqa: T201
            if form is FORMS[0]:
                ms = asyncio.run(tick_ms(config))
    print(f"a tick: {ms:.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
