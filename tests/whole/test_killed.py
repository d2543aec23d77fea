"""The command killed, started twice, and told to stop: what it ends with is what an undisturbed run ends with."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from html import escape
from pathlib import Path

import pytest

from tests import corpus
from tests.conftest import CheckOutput
from tests.site import Answer, Site
from tests.whole.conftest import Worker
from tests.whole.outcomes import outcome
from tests.whole.pages import failing_once
from tests.whole.processes import ended
from worker.output import FileLine, OutputDirectory, Segment

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")

Scene = Callable[[Site], list[object]]
"""Serves a web from its beginning; the feeds to configure."""


# --- what there is to ingest ----------------------------------------------------------------------------------------

HOSTS = ("ant", "bee", "cat", "dog")
PAGES = 7
"""Of each host's own."""
NOTES = 40
"""Entries without a page."""
LATENCY_S = 0.02


def page(subject: str) -> Answer:
    text = " ".join(f"The {subject} was seen at place {n} by those who know {subject} well." for n in range(8))
    html = f"<html><head><title>On {subject}</title></head><body><article><h1>On {subject}</h1><p>{text}</p></article>"
    return Answer(body=f"{html}</body></html>".encode(), delay_s=LATENCY_S)


def rss(*items: tuple[str, str | None, str]) -> Answer:
    """A feed of (guid, link, title)."""
    parts = [
        f"<item><guid isPermaLink='false'>{escape(guid)}</guid>{f'<link>{escape(link)}</link>' if link else ''}"
        f"<title>{escape(title)}</title></item>"
        for guid, link, title in items
    ]
    body = f"<rss version='2.0'><channel><title>Feed</title>{''.join(parts)}</channel></rss>"
    return Answer(body=body.encode(), content_type="application/rss+xml", delay_s=LATENCY_S)


def scripted(site: Site) -> list[object]:
    """Four hosts whose feeds share a page, reprint one, follow redirects, and meet a page that fails once."""
    feeds: list[object] = []
    moved = site.add("elsewhere", "/moved", page("moved"))
    for host in HOSTS:
        links = [site.add(host, f"/{n}", page(f"{host}{n}")) for n in range(PAGES)]
        items = [(f"{host}-{n}", link, f"{host} {n}") for n, link in enumerate(links)]
        # One address in all feeds, and the same words at an address of each host.
        if host != HOSTS[0]:
            link = site.add(HOSTS[0], f"/0?utm_source={host}", page(f"{HOSTS[0]}0"))
            items.append(("shared", link, f"{HOSTS[0]} 0"))  # or the first host's own feed would correct it later
        items.append(("reprint", site.add(host, "/reprint", page("reprint")), f"reprint by {host}"))
        # One page on another host, to which an address of each host leads.
        go = site.add(host, "/moved", Answer(status=302, headers={"Location": moved}))
        items.append(("moved", go, f"moved, says {host}"))
        site.add(host, "/flaky", failing_once(page(f"flaky {host}")))
        items.append(("flaky", site.url(host, "/flaky"), "flaky"))
        feeds.append({"id": host, "url": site.add(host, "/feed", rss(*items))})
    notes = site.add("notes", "/all", rss(*((f"note {n}", None, f"Note {n}") for n in range(NOTES))))
    feeds.append({"id": "notes", "url": site.add("short", "/", Answer(status=301, headers={"Location": notes}))})
    return feeds


EXPECTED = len(HOSTS) * (PAGES + 1) + 2 + NOTES
"""Records of `scripted`: each host's own pages and its flaky one, the reprint and the moved one once, the notes."""


def corpus_feeds(site: Site) -> list[object]:
    """The feeds of the corpus, each on a host of its own; their links lead nowhere here."""
    return [
        {"id": name, "full_text": "never", "url": site.add(name, "/", Answer(body=body, content_type="text/xml"))}
        for name, body in corpus.feeds().items()
    ]


# --- the worker -----------------------------------------------------------------------------------------------------


def configured(folder: Path, feeds: Sequence[object], seal_records: int = 7) -> Worker:
    """Segments are small and sealed at once, so that kills meet them in the making."""
    folder.mkdir(exist_ok=True)
    worker = Worker(folder)
    worker.configure(
        feeds,
        output={"seal_after": "0s", "seal_records": seal_records},
        fetch={"retries": ["0s", "0s"], "timeout": "30s"},
    )
    return worker


def last_line(worker: Worker) -> str:
    return worker.log.read_text().splitlines()[-1]


# --- kills ----------------------------------------------------------------------------------------------------------


def said(worker: Worker) -> int:
    """How many lines: what a run has done, whatever else the machine does."""
    return worker.log.read_bytes().count(b"\n") if worker.log.exists() else 0


def killed(worker: Worker, chance: random.Random, lines: int) -> int:
    """Starts `once`, and again after each kill, until one run comes to its end; how many were killed. lines: of a run
    that nobody disturbs."""
    kills = 0
    while True:
        last = said(worker) + chance.randrange(lines)
        process = worker.launch("once")
        while process.poll() is None and said(worker) < last:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        if process.poll() is not None:
            assert process.returncode == 0, last_line(worker)
            return kills
        process.kill()
        process.wait()
        kills += 1
        assert ended(worker), "a CPU process outlived the one that it worked for"


