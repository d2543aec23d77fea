"""Copies of a text are known by its sketch; other texts, and forms filled in anew, are none."""

from __future__ import annotations

import hashlib
import random
from importlib import import_module

import pytest

from tests.benchmarks.copies import COPIES, TEMPLATES, sharing
from worker.dedup import common, fingerprint, is_copy, sketch
from worker.dedup.sketch import BINS, PROBES, Common
from worker.model import Sketch

SKETCHING = import_module("worker.dedup.sketch")  # the room has a function of that name
_ENDS = ("da", "ne", "rit", "s")
WORDS = [f"{a}{b}" for a in ("bar", "ce", "dol", "fi", "gan", "hu", "ki", "lor", "me") for b in _ENDS]


PINNED = "0200008ec51065a1c01ddda48e8f31379faa89bb8085688ee4bb8aa077b343b118c205e0"
PINNED_PROBES = (1005505405, 1400835807, 644799348)


def article(seed: object, words: int = 400) -> list[str]:
    """Paragraphs of made-up prose; another seed is another article."""
    chance = random.Random(f"article {seed}")
    lines: list[str] = []
    while sum(len(line.split()) for line in lines) < words:
        sentences = (" ".join(chance.choices(WORDS, k=chance.randint(6, 16))) for _ in range(chance.randint(2, 5)))
        lines.append(" ".join(f"{sentence.capitalize()}." for sentence in sentences))
    return lines


def sketched(lines: list[str]) -> Sketch:
    made = sketch("\n".join(lines))
    assert made is not None
    return made


LONG = {
    "a long one": (article("long", words=3000), "68c1829962df4572"),
    "twice the same: nothing is said in its first half alone": (article("twice", words=1500) * 2, "ba6be942fb86072a"),
    "a long one of few shingles": (article("few", words=40) * 50, "e5985a35b89c0b62"),
}


def test_a_sketch_is_pinned() -> None:
    """One that moves with a release would tear every story of a state in two."""
    made = sketched(article("pinned", words=120))
    assert fingerprint(made) == PINNED
    assert made.probes[:3] == PINNED_PROBES


@pytest.mark.parametrize(("lines", "digest"), LONG.values(), ids=LONG.keys())
def test_sketches_of_long_texts_are_pinned(lines: list[str], digest: str) -> None:
    """Of their shingles not all are looked at, which makes no difference."""
    assert hashlib.sha256(repr(sketched(lines)).encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("few", [1, 60, 200, 600])
def test_it_makes_no_difference_how_many_shingles_are_looked_at_first(
    few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where these leave a bin empty, or are too few of the first half, it is all of them."""
    texts = [article(seed, words=700) for seed in range(8)]
    monkeypatch.setattr(SKETCHING, "_FEW", 10**9)
    expected = [sketched(lines) for lines in texts]
    monkeypatch.setattr(SKETCHING, "_FEW", few)
    assert [sketched(lines) for lines in texts] == expected


def test_a_sketch_is_small_and_bounded() -> None:
    """What is kept of a text does not grow with it; a copy is looked for under a few keys that fit 31 bits."""
    long, short = sketched(article(1, words=20_000)), sketched(article(1, words=60))
    assert len(long.bins) == len(short.bins) == BINS // 2
    assert len(long.probes) == PROBES
    assert all(0 <= probe < 2**31 for probe in (*long.probes, *short.probes))
    assert len(set(long.probes)) == len(long.probes)


@pytest.mark.parametrize("text", ["", "Sign in to read on.", " ".join(WORDS[:49])], ids=["none", "teaser", "49 words"])
def test_short_texts_have_none(text: str) -> None:
    """They are alike by chance."""
    assert sketch(text) is None


def test_text_that_repeats_itself_is_no_trouble() -> None:
    """One shingle, most bins empty: equal to itself, unlike others."""
    drone = sketched(["knock " * 80])
    assert drone.size == 1
    assert common(drone, drone) == Common(1.0, 1.0)
    assert not is_copy(common(drone, sketched(article(1))), same_feed=False)


def test_markup_case_and_punctuation_do_not_count() -> None:
    """As in the content hash."""
    lines = article(2)
    assert sketched(lines) == sketched([line.upper().replace(".", " — ") for line in lines])


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_known(kind: str) -> None:
    """Of twenty articles, each in a made-up reprint, truncation, edit …: those on the corpus are a benchmark."""
    met = 0
    for seed in range(20):
        text = article(seed)
        copy = sketched(COPIES[kind](text, random.Random(f"{kind} {seed}")))
        found = not set(sketched(text).probes[:4]).isdisjoint(copy.probes)
        met += found and is_copy(common(sketched(text), copy), same_feed=False)
    assert met >= (12 if kind == "abridged" else 19)


def test_articles_on_one_event_are_told_apart() -> None:
    """Two in five words are an agency's in both; the rest each wrote itself."""
    for seed in range(20):
        other = sketched(sharing(article(seed), article(f"other {seed}"), 0.4))
        assert not is_copy(common(sketched(article(seed)), other), same_feed=False)


@pytest.mark.parametrize("kind", TEMPLATES)
def test_forms_filled_in_anew_are_told_apart(kind: str) -> None:
    """Wherever they stand."""
    made = [sketched(TEMPLATES[kind](random.Random(f"{kind} {seed}"))) for seed in range(15)]
    pairs = ((a, b) for place, a in enumerate(made) for b in made[:place])
    assert not any(is_copy(common(a, b), same_feed=False) for a, b in pairs)


def test_a_short_quotation_makes_no_copy() -> None:
    """All of the one is in the other, and is a tenth of it."""
    note, essay = article("note", words=60), article("essay", words=900)
    both = common(sketched(note), sketched([*essay[:3], *note, *essay[3:]]))
    assert not is_copy(both, same_feed=False)


@pytest.mark.parametrize(
    ("resemblance", "containment", "same_feed", "expected"),
    [
        pytest.param(0.4, 0.9, False, True, id="cut to a half"),
        pytest.param(0.4, 0.9, True, False, id="a form, in one feed"),
        pytest.param(0.9, 0.95, True, True, id="hardly changed, in one feed"),
        pytest.param(0.5, 0.66, False, False, id="a shared half"),
        pytest.param(0.1, 1.0, False, False, id="a quotation"),
    ],
)
def test_decisions(resemblance: float, containment: float, same_feed: bool, expected: bool) -> None:
    """Thresholds and what they stand for."""
    assert is_copy(Common(resemblance, containment), same_feed=same_feed) is expected


def test_scripts_without_spaces_have_sketches() -> None:
    """Each ideograph is a word there."""
    chance = random.Random(1)
    text = "".join(chr(chance.randint(0x4E00, 0x4FFF)) for _ in range(300))
    whole, half = sketch(text), sketch(text[:170])
    assert whole
    assert half
    assert is_copy(common(whole, half), same_feed=False)
