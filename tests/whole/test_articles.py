"""What becomes of entries: the command as a real process, on a scripted web."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from tests.site import Answer, Request, Site
from tests.whole.conftest import Worker
from tests.whole.pages import RSS, feed, item, page, prose, rss


def outcomes(worker: Worker) -> list[tuple[str, int, str | None]]:
    return [(r["_ingest"]["op"], r["_ingest"]["revision"], r.get("title")) for r in worker.records()]


def test_a_second_poll_is_conditional_and_writes_nothing(site: Site, worker: Worker) -> None:
    """The validators of the first answer come with the second request, and nothing is written twice."""
    pages = [site.add("a", f"/{n}", page(f"Title {n}", prose(f"heron{n}"))) for n in range(5)]
    url = feed(site, "a", *(item(f"g{n}", p, f"Title {n}") for n, p in enumerate(pages)))
    worker.configure([url])
    first, second = worker.once(), worker.once(every=True)
    assert (first.new, second.unchanged, second.new) == (5, 1, 0)
    assert "if-none-match" in site.asked("a", "/feed")[1].headers
    assert len(worker.records()) == 5


def test_only_feeds_that_are_due_are_polled_after_a_restart(site: Site, worker: Worker) -> None:
    """A restart asks nobody anything before its time."""
    worker.configure([feed(site, "a", item("g", None, "T", prose("owl"))), feed(site, "b")])
    assert worker.once().polls == 2
    assert worker.once().polls == 0
    assert len(site.requests) == 2


def test_a_changed_text_is_an_update_and_changed_markup_is_not(site: Site, worker: Worker) -> None:
    """One id, two revisions; other furniture, another case of the feed's markup: none."""
    url = site.add("a", "/1", page("Title", prose("crane")))
    worker.configure([feed(site, "a", item("g", url, "Title", "<p>short</p>"))])
    worker.once()
    site.add("a", "/1", page("Title", prose("crane"), furniture="<b>Read this!</b>"))
    feed(site, "a", item("g", url, "Title", "<div  class='x'>short</div>"))
    assert worker.once(every=True).updates == 0
    site.add("a", "/1", page("Title", prose("crane") + " It has been corrected."))
    feed(site, "a", item("g", url, "Title", "<p>short, corrected</p>"))
    assert worker.once(every=True).updates == 1
    records = worker.records()
    assert [r["_ingest"]["revision"] for r in records] == [1, 2]
    assert records[0]["id"] == records[1]["id"]
    assert "corrected" in records[1]["content_text"]


def test_the_same_url_in_two_feeds_is_one_record(site: Site, worker: Worker) -> None:
    """Tracking parameters do not make another article; its page is fetched once."""
    url = site.add("a", "/1", page("Title", prose("stork")))
    site.add("a", "/1?utm_source=c", page("Title", prose("stork")))
    feeds = [feed(site, "b", item("x", url, "Title")), feed(site, "c", item("y", url + "?utm_source=c", "Title"))]
    worker.configure(feeds)
    tally = worker.once()
    assert (tally.new, tally.duplicates) == (1, 1)
    assert len([r for r in site.asked("a") if r.path != "/robots.txt"]) == 1


def test_a_feed_that_has_moved_repeats_nothing_when_it_is_listed_where_it_is_now(site: Site, worker: Worker) -> None:
    """Though it gets another id by that, and its entries have no links."""

    def shown(host: str, text: str) -> str:
        return feed(site, host, *(item(str(n), None, f"Title {n}", text) for n in range(3)))

    old, new = shown("old", "Few words."), shown("new", "Few words.")
    worker.configure([old])
    assert worker.once().new == 3
    site.add("old", "/feed", Answer(status=301, headers={"Location": new}))
    assert worker.once(every=True).new == 0
    worker.configure([new])
    assert worker.once(every=True).new == 0
    shown("new", "A correction.")
    worker.once(every=True)
    assert [op for op, *_ in outcomes(worker)] == ["new"] * 3 + ["update"] * 3


