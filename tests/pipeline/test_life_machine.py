"""An article's life, in any order: whatever feeds, pages, owners and kills do, each has one record, and the newest."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.pipeline.ledger import Ledger
from tests.pipeline.life import HOUR, LEASE_MS, Item, Life, Page, Serving, text_of
from tests.postgresql import EmptyState
from tests.store.invariants import check_state
from tests.store.samples import DAY, FEED, URL, ask
from worker.model import Broken, Feed, FeedId, Filter, Ingest, Rules, State, Work
from worker.pipeline.requests import NOTHING_KNOWN
from worker.store.finish.ingestion import Near

SPAM = Rules(skip=(Filter(place="skip", title=("spam",)),), filters_key=b"spam")
GERMAN = Rules(skip=(Filter(place="skip", language=("de",)),), filters_key=b"german")
RULES = {"": Rules(), "spam": SPAM, "german": GERMAN}
FEEDS = {
    "a": Feed(id=FeedId("a"), url="https://one.example/a"),
    "b": Feed(id=FeedId("b"), url="https://one.example/b", recheck_s=(6 * 3600.0, 48 * 3600.0)),
    "c": Feed(id=FeedId("c"), url="https://c.example/c", full_text="never"),
    "d": Feed(id=FeedId("d"), url="https://d.example/d", recheck_s=(3600.0,)),
}
NAMES = ["guid", "plain", "bare", "shared1", "shared2"]
"""Of entries: with a guid and a page of its own, with a link alone, with a guid alone, with pages that feeds share."""
PLACEHOLDER = 0
"""A text that several entries begin with."""


def link_of(feed: str, name: str) -> str | None:
    if name.startswith("shared"):
        return f"https://all.example/{name}"
    return None if name == "bare" else f"https://{feed}.example/{name}"


LINKS = sorted({link for feed in FEEDS for name in NAMES if (link := link_of(feed, name))})


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an editor does to an entry."""

    how: str
    """shows, hides, or changes its `title`, `text`, `guid` or `link`."""
    text: str
    """long, short, the `placeholder`, the `same` as the one before, or none."""
    spam: bool
    feed: str
    name: str


TOLD = st.builds(
    Told,
    how=st.sampled_from(["shows", "shows", "shows", "hides", "title", "text", "text", "guid", "link"]),
    text=st.sampled_from(["long", "long", "short", "placeholder", "same", "none"]),
    spam=st.sampled_from([False, False, False, True]),
    feed=st.sampled_from(list(FEEDS)),
    name=st.sampled_from(NAMES),
)
PAGED = st.tuples(
    st.sampled_from(LINKS),
    st.sampled_from(["changes", "changes", "copies", "short", "german", "403", "404", "410", "500", "503", "moves"]),
)
SERVED = st.tuples(
    st.sampled_from(list(FEEDS)), st.sampled_from(["whole", "whole", "cut", "404", "500", "503", "timeout"])
)
HOWS = st.sampled_from(["leave", "ask", "commit", "commit", "commit", "commit", "hand back", "broken"])
TURNS = st.lists(st.tuples(st.booleans(), st.lists(HOWS, min_size=6, max_size=10)), min_size=1, max_size=5)