@pytest.mark.parametrize(
    ("scene", "kills", "seal_records"),
    [
        pytest.param(scripted, 1, 7, id="a scripted web"),
        pytest.param(scripted, 4, 7, id="a scripted web, more often", marks=pytest.mark.slow),
        pytest.param(corpus_feeds, 6, 50, id="the corpus", marks=[pytest.mark.slow, corpus.needs_corpus]),
    ],
)
def test_killed_anywhere_it_ends_with_the_same_records(
    site: Site, tmp_path: Path, check_output: CheckOutput, scene: Scene, kills: int, seal_records: int
) -> None:
    """SIGKILL at any instant, and again in the runs that follow: nothing is lost, nothing is written twice."""
    undisturbed = configured(tmp_path / "undisturbed", scene(site), seal_records)
    assert undisturbed.launch("once").wait(60) == 0
    expected = outcome(undisturbed, check_output(undisturbed.out))
    assert expected.total() == EXPECTED or scene is not scripted
    chance = random.Random(20261123)
    done = 0
    while done < kills:
        worker = configured(tmp_path / f"after {done} kills", scene(site), seal_records)
        done += killed(worker, chance, said(undisturbed))
        assert outcome(worker, check_output(worker.out)) == expected
        again = worker.once(every=True)
        assert (again.new, again.updates, again.duplicates, again.published) == (0, 0, 0, 0)


# --- two at a time --------------------------------------------------------------------------------------------------


def test_of_two_at_a_time_one_works_and_the_other_says_who(
    site: Site, tmp_path: Path, check_output: CheckOutput
) -> None:
    """Whichever comes second ends with 2 and the first's process id, and nothing is written twice."""
    worker = configured(tmp_path, scripted(site))
    both = [worker.launch("once") for _ in range(2)]
    statuses = {process.pid: process.wait(30) for process in both}
    assert sorted(statuses.values()) == [0, 2]
    (winner,) = (pid for pid, status in statuses.items() if status == 0)
    (refusal,) = (line for line in worker.log.read_text().splitlines() if not line.startswith("{"))
    assert f"process {winner};" in refusal
    assert outcome(worker, check_output(worker.out)).total() == EXPECTED


# --- a stop ---------------------------------------------------------------------------------------------------------


def test_a_stop_ends_with_0_in_ten_seconds_and_the_rest_comes_next(
    site: Site, tmp_path: Path, check_output: CheckOutput
) -> None:
    """SIGTERM in the middle of `once`, with fetches under way that hang: what it has is sealed, and what hangs is
    fetched by the next run, as if it had not been tried."""
    worker = configured(tmp_path, scripted(site))
    good = dict(site.routes)
    for host in HOSTS:
        site.add(host, "/3", Answer(delay_s=60))
    process = worker.launch("once")
    await_requests(site, {f"{host}.localhost" for host in HOSTS}, "/3")
    process.terminate()
    assert process.wait(30) == 0, last_line(worker)  # the pages take 60; others may load the machine
    assert ended(worker)
    before = check_output(worker.out)
    assert 0 < len(before) < EXPECTED
    with closing(sqlite3.connect(worker.state)) as state:
        counts = state.execute("SELECT tries, errors, lost FROM work WHERE url LIKE '%/3'").fetchall()
    assert counts == [(0, 0, 0)] * len(HOSTS)
    site.routes = good
    worker.once()
    assert check_output(worker.out)[: len(before)] == before
    assert outcome(worker, check_output(worker.out)).total() == EXPECTED


def await_requests(site: Site, hosts: set[str], path: str) -> None:
    deadline = time.monotonic() + 120
    while not hosts <= {request.host for request in list(site.requests) if request.path == path}:
        assert time.monotonic() < deadline, f"{path} was not asked for on each of {sorted(hosts)}"
        time.sleep(0.02)


def test_the_end_waits_for_a_tick_that_is_sealing(
    site: Site, worker: Worker, check_output: CheckOutput, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends while a tick writes a segment does not write the last ones beside it: the manifest is a chain."""
    publish = OutputDirectory.publish
    begun: list[float] = []
    finished: list[float] = []

    def slowly(directory: OutputDirectory, segment: Segment) -> FileLine:
        begun.append(time.monotonic())
        if len(begun) == 1:
            time.sleep(1.8)
        published = publish(directory, segment)
        finished.append(time.monotonic())
        return published

    monkeypatch.setattr(OutputDirectory, "publish", slowly)
    # A tick comes within a second of the early entry, and seals it for longer than the late one takes.
    late = site.add("late", "/1", dataclasses.replace(page("late"), delay_s=1.3))
    worker.configure(
        [site.add("feed", "/", rss(("early", None, "Early"), ("late", late, "Late")))], output={"seal_after": "0s"}
    )
    worker.once()
    assert len(check_output(worker.out)) == len(begun) == 2
    assert finished[0] <= begun[1]
