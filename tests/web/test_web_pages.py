"""What the pages show, and what they let nobody do."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.output.conftest import make_row
from tests.store.samples import HOUR, key, make_member
from tests.web.conftest import ATTACK, NOW, Desk
from worker.dedup import Name, url_key
from worker.errors import StateError
from worker.model import FeedId, Millis
from worker.output import OutputDirectory, Segment, segment_path
from worker.schedule import Silence
from worker.store import Overview
from worker.web import Figures
from worker.web.rendering import linkable, short
from worker.words import size

ONE = key("guid", "a", "one").hex()
TWO = key("guid", "a", "two").hex()
PAGES = (
    "/",
    "/feeds",
    "/feeds?which=failing",
    "/feeds?text=%3Cscript%3E",
    "/feeds/a",
    "/feeds/bad",
    "/records",
    "/duplicates",
    "/quarantine",
    f"/why?q={ONE}",
    f"/why?q={TWO}",
    "/why?q=<script>alert(1)</script>",
    "/feeds/none",
    "/nowhere",
)


class Tags(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


async def text_of(desk: Desk, path: str, status: int = 200) -> str:
    async with desk.client() as asked:
        answer = await asked.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_what_strangers_write_stays_text(desk: Desk, path: str) -> None:
    """Titles, errors, addresses, what is searched for: no element, no handler, no script address comes of them."""
    async with desk.client() as asked:
        page = (await asked.get(path)).text
    for tag, attributes in Tags(page).found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert tag != "script" or str(attributes["src"]).startswith("/static/")
        assert tag != "img" or str(attributes["src"]).startswith("/static/")
        assert not str(attributes.get("href")).startswith("javascript:")
    assert "<style" not in page


async def test_the_overview_has_those_who_share_a_state(desk: Desk) -> None:
    """With what each does; where one process holds the state, there is no word of it."""
    assert "Workers" not in await text_of(desk, "/")
    await desk.store.note_member(make_member("m1", under_way=3, most=64, backlog=12))
    await desk.store.note_member(make_member("m2", host=ATTACK, roles=frozenset({"publish"})))
    page = await text_of(desk, "/")
    assert "schedule, fetch, publish; 3 of 64 under way; 12 on the bus" in page
    assert "1.2.3: publish</p>" in page
    assert ATTACK not in page


async def test_the_overview_has_what_is_to_be_looked_at_first(desk: Desk) -> None:
    """Failing feeds, what was put aside, silent feeds, late polls; and the newest records."""
    desk.silent[FeedId("quiet")] = Silence(feed_id=FeedId("quiet"), since=NOW, new_at=None, expect_ms=HOUR)
    await desk.store.note_reload("refused: feeds.yaml:3")
    page = await text_of(desk, "/")
    assert "to look at" in page
    for said in (
        "refused: feeds.yaml:3",
        "bad fails",
        "quiet is silent",
        "1 entry put aside",
        "The lighthouse is lit again",
    ):
        assert said in page, said


async def test_what_is_behind_a_link_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The heading says how many feeds fail and are silent, not how many rows tell of it."""
    monkeypatch.setattr("worker.web.troubles.MOST", 1)
    for name in ("quiet", "secret"):
        desk.silent[FeedId(name)] = Silence(feed_id=FeedId(name), since=NOW, new_at=None, expect_ms=HOUR)
    page = await text_of(desk, "/")
    assert "1 more are silent" in page
    rows = page.partition("To look at</h2>")[2].partition("</section>")[0].count("<li>")
    assert f"<h1>{rows} things to look at</h1>" in page
    desk.silent[FeedId("a")] = Silence(feed_id=FeedId("a"), since=NOW, new_at=None, expect_ms=HOUR)
    assert f"<h1>{rows + 1} things to look at</h1>" in await text_of(desk, "/")


async def test_a_worker_that_is_well_says_so(desk: Desk) -> None:
    """The heading is the answer."""

    async def well(_: object, *args: object, **kwargs: object) -> list[object]:
        return []

    overview = await desk.sources.figures.overview(NOW)

    async def calm(_: object, **kwargs: object) -> Overview:
        return replace(overview, failing=0, quarantined=0, poll_due_at=None)

    desk.sources = replace(desk.sources, reader=well, figures=Figures(calm))  # type: ignore[arg-type]
    assert "All is well" in await text_of(desk, "/")


