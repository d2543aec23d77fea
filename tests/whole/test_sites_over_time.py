"""Sites whose articles, feeds, guids and addresses change at random, for months: each article keeps its one record."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from email.utils import formatdate

import pytest

from tests.site import Site, conditional
from tests.whole.conftest import Later, Worker
from tests.whole.pages import RSS, item, rss
from worker.record import Record

SITES, STEPS = 40, 25
SETTLED_DAYS = 7
"""After this many, updates of an article that was changed again and again have come, too."""


@dataclass(frozen=True, kw_only=True)
class Article:
    number: int
    title: str
    text: str
    date: float
    in_section: bool


@dataclass(kw_only=True)
class Publisher:
    """A site with a main feed, and perhaps one of a section that goes further back, in full or in excerpts."""

    name: str
    chance: random.Random
    shown: int
    """Articles in its main feed, at most."""
    guids: str
    """opaque, permalinks, or none."""
    words: int
    section: str
    """in full, in excerpts, or none."""
    articles: list[Article] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    count: int = 0
    guid_generation: int = 0
    host: str = ""
    folder: str = ""
    tracks: bool = False
    """Whether links say which feed they are from."""
    unlisted: set[str] = field(default_factory=set)
    renamed: dict[str, int] = field(default_factory=dict)
    is_relisted: bool = False
    """Whether a feed was taken off the lists or renamed. What it showed before is then told by its links alone."""
    seen: set[int] = field(default_factory=set)
    """Articles that a listed feed has shown."""

    @property
    def feeds(self) -> list[str]:
        return ["main"] if self.section == "none" else ["main", "section"]

    def in_feed(self, feed: str) -> list[Article]:
        there = [one for one in self.articles if one.number not in self.hidden]
        if feed == "main":
            return there[: self.shown]
        return [one for one in there if one.in_section][: 2 * self.shown]

    def text(self) -> str:
        return " ".join(self.chance.choices(VOCABULARY, k=self.words))

    # --- what may happen ---

    def write(self, today: float) -> None:
        self.count += 1
        title = f"{self.name}-{self.count}. {self.text()[:30]}"
        new = Article(
            number=self.count,
            title=title,
            text=self.text(),
            date=today,
            in_section=self.chance.random() < 0.5,
        )
        self.articles.insert(0, new)

    def edit(self, _: float) -> None:
        at = self.chance.randrange(len(self.articles))
        was = self.articles[at]
        first, *others = was.text.split()
        how = self.chance.choice(["title", "text", "date"])
        changes = {
            "title": {"title": f"{self.name}-{was.number}. {self.text()[:30]}"},
            "text": {"text": " ".join([*others, first])},
            "date": {"date": was.date + 0.1},
        }
        self.articles[at] = replace(was, **changes[how])  # type: ignore[arg-type]  # by its name

    def hide(self, _: float) -> None:
        self.hidden.add(self.chance.choice(self.articles).number)

    def show(self, _: float) -> None:
        self.hidden.clear()

    def push_up(self, _: float) -> None:
        self.articles.insert(0, self.articles.pop(self.chance.randrange(len(self.articles))))

    def track(self, _: float) -> None:
        self.tracks = not self.tracks

    def move(self, _: float) -> None:
        """To another host or folder: all links change, and with them guids that are links."""
        if self.is_relisted:
            return
        self.forget_old()
        if self.chance.random() < 0.5:
            self.host = self.chance.choice(["", "www.", "news."])
        else:
            self.folder = f"/{self.chance.randrange(100)}"

    def give_new_guids(self, _: float) -> None:
        if self.guids == "opaque" and not self.is_relisted:
            self.forget_old()
            self.guid_generation += 1

    def forget_old(self) -> None:
        """What no feed shows while links, guids or ids change can't be known again."""
        there = {one.number for feed in self.feeds for one in self.in_feed(feed)}
        self.articles = [one for one in self.articles if one.number in there]
        self.hidden.clear()

    def list_or_not(self, _: float) -> None:
        self.is_relisted = True
        self.unlisted ^= {self.chance.choice(self.feeds)}

    def rename(self, _: float) -> None:
        self.forget_old()
        self.is_relisted = True
        feed = self.chance.choice(self.feeds)
        self.renamed[feed] = self.renamed.get(feed, 0) + 1

    def step(self, today: float) -> bool:
        """A few edits, or one thing that changes links, guids or the lists; whether it was edits."""
        editing = [self.write, self.write, self.edit, self.edit, self.hide, self.show, self.push_up, self.track]
        seldom = [self.move, self.give_new_guids, self.list_or_not, self.rename]
        edits = self.chance.random() < 0.75
        happening = self.chance.choices(editing, k=self.chance.randrange(4)) if edits else [self.chance.choice(seldom)]
        for change in happening:
            change(today)
        return edits

    # --- what is served ---

    def serve(self, site: Site, *, cut: bool) -> None:
        """cut: the document of one feed ends too early, this time."""
        broken = self.chance.choice(self.feeds) if cut else None
        for feed in self.feeds:
            there = self.in_feed(feed)
            body = rss(*(self._item(site, one, feed) for one in there))
            if feed == broken:
                body = body[: self.chance.randrange(100, len(body))] if len(body) > 100 else body
            elif feed not in self.unlisted:
                self.seen |= {one.number for one in there}
            site.add(self.name, f"/{feed}", conditional(body, content_type=RSS, etag=f'"{hash(body)}"'))

    def _item(self, site: Site, one: Article, feed: str) -> str:
        link = site.url(self.host + self.name, f"{self.folder}/{one.number}")
        guid = {"opaque": f"{self.name} {self.guid_generation} {one.number}", "permalinks": link, "none": None}[
            self.guids
        ]
        excerpt = feed == "section" and self.section == "in excerpts"
        text = " ".join(one.text.split()[:20]) if excerpt else one.text
        tracked = f"{link}?utm_source={feed}" if self.tracks else link
        return item(guid, tracked, one.title, text, formatdate(one.date * 86_400))

    def listed(self, site: Site) -> list[dict[str, str]]:
        feeds = [feed for feed in self.feeds if feed not in self.unlisted]
        return [
            {
                "id": f"{self.name}-{feed}-{self.renamed.get(feed, 0)}",
                "url": site.url(self.name, f"/{feed}"),
                "full_text": "never",
            }
            for feed in feeds
        ]