class LifeMachine(RuleBasedStateMachine):
    """Feeds and pages change, work is claimed, asked for and committed in any order, or lost, and owners do what they
    may, at any moment; at last all is settled, said once more in other words, and settled again.

    What is done is drawn without a look at the state. What has to come of it, the ledger knows.
    """

    new_state: Callable[[Path], State]
    """A state with nothing in it; a folder for it is given."""

    @initialize(
        linked=st.booleans(),
        near=st.sampled_from(["link", "off", "drop"]),
        first=st.lists(TOLD.map(lambda told: replace(told, how="shows")), min_size=4, max_size=10),
    )
    def begin(self, linked: bool, near: Near, first: list[Told]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.state = self.new_state(root)
        self.life = Life(self.state, root / "out", FEEDS.values(), linked=linked, near=near)
        self.texts = 0
        self.ledger = Ledger(self.life)
        self.told = 0
        for link in LINKS:
            self.page(link, "changes")
        for told in first:
            self.tell(told)

    def teardown(self) -> None:
        if hasattr(self, "life"):
            try:
                self.settle()
                self.ledger.check("at last")
                self.last_words()
                self.settle()
                self.ledger.check("after the last words", final=True)
            finally:
                self.life.end()
                self.folder.cleanup()

    # --- what feeds and pages say ---

    def fresh(self, kind: str = "long") -> str:
        if kind == "none":
            return ""
        if kind == "placeholder":
            return text_of(PLACEHOLDER)
        if kind != "same":
            self.texts += 1
        return text_of(max(self.texts, 1), words="short" if kind == "short" else "long")

    def tell(self, told: Told) -> None:
        feed = FEEDS[told.feed]
        shown = self.life.web.feeds[feed.url]
        before = shown.get(told.name)
        self.told += 1
        title = f"{'spam' if told.spam else 'Title'} {self.told} of {told.name}"
        if told.how == "hides":
            shown.pop(told.name, None)
            return
        if before is None:
            if told.how != "shows":
                return
            if told.name.startswith("shared"):
                title = f"{'spam' if told.spam else 'Title'} of {told.name}"
            guid = None if told.name == "plain" else f"{told.feed} {told.name}"
            after = Item(guid=guid, link=link_of(told.feed, told.name), title=title, text=self.fresh(told.text))
        else:
            changes: dict[str, Any] = {}
            if told.how == "title":
                changes["title"] = title
            elif told.how == "text":
                changes["text"] = self.fresh(told.text)
            elif told.how == "guid" and before.guid and before.link:
                changes["guid"] = f"{before.guid}'"
            elif told.how == "link" and before.guid and before.link:
                changes["link"] = f"{before.link}/again"
                self.life.web.pages[changes["link"]] = self.life.web.pages[before.link]
            if changes.keys() & {"guid", "link"}:
                self.ledger.renamed.add((told.feed, told.name))
            after = replace(before, **changes)
        # The newest comes first.
        self.life.web.feeds[feed.url] = {told.name: after, **{n: i for n, i in shown.items() if n != told.name}}
        self.ledger.tie(("entry", told.feed, told.name), after.link, after.text)

    def page(self, link: str, how: str) -> None:
        before = self.life.web.pages.get(link, Page())
        if how == "moves":
            self.life.web.pages[f"{link}/there"] = replace(before, to=None, status=200)
            self.life.web.pages[link] = Page(to=f"{link}/there")
            self.ledger.tie(link, f"{link}/there", before.text)
            return
        if how.isdigit():
            self.life.web.pages[link] = replace(before, status=int(how), to=None)
            return
        if how == "german":
            self.ledger.german.add(link)
        text = self.fresh({"short": "short", "copies": "same"}.get(how, "long"))
        self.told += 1
        self.life.web.pages[link] = Page(
            title=f"Page {self.told}", text=text, language="de" if how == "german" else "en"
        )
        self.ledger.tie(link, text)

    @rule(told=st.lists(TOLD, min_size=1, max_size=4))
    def feeds_change(self, told: list[Told]) -> None:
        for one in told:
            self.tell(one)

    @rule(paged=st.lists(PAGED, min_size=1, max_size=4))
    def pages_change(self, paged: list[tuple[str, str]]) -> None:
        for link, how in paged:
            self.page(link, how)

    @rule(served=SERVED)
    def server_changes(self, served: tuple[str, Serving]) -> None:
        feed, how = served
        self.life.web.serving[FEEDS[feed].url] = how

    # --- work, and time ---

    def take_turns(self, turns: list[tuple[bool, list[str]]]) -> None:
        for claims, hows in turns:
            if claims:
                due_at = self.life.call(self.life.store.next_claim_at())
                self.life.later(min(HOUR, max(0, due_at - self.life.now)))
                self.life.claim()
            under_way = sorted(self.life.standing.values(), key=lambda work: work.lease.work_id)
            for work, how in zip(under_way, hows, strict=False):
                self.end(work, how)

    def end(self, work: Work, how: str) -> None:
        match how:
            case "ask":
                self.life.perform(work)
            case "commit":
                self.life.commit(work)
            case "hand back":
                self.life.hand_back(work)
            case "broken" if isinstance(work, Ingest):
                self.life.done[work.lease] = Broken(lease=work.lease, at=self.life.now, error="KeyError")
                self.life.commit(work)

    work = rule(turns=TURNS)(take_turns)
    more_work = rule(turns=TURNS)(take_turns)

    @rule(hours=st.sampled_from([0, 1, 6]))
    def all_work(self, hours: int) -> None:
        self.life.work(for_ms=hours * HOUR)

    @rule(by=st.sampled_from([1, LEASE_MS, HOUR, DAY, 31 * DAY]))
    def wait(self, by: int) -> None:
        self.life.later(by)

    @rule(poll_all=st.booleans())
    def restart(self, poll_all: bool) -> None:
        self.life.restart(poll_all=poll_all)

    @rule(torn=st.booleans())
    def publish(self, torn: bool) -> None:
        if torn:
            self.life.call(self.life.store.number(now=self.life.now, limit=2))
        else:
            self.life.publish()

    @rule()
    def upkeep(self) -> None:
        self.life.call(self.life.store.upkeep(now=self.life.now))

    # --- what owners do ---

    @rule(
        listed=st.sampled_from(["abcd", "abcd", "abcd", "abc", "bcd", "ad", "c"]),
        rules=st.lists(st.sampled_from(list(RULES)), min_size=4, max_size=4),
    )
    def reload(self, listed: str, rules: list[str]) -> None:
        feeds = {name: replace(FEEDS[name], rules=RULES[its]) for name, its in zip(FEEDS, rules, strict=True)}
        self.life.list(*(feeds[name] for name in listed))

    @rule(verb=st.sampled_from(["pause", "resume", "poll"]), feed=st.sampled_from(list(FEEDS)))
    def steer(self, verb: str, feed: str) -> None:
        self.life.ask(verb, f'["{feed}"]')

    @rule(verb=st.sampled_from(["forget", "keep_out"]), link=st.sampled_from(LINKS))
    def take_down(self, verb: str, link: str) -> None:
        if self.life.ask(verb, link) != NOTHING_KNOWN:
            self.ledger.take_down(link)

    @rule(which=st.integers(0, 20))
    def take_down_a_record(self, which: int) -> None:
        """Of an entry that is known: written, or not yet."""
        rows = ask(self.state, f"SELECT record_id, {FEED}, {URL} FROM entry ORDER BY record_id")  # noqa: S608 # our own
        if rows:
            id, feed, url = rows[which % len(rows)]
            name = next((name for name in NAMES if url and url.startswith(link_of(feed, name) or " ")), "bare")
            self.ledger.take_down(("entry", feed, name), id=bytes(id).hex())
            self.life.ask("forget", bytes(id).hex())

    # --- what holds ---

    @invariant()
    def state_is_whole(self) -> None:
        if hasattr(self, "life"):
            check_state(self.state)

    def settle(self) -> None:
        """All is listed, answers and is polled, and what comes of it is ingested and published."""
        life = self.life
        life.restart()
        life.web.serving.clear()
        life.list(*(replace(life.known[feed.id]) for feed in FEEDS.values()))
        everything = "[" + ",".join(f'"{feed}"' for feed in FEEDS) + "]"
        life.every_ms = 400 * DAY
        for _ in range(2):
            life.ask("resume", everything)
            life.ask("retry", "")
            life.ask("poll", everything)
            life.work(for_ms=10 * DAY)
        life.publish()
        check_state(self.state)
        stuck = ask(self.state, "SELECT entry_id, error FROM work WHERE entry_id IS NOT NULL")
        assert not stuck, f"work is stuck: {stuck}"

    def last_words(self) -> None:
        """Every feed says something else of all it shows, and every page is there, with another text."""
        for link in {link for shown in self.life.web.feeds.values() for item in shown.values() if (link := item.link)}:
            self.page(link, "changes")
        for feed, listed in FEEDS.items():
            for name, item in self.life.web.feeds[listed.url].items():
                title = item.title if name.startswith("shared") else f"{item.title}, at last"
                last = replace(item, title=title.replace("spam", "good"), text=self.fresh())
                self.life.web.feeds[listed.url][name] = last
                self.ledger.tie(("entry", feed, name), last.link, last.text)


def run_machine(new_state: Callable[[Path], State], **how: Any) -> None:
    machine = type("LifeMachine", (LifeMachine,), {"new_state": staticmethod(new_state)})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(machine, settings=settings(deadline=None, suppress_health_check=checks, **how))


def test_each_article_has_its_one_record(in_a_file: Callable[[Path], State]) -> None:
    """None is lost, repeated, brought back or left with old words: the same few examples each time."""
    run_machine(in_a_file, max_examples=4, stateful_step_count=15, derandomize=True)


@pytest.mark.slow
def test_each_article_has_its_one_record_for_long(in_a_file: Callable[[Path], State]) -> None:
    """The same, with many examples that are others each time."""
    run_machine(in_a_file, max_examples=100, stateful_step_count=20)


@pytest.mark.slow
def test_each_article_has_its_one_record_on_postgresql(empty_database: EmptyState) -> None:
    """The same, where a process that ends leaves its leases to end by themselves."""
    run_machine(lambda _: empty_database.emptied(), max_examples=30, stateful_step_count=15)