async def test_one_failure_is_no_row(desk: Desk) -> None:
    """When it was is told, and no count."""
    page = await text_of(desk, "/")
    assert re.search(r"failed \d+ (d|h|min|s) ago", page)
    assert "in a row" not in page


async def test_what_was_counted_for_less_than_an_hour_is_not_called_the_last(desk: Desk) -> None:
    """The counts are this process's: after a start they are of less."""
    desk.sources.vitals.started_at = Millis(NOW - HOUR)
    assert "Records, last hour" in await text_of(desk, "/")
    desk.sources.vitals.started_at = Millis(NOW - HOUR + 1)
    assert "Records, since the start" in await text_of(desk, "/")


async def test_feeds_are_listed_with_their_state_and_rhythm(desk: Desk) -> None:
    """Filters and search narrow them; a key in a URL is not shown."""
    page = await text_of(desk, "/feeds")
    assert [name for name in ("a", "bad", "quiet", "secret") if f'href="/feeds/{name}"' not in page] == []
    assert "geheim" not in page
    assert "3 entries in 30 days" in page
    assert '<td data-name="next">due' in page
    assert "geheim" not in await text_of(desk, "/feeds/secret")
    failing = await text_of(desk, "/feeds?which=failing")
    assert 'href="/feeds/bad"' in failing
    assert 'href="/feeds/a"' not in failing
    assert 'href="/feeds/quiet"' not in await text_of(desk, "/feeds?text=SECRET")
    assert "No feed is silent" in await text_of(desk, "/feeds?which=silent")
    assert 'href="/feeds/a"' in await text_of(desk, "/feeds?which=nonsense")


async def test_feeds_are_called_as_their_lists_call_them(desk: Desk) -> None:
    """Also where they could never be read, and where they fall silent; they are found by that."""
    named = {name: replace(feed, title=f"Our {name}") for name, feed in desk.sources.feeds().items()}
    desk.sources = replace(desk.sources, feeds=lambda: named)
    desk.silent[FeedId("quiet")] = Silence(feed_id=FeedId("quiet"), since=NOW, new_at=None, expect_ms=HOUR)
    overview = await text_of(desk, "/")
    assert "Our bad fails" in overview
    assert "Our quiet is silent" in overview
    assert "<h1><bdi>Our bad</bdi></h1>" in await text_of(desk, "/feeds/bad")
    found = await text_of(desk, "/feeds?text=our+B")
    assert "Our bad" in found
    assert 'href="/feeds/a"' not in found
    assert 'href="/feeds/bad"' not in await text_of(desk, "/feeds?text=our+b&after=bad")


async def test_a_takedown_is_called_one(desk: Desk) -> None:
    """Its notice has nothing else to be called by."""
    row = make_row(3, "", id=3, revision=2, op="delete")
    row = replace(row, body=row.body.replace(b'"op": "new"', b'"op": "delete"'))
    path = segment_path(at=NOW, date="2026-11-24", writer="w1", first_seq=3)
    directory = OutputDirectory.open(desk.sources.output, schema=b"{}")
    directory.publish(Segment(path=path, writer="w1", first_seq=3, rows=(row,)))
    for path in ("/", "/records"):
        page = await text_of(desk, path)
        assert "Taken down" in page
        assert "Untitled" not in page


async def test_what_is_kept_out_is_told_with_the_way_back(desk: Desk) -> None:
    """Which a takedown has not."""
    url = "https://a.example/never"
    await desk.store.number(now=NOW, limit=100)  # they are no JSON
    await desk.store.forget(Name(url_key(url), url), now=NOW)
    await desk.store.forget(Name(bytes.fromhex(ONE)), now=NOW)
    assert "<code>feedmill forget --undo</code> lets it in again" in await text_of(desk, f"/why?q={url}")
    taken_down = await text_of(desk, f"/why?q={ONE}")
    assert "It was taken down" in taken_down
    assert "--undo" not in taken_down