VOCABULARY = [
    a + b + c for a in ("ka", "lo", "mi", "ru", "se", "to", "va") for b in "nrlstmd" for c in ("a", "ing", "us")
]
START = 20_700.0
"""The day on which all begins, since 1970."""


def publisher(name: str, chance: random.Random) -> Publisher:
    made = Publisher(
        name=name,
        chance=random.Random(chance.random()),
        shown=chance.choice([5, 10, 20]),
        guids=chance.choice(["opaque", "permalinks", "none"]),
        words=chance.choice([30, 80, 150]),
        section=chance.choice(["in full", "in excerpts", "none"]),
    )
    for _ in range(chance.randrange(2, 6)):
        made.write(START)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 4, 7])
def test_each_article_keeps_its_one_record(site: Site, worker: Worker, later: Later, seed: int) -> None:
    """None is lost or repeated, the newest words of each are there in the end, and a web at rest brings nothing."""
    chance = random.Random(seed)
    publishers = [publisher(f"site{number}", chance) for number in range(SITES)]
    days = 0.0
    for step in range(STEPS):
        for one in publishers:
            edits = step > 0 and one.step(START + days)
            one.serve(site, cut=edits and chance.random() < 0.1)
        poll(worker, site, publishers)
        for one in publishers:
            one.serve(site, cut=False)
        poll(worker, site, publishers)
        assert poll(worker, site, publishers) == 0, "a web at rest brings records"
        days += chance.choice([0.01, 0.3, 1, 3])
        later(days)
    later(days + SETTLED_DAYS)
    poll(worker, site, publishers)
    found: dict[str, dict[str, Record]] = defaultdict(dict)
    for record in worker.records():
        found[record["title"].partition(".")[0]][record["id"]] = record
    for one in publishers:
        for article in one.articles:
            records = found[f"{one.name}-{article.number}"]
            told = [(record.get("url"), record["_ingest"]["feed_id"]) for record in records.values()]
            assert len(records) == (article.number in one.seen), (one.name, one.guids, one.section, article, told)
            if not one.is_relisted and article in one.in_feed("main"):
                (record,) = records.values()
                assert (record["title"], record["content_text"]) == (article.title.strip(), article.text)


def poll(worker: Worker, site: Site, publishers: list[Publisher]) -> int:
    """How many records it brought."""
    worker.configure([feed for one in publishers for feed in one.listed(site)], dedup={"window": "1000d"})
    tally = worker.once(every=True)
    return tally.new + tally.updates
