"""A worker is killed at each kind of durable step, and anywhere, over four days in which its web is edited.

A kind is a call and what it concerns (`fsync manifest`, `commit outbox`): each that an undisturbed run takes is met,
however few the kills. The kinds are dealt to as many tests as there are `PARTS`, which share the cores.

Kills by hand, for the note: `FEEDMILL_TEST_KILLS=200 pytest -m slow tests/whole/test_crash_matrix.py -s`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from tests.site import Answer, Site
from tests.whole import stepping
from tests.whole.conftest import Worker
from tests.whole.outcomes import Outcome, outcome
from tests.whole.pages import failing_once, feed, item, page, prose
from tests.whole.processes import ended
from worker.output import verify
from worker.output.verifying.findings import Remove
from worker.record import Record

KILLS = int(os.environ.get("FEEDMILL_TEST_KILLS", "40"))
DAY_MS = 86_400_000
HOSTS = ("ant", "bee", "cat", "dog")
NOTES = 25
"""Entries without a page."""
FEED = 12
"""Articles in feed.json."""
INSTANT = "any instant"
TRIES = 4
PARTS = 2
ONE_IN = 5
"""Kills at any instant, of all."""


# --- what there is to ingest, day by day ----------------------------------------------------------------------------


def subject(host: str, name: str, more: str = "") -> Answer:
    return page(f"On {host} {name}", prose(f"{host}{name}") + more)


def edit(site: Site, day: int) -> None:
    """The web as it is from that day on. Which of several duplicates is the first is left to chance, so they do not
    change."""
    for host in HOSTS:
        site.add(host, "/steady", subject(host, "steady"))
        # Found by looking again, by its entry, and gone.
        site.add(host, "/edited", subject(host, "edited", f" Corrected on day {day}." if day else ""))
        site.add(host, "/retold", subject(host, "retold", f" As of day {min(day, 2)}."))
        site.add(host, "/gone", Answer(status=410) if day else subject(host, "gone"))
        # Fails at first, fails until the next day, fails for ever.
        site.add(host, "/flaky", failing_once(subject(host, "flaky")))
        site.add(host, "/down", subject(host, "down") if day else Answer(status=500))
        site.add(host, "/never", Answer(status=500))
        # One address in all feeds, one text at many addresses, many addresses that lead to one.
        site.add(host, "/reprint", page("Reprint", prose("reprint")))
        site.add(host, "/moved", Answer(status=302, headers={"Location": site.url("elsewhere", "/moved")}))
        site.add("elsewhere", "/moved", page("Moved", prose("moved")))
        shared = site.url(HOSTS[0], "/shared" + ("" if host == HOSTS[0] else f"?utm_source={host}"))
        site.routes[f"{HOSTS[0]}.localhost", shared.partition(str(site.port))[2]] = page("Shared", prose("shared"))
        names = ("steady", "edited", "gone", "flaky", "down", "never", "reprint", "moved")
        items = [item(f"{host}-{name}", site.url(host, f"/{name}"), f"{name}, says {host}") for name in names]
        items.append(item(f"{host}-retold", site.url(host, "/retold"), f"retold {min(day, 2)} times"))
        items.append(item(f"{host}-shared", shared, "shared"))
        for late in range(1, day + 1):
            site.add(host, f"/late{late}", subject(host, f"late{late}"))
            items.append(item(f"{host}-late-{late}", site.url(host, f"/late{late}"), f"late {late} by {host}"))
        feed(site, host, *items)
    feed(site, "notes", *(item(f"note {n}", None, f"Note {n}") for n in range(NOTES * (day + 1))))
    site.add("broken", "/feed", Answer(status=500))


DAYS = 4


def configured(folder: Path, site: Site, *, packed: bool) -> Worker:
    """Segments are small and sealed at once, so that kills meet them in the making; what a day left is compacted on
    the next."""
    folder.mkdir()
    worker = Worker(folder)
    feeds = [
        {"id": host, "url": site.url(host, "/feed"), "recheck": ["12h", "36h", "60h"]}
        for host in (*HOSTS, "notes", "broken")
    ]
    worker.configure(
        feeds,
        output={
            "seal_after": "0s",
            "seal_records": 7,
            "latest": True,
            "feed_json": FEED,
            "compact": {"grace": "0s", "zstd": packed},
        },
        fetch={"retries": ["0s", "0s"], "timeout": "30s"},
    )
    (folder / "clock").write_text("0")
    return worker


# --- the worker, and its end ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Where a process is to die."""

    step: str
    number: int = 0
    """At which of these steps, from 1."""
    after_s: float = 0
    """For `INSTANT`."""


def run(worker: Worker, kill: Kill | None = None, log: str | None = None) -> bool:
    """Starts `once --all`, and kills it; whether it was killed. A run that comes to its end must end well."""
    step = None if kill is None or kill.step == INSTANT else (kill.step, kill.number)
    orders = stepping.Orders(out=str(worker.out), clock=str(worker.folder / "clock"), kill=step, log=log, upkeep_s=0.3)
    command = stepping.command(worker.command("once", "--all"))
    with worker.log.open("ab") as said:
        environment = worker.environment() | orders.environment()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
    try:
        status = process.wait(kill.after_s if kill and kill.step == INSTANT else 60)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    assert ended(worker), "a CPU process outlived the one that it worked for"
    assert status in (0, -signal.SIGKILL), worker.log.read_text()[-2000:]
    return status != 0


def today(worker: Worker, day: int) -> None:
    (worker.folder / "clock").write_text(str(day * DAY_MS))


