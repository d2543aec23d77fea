"""The feeds of the corpus, as their sites served them: nothing is lost, and nothing is written twice."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import feedparser
import pytest

from tests import corpus
from tests.conftest import CheckOutput
from tests.site import Answer, Route, Site, conditional
from tests.whole.conftest import Worker

pytestmark = corpus.needs_corpus


CONTENT_TYPE = "application/xml"  # the corpus does not say what its feeds were served as


def items(body: bytes) -> Counter[str]:
    """The distinct items of a document by their guid, else link, else title: without any of feedmill's code."""
    parsed = feedparser.parse(
        io.BytesIO(body),
        response_headers={"content-type": CONTENT_TYPE},
        sanitize_html=False,  # quadratic in places, and no part of what tells items apart
        resolve_relative_uris=False,
    )
    distinct = {
        (e.get("id"), e.get("link"), e.get("title"), e.get("published"), e.get("summary")) for e in parsed.entries
    }
    return Counter(spaced(guid or link or title or "") for guid, link, title, _, _ in distinct)


def spaced(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(
    scope="module", params=[pytest.param(4, id="every fourth"), pytest.param(1, id="all", marks=pytest.mark.slow)]
)
def feeds(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """One of so many."""
    return dict(islice(corpus.feeds().items(), None, None, request.param))


@pytest.fixture(scope="module")
def expected(feeds: dict[str, bytes]) -> dict[str, Counter[str]]:
    """What is in each feed."""
    return {name: items(body) for name, body in feeds.items()}


@pytest.fixture(scope="module")
def served(feeds: dict[str, bytes]) -> Iterator[Site]:
    """Each feed on a host of its own."""
    with Site() as site:
        serve(site, feeds, conditionally)
        yield site


@pytest.fixture(scope="module")
def polled(served: Site, feeds: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a worker that has polled each feed once."""
    worker = Worker(tmp_path_factory.mktemp("polled"))
    worker.configure([{"id": name, "url": served.url(name, "/feed"), "full_text": "never"} for name in feeds])
    tally = worker.once()
    assert (tally.polls, tally.failed_polls, tally.broken) == (len(feeds), 0, 0)
    return worker.folder


@pytest.fixture
def worker(polled: Path, tmp_path: Path) -> Worker:
    """One that has polled each feed once."""
    shutil.copytree(polled, tmp_path, dirs_exist_ok=True)
    return Worker(tmp_path)


def serve(site: Site, feeds: dict[str, bytes], route: Callable[[bytes], Route]) -> None:
    for name, body in feeds.items():
        site.add(name, "/feed", route(body))


def test_every_item_of_every_feed_is_in_the_state(worker: Worker, expected: dict[str, Counter[str]]) -> None:
    """As many entries a feed as plain feedparser finds distinct items in its bytes, and none of them waits."""
    with closing(sqlite3.connect(worker.state)) as state:
        found = dict(state.execute("SELECT text, count(*) FROM entry JOIN name ON no = feed_no GROUP BY no"))
        (queued,) = state.execute("SELECT count(*) FROM work WHERE entry_id IS NOT NULL").fetchone()
    assert found == {name: here.total() for name, here in expected.items()}
    assert queued == 0


def test_every_item_has_one_record_or_is_a_duplicate(
    worker: Worker, expected: dict[str, Counter[str]], check_output: CheckOutput
) -> None:
    """The records name the items that are there, each once; those without a record have an original that has one."""
    missing = Counter({(name, item): times for name, here in expected.items() for item, times in here.items()})
    records = check_output(worker.out)
    for record in records:
        entry = record["_ingest"]
        assert (entry["op"], entry["revision"]) == ("new", 1)
        item = entry["feed_id"], spaced(entry["entry_id"] or entry["entry_url"] or record.get("title", ""))
        assert missing[item] > 0, "a record of what no feed holds"
        missing[item] -= 1
    assert len({record["id"] for record in records}) == len(records)
    with closing(sqlite3.connect(worker.state)) as state:
        (duplicates,) = state.execute(
            "SELECT count(*) FROM entry JOIN entry AS first ON first.id = entry.duplicate_of WHERE first.revision > 0"
        ).fetchone()
    assert missing.total() == duplicates


def conditionally(body: bytes) -> Route:
    return conditional(body, content_type=CONTENT_TYPE, etag='"1"')


def unconditionally(body: bytes) -> Route:
    return Answer(body=body, content_type=CONTENT_TYPE)


def changing(body: bytes) -> Route:
    """Other bytes at each request, and the same items: what a template makes that has a clock in it."""
    clock = count()
    return lambda _: Answer(body=body + f"\n<!-- made in {next(clock)} ms -->".encode(), content_type=CONTENT_TYPE)


@pytest.mark.parametrize(
    ("route", "unchanged"),
    [
        pytest.param(conditionally, True, id="a server that says what is unchanged"),
        pytest.param(unconditionally, True, id="a server that sends the same bytes again"),
        pytest.param(changing, False, id="a server that sends other bytes each time"),
    ],
)
def test_polling_again_writes_nothing(
    worker: Worker, served: Site, feeds: dict[str, bytes], route: Callable[[bytes], Route], unchanged: bool
) -> None:
    """No record, whatever the server says of versions; twice, since the first answer changes what is known of them."""
    before = written(worker)
    serve(served, feeds, route)
    for _ in range(2):
        tally = worker.once(every=True)
        assert (tally.polls, tally.failed_polls, tally.broken) == (len(feeds), 0, 0)
        assert (tally.new, tally.updates, tally.duplicates, tally.published) == (0, 0, 0, 0)
        assert tally.unchanged == (len(feeds) if unchanged else 0)
    assert written(worker) == before


def written(worker: Worker) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in worker.out.rglob("*.jsonl")}
