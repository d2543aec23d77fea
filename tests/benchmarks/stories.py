"""Near-duplicates measured: `python -m tests.benchmarks.stories` makes copies of the corpus' articles, has them found
among all of these, and prints what was found; with `index [SIZES]` it measures the index.

Articles are the gold texts of the corpus' pages, or else what feedmill extracts from them, and what its feeds carry, of
100 words at least; each of them once. Of every one, each maker of `copies.py` makes a copy, which is looked for in the
way of the store: filed under four probes, looked up under all of its own. It is found where it is taken for a copy of
its article, or of one that says the same. Wrong is whatever else is taken for a copy; articles and forms filled in anew
are all compared with each other for that, whether a look-up leads there or not.

Thresholds were chosen on one half of the sites; the table is of the other.

    823 articles of 284 sites, 348,153 pairs that are no copies

    reprint      1.0000 found
    headline     1.0000 found
    truncated    1.0000 found
    halved       0.9927 found
    edited       0.9976 found
    abridged     0.8153 found
    precision    1.0000: 4778 right, 0 wrong
    another article with 30% of the text taken for a copy: 0.0000
    another article with 40% of the text taken for a copy: 0.0049
    another article with 50% of the text taken for a copy: 0.0097
    another article with 60% of the text taken for a copy: 0.0960

          10,000 articles: 144 bytes each; CPU of a look-up: new 51 µs, copy 106 µs
         100,000 articles: 130 bytes each; CPU of a look-up: new 65 µs, copy 119 µs
       1,000,000 articles: 130 bytes each; CPU of a look-up: new 94 µs, copy 194 µs
      10,000,000 articles: 126 bytes each; CPU of a look-up: new 145 µs, copy 210 µs

All of it beside other work on two cores. A look-up asks for as many rows at any size; it costs more once the index is
larger than SQLite's cache, and each of its pages is read from the system's.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection
from sqlalchemy import text as sql

from tests.benchmarks.copies import COPIES, TEMPLATES, sharing
from tests.corpus import CORPUS
from worker import articles, dedup, feeds
from worker.articles import feed as feed_content
from worker.dedup import Ref
from worker.dedup.sketch import MIN_CONTAINMENT, MIN_RESEMBLANCE
from worker.model import EntryId, FeedId, Millis, NotAFeed, Sketch
from worker.store.database.opening import open_database
from worker.store.known import stories


@dataclass(frozen=True)
class Text:
    name: str
    site: str
    lines: Sequence[str]
    sketch: Sketch


def corpus() -> Iterator[Text]:
    """Each article once."""
    seen: set[str] = set()
    for name, site, text in (*_pages(), *_feeds()):
        sketch = dedup.sketch(text)
        digest = dedup.content_hash(text)
        if sketch is not None and len(dedup.words(text)) >= 100 and digest not in seen:
            seen.add(digest)
            yield Text(name, site, text.split("\n"), sketch)


def _pages() -> Iterator[tuple[str, str, str]]:
    for line in (CORPUS / "pages.jsonl").open():
        page = json.loads(line)
        if "." not in page["site"]:
            continue  # pages of tests, with one placeholder text
        text = page["gold"].get("text")
        if not text:
            body = gzip.decompress((CORPUS / "pages" / Path(page["file"]).name).read_bytes())
            text = articles.from_page(body, url=page["url"], content_type=page["content_type"], entry=None).text
        yield page["id"], page["site"].removeprefix("www."), text


def _feeds() -> Iterator[tuple[str, str, str]]:
    for file in sorted((CORPUS / "feeds").glob("*.gz")):
        body = gzip.decompress(file.read_bytes())
        parsed = feeds.parse(body, url="https://x.example/", content_type=None, known=frozenset(), now=Millis(0))
        if not isinstance(parsed, NotAFeed):
            for entry in parsed.entries:
                yield f"{file.name} {entry.guid or entry.url}", file.name, feed_content.text(entry)


def half(site: str) -> int:
    """0 or 1, by chance but always the same."""
    return hashlib.md5(site.encode(), usedforsecurity=False).digest()[0] & 1


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


NOBODY = Ref(
    entry_id=EntryId(-1),
    feed_id=FeedId(""),
    title_key=b"",
    revision=0,
    revision_key=b"",
    text_mark=None,
    duplicate_of=None,
)


IN_ORDER = 1_000_000


class Index:
    """Who is filed under which probe, as the store has it."""

    def __init__(self) -> None:
        self._held: dict[int, Text] = {}

    def candidates(self, sketch: Sketch) -> list[Text]:
        found = {id(text): text for probe in sketch.probes if (text := self._held.get(probe))}
        return list(found.values())

    def file(self, text: Text) -> None:
        for probe in [probe for probe in text.sketch.probes if probe not in self._held][: stories.FILED]:
            self._held[probe] = text


def likest(sketch: Sketch, site: str, among: Sequence[Text]) -> Text | None:
    """The one that a text is taken for a copy of."""
    found = [(dedup.common(sketch, other.sketch), other) for other in among]
    copies = [(both.resemblance, other.name, other) for both, other in found if is_copy(both, site == other.site)]
    return max(copies)[2] if copies else None


def is_copy(both: dedup.Common, same_site: bool) -> bool:
    return dedup.is_copy(both, same_feed=same_site)


def real_resemblance(a: Sequence[str], b: Sequence[str]) -> float:
    """Of the sets of shingles themselves."""
    one, other = (
        {tuple(words[n : n + 5]) for n in range(len(words) - 4)}
        for words in (dedup.words("\n".join(a)), dedup.words("\n".join(b)))
    )
    return len(one & other) / len(one | other)


def measure(texts: Sequence[Text]) -> None:
    index = Index()
    for text in texts:
        index.file(text)
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for text in texts:
        for kind, maker in COPIES.items():
            sketch = dedup.sketch("\n".join(maker(text.lines, random.Random(f"{kind} {text.name}"))))
            if sketch is None:
                continue
            of = likest(sketch, "elsewhere", index.candidates(sketch))
            alike = of is not None and (of is text or real_resemblance(of.lines, text.lines) > 0.5)
            found[kind] += alike
            if of is not None and not alike:
                wrong.append(f"{kind} of {text.name}: taken for {of.name}")
    pairs = 0
    for a, b in combinations(texts, 2):
        pairs += 1
        if is_copy(dedup.common(a.sketch, b.sketch), a.site == b.site):
            if real_resemblance(a.lines, b.lines) > 0.8:
                found["(repeated in the corpus)"] += 1
            else:
                wrong.append(f"{a.name} and {b.name}")
    for kind, form in TEMPLATES.items():
        made = [dedup.sketch("\n".join(form(random.Random(f"{kind} {n}")))) for n in range(100)]
        sketches = [sketch for sketch in made if sketch]
        pairs += len(sketches) * (len(sketches) - 1) // 2
        wrong += [kind for a, b in combinations(sketches, 2) if is_copy(dedup.common(a, b), False)]
    say(f"{len(texts)} articles of {len({text.site for text in texts})} sites, {pairs:,} pairs that are no copies\n")
    for kind in COPIES:
        say(f"    {kind:<12} {found[kind] / len(texts):.4f} found")
    right = sum(found.values())
    say(f"    precision    {right / (right + len(wrong)):.4f}: {right} right, {len(wrong)} wrong")
    for line in wrong[:20]:
        say(f"      {line}")
    for share in (0.3, 0.4, 0.5, 0.6):
        others = [(text, texts[n - 7]) for n, text in enumerate(texts)]
        made = [dedup.sketch("\n".join(sharing(text.lines, other.lines, share))) for text, other in others]
        taken = sum(
            sketch is not None and is_copy(dedup.common(text.sketch, sketch), False)
            for (text, _), sketch in zip(others, made, strict=True)
        )
        say(f"    another article with {share:.0%} of the text taken for a copy: {taken / len(texts):.4f}")


def measure_index(sizes: Sequence[int]) -> None:
    """Bytes an article, by the file; and look-ups of articles that nobody has the like of, and of copies."""
    chance = random.Random(1)
    for size in sizes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "state.db"
            engine = open_database(path)
            with engine.begin() as connection:
                connection.exec_driver_sql("PRAGMA cache_size = -200000")
                before = path.stat().st_size
                filed = _filled(connection, size, chance)
            with engine.begin() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                page_bytes = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
                times = {name: _timed(connection, filed, chance, copies=name == "copy") for name in ("new", "copy")}
            engine.dispose()
            bytes_each = (pages * page_bytes - before) / size
            said = ", ".join(f"{name} {us:.0f} µs" for name, us in times.items())
            say(f"{size:>12,} articles: {bytes_each:.0f} bytes each; CPU of a look-up: {said}")


def _filled(connection: Connection, size: int, chance: random.Random) -> list[tuple[int, ...]]:
    """Articles filed one by one under random probes, up to a million; more in the order of their probes, which is
    faster, and packs them closer than they are in use. Some of the probes."""
    if size > IN_ORDER:
        return _filled_in_order(connection, size, chance)
    some: list[tuple[int, ...]] = []
    step = 10_000
    raw = connection.connection.cursor()
    for start in range(0, size, step):
        sketches, shingles = [], {}
        for entry_id in range(start, min(size, start + step)):
            probes = tuple(chance.getrandbits(31) for _ in range(stories.FILED))
            if entry_id % max(1, size // 1000) == 0:
                some.append(probes)
            shingles |= dict.fromkeys(probes, entry_id)
            bins = chance.randbytes(32)
            sketches.append((entry_id, 1_798_000_000_000 + entry_id, 500, bins, b"\0" * 4 * stories.FILED))
        raw.executemany("INSERT INTO sketch VALUES (?, ?, ?, ?, ?)", sketches)
        raw.executemany("INSERT OR IGNORE INTO shingle VALUES (?, ?)", shingles.items())
    return some


def _filled_in_order(connection: Connection, size: int, chance: random.Random) -> list[tuple[int, ...]]:
    count = size * stories.FILED
    step = 2**31 // count
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) "
    shingles = "INSERT INTO shingle SELECT i * :step, (i * 7919) % :size FROM n"
    connection.execute(sql(numbers + shingles), {"count": count, "step": step, "size": size})
    sketches = "INSERT INTO sketch SELECT i, 1798000000000 + i, 500, randomblob(32), zeroblob(16) FROM n"
    connection.execute(sql(numbers + sketches), {"count": size})
    return [tuple(chance.randrange(count) * step for _ in range(stories.FILED)) for _ in range(1000)]


def _timed(connection: Connection, filed: Sequence[tuple[int, ...]], chance: random.Random, *, copies: bool) -> float:
    """Microseconds of CPU."""
    sketches = [
        Sketch(
            size=500,
            bins=chance.randbytes(32),
            probes=tuple(chance.getrandbits(31) for _ in range(12)) + (probes if copies else probes[:0]),
        )
        for probes in filed
    ]
    begun = time.process_time()
    for sketch in sketches:
        met = set(stories.holders(connection, sketch.probes).values())
        stories.kin(connection, NOBODY, sketch, met, Millis(0))
    return (time.process_time() - begun) / len(sketches) * 1e6


def main() -> None:
    if sys.argv[1:2] == ["index"]:
        measure_index([int(size) for size in sys.argv[2:]] or [10_000, 100_000, 1_000_000])
        return
    texts = list(corpus())
    begun = time.process_time()
    for text in texts[:300]:
        dedup.sketch("\n".join(text.lines))
    each = (time.process_time() - begun) / len(texts[:300]) * 1e3
    words = sum(len(dedup.words("\n".join(text.lines))) for text in texts[:300]) / len(texts[:300])
    sys.stdout.write(f"a sketch: {each:.2f} ms of CPU for {words:.0f} words; resemblance ≥ {MIN_RESEMBLANCE}, ")
    say(f"containment ≥ {MIN_CONTAINMENT}")
    measure([text for text in texts if half(text.site)])


if __name__ == "__main__":
    main()