def test_the_same_text_under_two_urls_is_one_record(site: Site, worker: Worker) -> None:
    """A reprint is known by its words."""
    urls = [site.add(host, "/1", page("Ibis", prose("ibis"))) for host in ("a", "b")]
    worker.configure([feed(site, "c", *(item(u, u, f"On {u}") for u in urls))])
    tally = worker.once()
    assert (tally.new, tally.duplicates) == (1, 1)


def test_duplicates_are_linked_where_that_is_asked_for(site: Site, worker: Worker) -> None:
    """`dedup.exact: link` writes a record without content that names the first."""
    urls = [site.add(host, "/1", page("Ibis", prose("ibis"))) for host in ("a", "b")]
    worker.configure([feed(site, "c", *(item(u, u, f"On {u}") for u in urls))], dedup={"exact": "link"})
    worker.once()
    first, second = worker.records()
    assert second["_ingest"]["op"] == "duplicate"
    assert (second["_ingest"]["duplicate_of"], second["_ingest"]["duplicate_kind"]) == (first["id"], "exact")
    assert second["content_text"] == ""


def test_a_guid_on_two_items_loses_neither(site: Site, worker: Worker) -> None:
    """Guid and link together tell them apart, in this poll and the next."""
    urls = [site.add("a", f"/{n}", page(f"T{n}", prose(f"gull{n}"))) for n in range(3)]
    worker.configure([feed(site, "a", item("same", urls[0], "T0"))])
    worker.once()
    feed(site, "a", *(item("same", urls[n], f"T{n}") for n in range(3)))
    worker.once(every=True)
    assert sorted(outcomes(worker)) == [("new", 1, "T0"), ("new", 1, "T1"), ("new", 1, "T2")]


def test_items_that_all_link_to_the_front_page_are_all_kept(site: Site, worker: Worker) -> None:
    """A link that identifies nothing is neither a key nor a page to fetch."""
    home = site.url("a", "/")
    worker.configure([feed(site, "a", *(item(f"g{n}", home, f"T{n}", prose(f"tern{n}")) for n in range(3)))])
    assert worker.once().new == 3
    assert [r.path for r in site.asked("a")] == ["/feed"]


def test_a_page_on_another_host_waits_for_that_hosts_turn(site: Site, worker: Worker) -> None:
    """A redirect to another host is queued there, and the record names both addresses."""
    target = site.add("b", "/real", page("Title", prose("swan")))
    link = site.add("a", "/go", Answer(status=302, headers={"Location": target}))
    worker.configure([feed(site, "a", item("g", link, "Title"))])
    worker.once()
    (record,) = worker.records()
    assert record["_ingest"]["entry_url"] == link
    assert record["_ingest"]["final_url"] == record["url"] == target


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(status=404), "404", id="gone"),
        pytest.param(Answer(status=500), "500", id="broken server, after its retries"),
        pytest.param(Answer(body=b"%PDF-1.4 ...", content_type="application/pdf"), "application/pdf", id="a document"),
        pytest.param(Answer(body=b"\x89PNG\r\n\x1a\n", content_type="image/png"), "image/png", id="a picture"),
        pytest.param(Answer(body=b""), "", id="nothing at all"),
        pytest.param(Answer(body=b"x" * 6_000_000), "", id="too large"),
        pytest.param(Answer(body=b"<p>half of it", cut=True), "", id="cut short"),
        pytest.param(Answer(delay_s=30), "", id="too slow"),
        pytest.param(Answer(status=302, headers={"Location": "http://10.0.0.1/"}), "allow_addresses", id="private"),
        pytest.param(Answer(headers={"Content-Encoding": "br"}, body=b"x"), "", id="unknown coding"),
    ],
)
def test_where_the_page_cannot_be_had_the_feed_serves(site: Site, worker: Worker, answer: Answer, reason: str) -> None:
    """The entry is written once, from the feed alone, and the log says why."""
    url = site.add("a", "/1", answer)
    worker.configure([feed(site, "a", item("g", url, "Title", prose("kite", 3)))], fetch={"timeout": "2s"})
    with capture_logs() as lines:
        worker.once()
    (record,) = worker.records()
    assert record["_ingest"]["extraction"] == "feed_only"
    assert "kite" in record["content_text"]
    (line,) = [line for line in lines if line["event"] == "entry.ingested"]
    assert line["reason"]
    assert reason in line["reason"]