def of(worker: Worker, day: int) -> Outcome:
    """What the records come to, after verify has found the directory whole, latest/ has the newest of each, and
    feed.json as many as it should."""
    assert verify(worker.out).findings == ()
    assert len(json.loads((worker.out / "feed.json").read_bytes())["items"]) == FEED
    records = worker.records()
    newest = {record["id"]: record for record in records}
    kept: dict[str, Record] = {}
    for path in (worker.out / "latest").rglob("*.json"):
        kept[path.stem] = json.loads(path.read_bytes())
    assert kept == {id: record for id, record in newest.items() if record["_ingest"]["op"] != "delete"}
    return outcome(worker, records, ahead_ms=day * DAY_MS)


def assert_only_half_done(worker: Worker) -> None:
    """What a kill left: nothing that a start does not make good."""
    if (worker.out / "manifest").exists():
        found = verify(worker.out).findings
        assert [str(f) for f in found if not f.remedy and not f.file.startswith(("latest/", "feed.json"))] == []


# --- the matrix -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    outcomes: Sequence[Outcome]
    """At the end of each day."""
    steps: Sequence[Counter[str]]
    """Taken on each day."""
    lengths_s: Sequence[float]


def undisturbed(folder: Path, site: Site) -> Undisturbed:
    worker = configured(folder, site, packed=True)
    outcomes, steps, lengths_s = [], [], []
    for day in range(DAYS):
        edit(site, day)
        today(worker, day)
        log = folder / f"steps {day}"
        begun = time.monotonic()
        assert not run(worker, log=str(log))
        lengths_s.append(time.monotonic() - begun)
        outcomes.append(of(worker, day))
        steps.append(Counter(log.read_text().splitlines()))
    return Undisturbed(outcomes=outcomes, steps=steps, lengths_s=lengths_s)


class Plan:
    """Which kill comes next: each of the part's kinds of step once, those first that have the fewest days; then all
    again."""

    def __init__(self, known: Undisturbed, chance: random.Random, part: int) -> None:
        self._known, self._chance = known, chance
        self.kinds = {kind for kind in chain(*known.steps) if zlib.crc32(kind.encode()) % PARTS == part}
        self._left: list[str] = []
        self.missed: Counter[str] = Counter()
        self._given = 0

    @property
    def due(self) -> set[str]:
        """Kinds that are to be met; those that were missed so often are taken by chance."""
        return {kind for kind in self.kinds if self.missed[kind] < TRIES}

    def next_kill(self, day: int, *, first: bool) -> Kill:
        """One for this day. first: no kill came before on it, so that all of its steps are still to come."""
        self._given += 1
        if self._given % ONE_IN == 0:
            return Kill(step=INSTANT, after_s=self._chance.uniform(0.3, self._known.lengths_s[day]))
        steps = self._known.steps[day]
        if not self._left:
            self._left = self._chance.sample(sorted(self.kinds), len(self.kinds))
        due = [step for step in self._left if step in steps]
        step = (
            min(due, key=lambda kind: (self.missed[kind], self._days(kind)))
            if due
            else self._chance.choice(sorted(steps))
        )
        if due:
            self._left.remove(step)
        # How often some are taken is up to chance, which may have been kinder to the undisturbed run.
        most = 1 if self.missed[step] else steps[step] if first else 1 + steps[step] // 4
        return Kill(step=step, number=self._chance.randint(1, most))

    def put_back(self, kill: Kill) -> None:
        """It was not met: what was left to do had fewer of these steps."""
        if kill.step != INSTANT:
            self._left.insert(0, kill.step)
            self.missed[kill.step] += 1

    def _days(self, step: str) -> int:
        return sum(step in steps for steps in self._known.steps)


def live(worker: Worker, day: int, plan: Plan, killed: Counter[str]) -> None:
    """A day: two runs that are killed, the second one short of what the first one did, and one that comes to its end.
    Counts the kills."""
    for first in (True, False):
        kill = plan.next_kill(day, first=first)
        if not run(worker, kill):
            plan.put_back(kill)
            return
        killed[kill.step] += 1
        assert_only_half_done(worker)
    assert not run(worker)


def tidied(worker: Worker) -> None:
    """What is still to be deleted goes with the next upkeep, or by `compact`: a short run may end before its first."""
    if any(isinstance(found.remedy, Remove) for found in verify(worker.out).findings):
        worker.run("compact")


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")
def test_killed_at_every_kind_of_step_nothing_is_lost_or_written_twice(site: Site, tmp_path: Path, part: int) -> None:
    """New, changed, duplicate, failing and vanishing articles: after each kill the next run, which may be killed too,
    ends with what an undisturbed one ends with; `verify` finds all whole, and latest/ has the newest of each."""
    known = undisturbed(tmp_path / "undisturbed", site)
    ops = Counter(record["_ingest"]["op"] for record in Worker(tmp_path / "undisturbed").records())
    assert ops["update"] >= 10
    assert ops["delete"] == len(HOSTS)
    plan = Plan(known, random.Random(20261123 + part), part)
    killed: Counter[str] = Counter()
    story = 0
    try:
        while killed.total() < KILLS // PARTS or not plan.due <= killed.keys():
            story += 1
            worker = configured(tmp_path / f"story {story}", site, packed=bool(story % 2))
            for day in range(DAYS):
                edit(site, day)
                today(worker, day)
                live(worker, day, plan, killed)
                tidied(worker)
                assert of(worker, day) == known.outcomes[day]
            worker.run("verify")
            assert story < KILLS, "some kind of step is never met"
    finally:
        print(killed.total(), "kills:", *(f"{times} {step}" for step, times in sorted(killed.items())), sep="\n")  # noqa: T201
    assert len(plan.kinds) > 25 // PARTS
    assert len(plan.kinds - killed.keys()) <= 3 // PARTS
    assert {kind.partition(" ")[0] for kind in plan.kinds} <= {kind.partition(" ")[0] for kind in killed}