async def test_feeds_come_a_page_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, by the link to the next."""
    monkeypatch.setattr("worker.web.pages.PAGE", 3)
    first = await text_of(desk, "/feeds")
    (link,) = re.findall(r'href="([^"]*after=[^"]*)"', first)
    second = await text_of(desk, link.replace("&amp;", "&"))
    listed = re.findall(r'<p class="name"><a href="/feeds/(\w+)"', first + second)
    assert listed == ["a", "bad", "quiet", "secret"]


async def test_a_feed_has_its_entries_and_what_became_of_them(desk: Desk) -> None:
    """With the newest first, an earlier page behind them, and the reason of the next poll."""
    page = await text_of(desk, "/feeds/a")
    assert "as told" in page
    assert f"/why?q={ONE}" in page
    page = await text_of(desk, "/feeds/secret")
    assert "duplicate" in page
    assert "1 first seen here; 0 new in all" in page
    assert "None is earlier" in await text_of(desk, "/feeds/a?before=1")
    assert "No feed with the id" in await text_of(desk, "/feeds/none", 404)


async def test_what_is_wrong_with_a_document_is_told_of_its_feed(desk: Desk) -> None:
    """It could be read all the same, and is not called ok."""
    page = await text_of(desk, "/feeds/quiet")
    assert "flawed: not well-formed" in page
    assert '<span class="mark ok">' not in page


async def test_duplicates_stand_with_the_first(desk: Desk) -> None:
    """By URL, here."""
    page = await text_of(desk, "/duplicates")
    assert "a.example/one" in page
    assert "/feeds/secret" in page


@pytest.mark.parametrize(
    ("q", "said"),
    [
        pytest.param(ONE, "not yet: it is sealed within 60 s", id="written"),
        pytest.param(TWO, "put aside after 4 failures", id="put aside"),
        pytest.param(key("guid", "a", "three").hex(), "to be read", id="queued"),
        pytest.param("https://a.example/three", "to be read", id="by URL"),
        pytest.param("secret", "New", id="a feed"),
        pytest.param("https://a.example/unknown", "Feeds of its site: ", id="of a known site"),
        pytest.param("https://other.example/x", "No feed of other.example is listed", id="of no site"),
        pytest.param("nonsense", "no id that is known", id="nothing"),
    ],
)
async def test_where_an_article_is_can_be_searched_for(desk: Desk, q: str, said: str) -> None:
    """By URL, record id, feed id."""
    page = await text_of(desk, f"/why?q={q}")
    assert said.lower() in page.lower()


def proof_in(page: str) -> str:
    found = re.search(r'name="proof" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_the_retry_button_leaves_a_request_and_says_what_came_of_it(desk: Desk) -> None:
    """The engine's answer is shown where it was asked."""
    async with desk.client() as asked:
        form = {"proof": proof_in((await asked.get("/quarantine")).text), "verb": "retry", "subject": TWO}
        answer = await asked.post("/act", data=form | {"back": "/quarantine"})
        assert answer.status_code == 303
        (request,) = await desk.store.requests()
        assert (request.verb, request.subject) == ("retry", TWO)
        assert answer.headers["location"] == f"/quarantine?asked={request.id}"
        assert "It was asked for" in (await asked.get(answer.headers["location"])).text
        await desk.store.answer(request.id, "1 entry due again")
        assert "1 entry due again" in (await asked.get(answer.headers["location"])).text


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        pytest.param({}, {"proof": "guessed"}, 403, id="no proof"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, {}, 403, id="from another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, {}, 403, id="from another port"),
        pytest.param({"Origin": "http://evil.example"}, {}, 403, id="of another origin"),
        pytest.param({"Origin": "null"}, {}, 403, id="of no origin"),
        pytest.param({"Host": "evil.example"}, {}, 421, id="by a name that leads here"),
        pytest.param({}, {"verb": "forget", "subject": ONE}, 400, id="what no button asks"),
        pytest.param({}, {"subject": "https://a.example/"}, 400, id="another subject"),
        pytest.param({}, {"verb": "pause", "subject": "[1]"}, 400, id="no feed"),
        pytest.param({}, {"verb": "pause", "subject": "{"}, 400, id="no list"),
        pytest.param({}, {"padding": "x" * 30_000}, 413, id="too much"),
    ],
)
async def test_nobody_else_makes_it_do_anything(
    desk: Desk, headers: dict[str, str], changes: dict[str, str], status: int
) -> None:
    """Requests that no page of ours has made leave nothing behind."""
    async with desk.client() as asked:
        proof = proof_in((await asked.get("/quarantine")).text)
        form = {"proof": proof, "verb": "retry", "subject": TWO} | changes
        answer = await asked.post("/act", data=form, headers=headers)
        assert answer.status_code == status
        assert (await asked.get("/act")).status_code == 405
    assert await desk.store.requests() == []