def test_a_page_that_hangs_the_extractor_costs_one_entry(site: Site, worker: Worker) -> None:
    """Its process is killed, the entry is written from the feed, and the others go on."""
    flood = "<a" + "".join(f" b{n}" for n in range(600_000)) + ">"
    slow = site.add("a", "/slow", Answer(body=f"<html><body>{flood}{'<b>' * 50_000}</body></html>".encode()))
    good = site.add("b", "/good", page("Good", prose("rook")))
    items = [item("1", slow, "Slow", prose("raven", 3)), item("2", good, "Good")]
    worker.configure([feed(site, "c", *items)], extract={"timeout": "2s"})
    worker.once()
    found = {r.get("title"): r["_ingest"]["extraction"] for r in worker.records()}
    assert found == {"Slow": "feed_only", "Good": "ok"}


def test_a_page_that_fails_is_tried_again_later(site: Site, worker: Worker) -> None:
    """Nothing is written until it has been tried often enough; a success in between is the article."""
    answers = iter([Answer(status=500), page("Title", prose("finch"))])
    url = site.add("a", "/1", lambda _: next(answers))
    worker.configure([feed(site, "a", item("g", url, "Title"))], fetch={"retries": ["0s", "1h"]})
    assert worker.once().retries == 1
    (record,) = worker.records()
    assert record["_ingest"]["extraction"] == "ok"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(item("g", None, "Title", prose("jay")), {"title": "Title"}, id="no link"),
        pytest.param(item("g", None, None, prose("jay")), {}, id="no title"),
        pytest.param(item(None, None, None, prose("jay")), {}, id="nothing but text"),
        pytest.param(item(None, None, "Title"), {"title": "Title"}, id="nothing but a title"),
        pytest.param(
            item("g", None, "T", prose("jay")).replace(
                "<title>", "<pubDate>Mon, 01 Jan 1770 00:00:00 GMT</pubDate><title>"
            ),
            {"title": "T"},
            id="dated 1770",
        ),
    ],
)
def test_entries_that_lack_something_are_kept(site: Site, worker: Worker, entry: str, expected: dict[str, str]) -> None:
    """What is missing is left out of the record, never invented."""
    worker.configure([feed(site, "a", entry)])
    worker.once()
    (record,) = worker.records()
    optional = {k: v for k, v in record.items() if k in ("title", "url", "date_published", "date_modified")}
    assert optional == expected


def test_charsets_that_are_declared_wrongly_are_read_all_the_same(site: Site, worker: Worker) -> None:
    """UTF-8 that is said to be Latin-1, and Latin-1 that says nothing."""
    text = "Über den Flüssen wächst das Gras höher als je zuvor, sagt die Müllerin. " * 8
    html = f"<html><head><title>Grün</title></head><body><article><p>{text}</p></article></body></html>"
    urls = [
        site.add("a", "/1", Answer(body=html.encode(), content_type="text/html; charset=iso-8859-1")),
        site.add("b", "/1", Answer(body=html.replace("Gras", "Heu").encode("latin-1"), content_type="text/html")),
    ]
    worker.configure([feed(site, "c", *(item(u, u, f"T {u}") for u in urls))])
    worker.once()
    texts = [r["content_text"] for r in worker.records()]
    assert len(texts) == 2
    assert all("Flüssen wächst" in text for text in texts)


def secretive(request: Request) -> Answer:
    allowed = request.headers.get("authorization") == "Bearer s3cret-t0ken"
    return Answer(body=rss(item("g", None, "T", prose("robin"))), content_type=RSS) if allowed else Answer(status=401)


def test_secrets_reach_the_feeds_origin_alone_and_no_log(site: Site, worker: Worker) -> None:
    """A header goes to its feed, not to the pages on other hosts; nothing of it is logged, even at debug."""
    elsewhere = site.add("b", "/1", page("T", prose("wren")))
    body = rss(item("g", elsewhere, "T"))
    url = site.add(
        "a",
        "/feed",
        lambda r: Answer(body=body, content_type=RSS) if r.headers.get("authorization") else Answer(status=401),
    )
    login = site.add("c", "/feed", secretive)
    feeds: Sequence[object] = [
        {"url": url.replace("://", "://user:pa55word@")},
        {"url": login, "headers": {"Authorization": "Bearer s3cret-t0ken"}},
    ]
    worker.configure(feeds, log={"level": "debug"})
    done = worker.apart("once")
    assert len(worker.records()) == 2
    assert all("authorization" not in r.headers for r in site.asked("b"))
    for secret in ("s3cret-t0ken", "pa55word", "dXNlcjpwYTU1d29yZA"):
        assert secret not in done.stderr + done.stdout
        assert all(secret not in json.dumps(record) for record in worker.records())


def test_what_a_server_makes_of_a_secret_address_is_told_without_the_secret(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came from the environment stands in the feed's address, and so in where it moves to and what its server
    says of it: no command tells it, no log, no record; and the state, which has it, is not for others to read."""
    secret = "tr0ub4dor-and-3"
    monkeypatch.setenv("FEED_PATH", secret)
    body = rss(item("g", None, "T", prose("robin")))
    there = site.add("a", f"/there/{secret}", Answer(body=body, content_type=RSS))
    site.add("a", f"/here/{secret}", Answer(status=308, headers={"Location": there}))
    site.add("b", f"/{secret}", Answer(status=302, headers={"Location": f"gopher://b.example/{secret}"}))
    moves = {"id": "moves", "url": site.url("a", "/here/${FEED_PATH}")}
    worker.configure([moves, {"id": "fails", "url": site.url("b", "/${FEED_PATH}")}], log={"level": "debug"})
    for _ in range(3):
        worker.once(every=True)
    said = [worker.apart("once", "--all")]
    said += [worker.run(name, *also) for name in ("status", "feeds") for also in ((), ("--json",))]
    said += [worker.run("why", name, *also) for name in ("moves", "fails") for also in ((), ("--json",))]
    said += [worker.run("poll", "moves", *also) for also in ((), ("--json",))]
    assert json.loads(said[2].stdout)["feeds"][1]["moved_to"] == site.url("a", "/there/***")
    for done in said:
        assert secret not in done.stdout + done.stderr
    assert all(secret not in json.dumps(record) for record in worker.records())
    assert all(file.stat().st_mode & 0o007 == 0 for file in worker.folder.glob("state.db*") if file.suffix != ".lock")


def test_a_page_that_is_gone_does_not_take_its_text_with_it(site: Site, worker: Worker) -> None:
    """An entry whose page was had keeps its text when the feed changes and the page can't be had any more."""
    url = site.add("a", "/1", page("Title", prose("lark")))
    worker.configure([feed(site, "a", item("g", url, "Title", "A summary."))])
    worker.once()
    site.add("a", "/1", Answer(status=404))
    feed(site, "a", item("g", url, "Another title", "Another summary."))
    assert worker.once(every=True).updates == 0
    site.add("a", "/1", page("Another title", prose("lark")))
    feed(site, "a", item("g", url, "Yet another title", "Another summary."))
    assert worker.once(every=True).updates == 1
    assert all("lark" in record["content_text"] for record in worker.records())