async def test_the_buttons_work_behind_a_proxy_that_sends_its_own_host(desk: Desk) -> None:
    """As nginx does by default: the browser itself says that the page is of the same origin. A browser that can't say
    it, over plain HTTP, is told what the proxy lacks."""
    async with desk.client() as asked:
        form = {"proof": proof_in((await asked.get("/quarantine")).text), "verb": "retry", "subject": TWO}
        outside = {"Origin": "https://feeds.example"}
        answer = await asked.post("/act", data=form, headers=outside | {"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303
        answer = await asked.post("/act", data=form, headers=outside)
        assert answer.status_code == 403
        assert "a proxy does not pass the Host header on" in answer.text


async def test_who_has_the_token_needs_no_proof_and_is_sent_nowhere_else(desk: Desk) -> None:
    """A program: `curl -H 'Authorization: Bearer …' -d verb=poll`."""
    async with desk.client(token="correct-horse") as asked:
        asked.headers["Authorization"] = "Bearer correct-horse"
        answer = await asked.post("/act", data={"verb": "poll", "subject": '["a"]', "back": "https://evil.example/"})
    assert answer.headers["location"].startswith("/?asked=")
    assert [request.verb for request in await desk.store.requests()] == ["poll"]


@pytest.mark.parametrize(("token", "host"), [("correct-horse", "feeds.example"), (None, "evil.example")])
async def test_who_may_only_call_as_a_hub_is_shown_no_page(desk: Desk, token: str | None, host: str) -> None:
    """Below the path that is open to the world there is nothing else, and what is not there tells nothing of us."""
    async with desk.client(token=token, host=host) as asked:
        for path in ("/websub/", "/websub/a/b", "/websub/a/b?asked=1", "/websub/../feeds"):
            answer = await asked.get(path)
            assert answer.status_code in (401, 404, 421)
            assert "<" not in answer.text


async def test_a_state_that_cannot_be_read_is_a_page_not_a_traceback(desk: Desk) -> None:
    """503, with the reason."""

    class Unreadable:
        async def overview(self, now: Millis) -> object:
            raise StateError(f"can't read the state: {ATTACK}")

    desk.sources = replace(desk.sources, figures=Unreadable())  # type: ignore[arg-type]
    page = await text_of(desk, "/", 503)
    assert "can&#39;t read the state" in page
    assert "<script>document" not in page


async def test_files_that_pages_need_come_with_the_package(desk: Desk) -> None:
    """Kept by browsers for as long as their address, which changes with them."""
    async with desk.client() as asked:
        page = (await asked.get("/")).text
        for tag, attributes in Tags(page).found:
            path = attributes.get("src" if tag in ("script", "img") else "href" if tag == "link" else "")
            if path:
                answer = await asked.get(path)
                assert answer.status_code == 200
                assert "immutable" in answer.headers["cache-control"]
        assert (await asked.get("/static/nothing.js")).status_code == 404


@pytest.mark.parametrize(
    ("url", "text"),
    [
        pytest.param("https://www.example.org/a/b/", "example.org/a/b", id="plain"),
        pytest.param("https://example.org/%C3%BC?x=1", "example.org/ü?x=1", id="unescaped"),
        pytest.param("https://example.org/" + "x" * 100, "example.org/" + "x" * 48 + "…" + "x" * 30, id="long"),
        pytest.param("urn:x", "urn:x", id="no address"),
        pytest.param("http://[broken", "http://[broken", id="broken"),
    ],
)
def test_addresses_are_written_as_people_read_them(url: str, text: str) -> None:
    """Cut in the middle: both ends tell something."""
    assert short(url) == text


def test_only_web_addresses_are_links() -> None:
    """A browser would run the others."""
    assert [linkable(url) for url in ("https://a", "http://a", "javascript:a", "data:a", None)] == [True] * 2 + [
        False
    ] * 3


def test_sizes_have_three_figures() -> None:
    """In the unit that is read best."""
    sizes = {0: "0 B", 999: "999 B", 1_234: "1.23 kB", 56_700_000: "56.7 MB", 83_000_000_000: "83 GB"}
    sizes |= {999_499: "999 kB", 999_500: "1 MB", 999_999_999: "1 GB", 1_234_567 * 10**9: "1,235 TB"}
    assert {number: size(number) for number in sizes} == sizes
