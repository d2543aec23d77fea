"""Hashes of texts. Their values are pinned: one that moves would give every article a second record."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.dedup import content_hash, folded, revision_key, text_key, title_key, undated_key, version_key, word_count
from worker.dedup.words import by_pattern, in_form, lines_of_words, words
from worker.model import Article, Attachment, Author, Entry, Millis

WORDS_50 = " ".join(f"word{number}" for number in range(50))
UNPARTED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Of scripts whose words are estimated."""
ARTICLE = Article(
    extraction="ok",
    title="A title",
    text="First line.\nSecond line: 1.000 words.",
    authors=(Author(name="Ann"), Author(name="Bob", url="http://b.example/")),
    published=Millis(1_700_000_000_000),
)
ENTRY = Entry(
    guid="g",
    url="http://a.example/1",
    title="A title",
    summary="<p>A <b>short</b> text.</p>",
    content="<p>A longer text.</p>",
    authors=(Author(name="Ann"),),
    published=Millis(1_700_000_000_000),
    updated=Millis(1_700_000_001_000),
)
PINNED = {
    "content_hash": "sha256-1:27e3526f0b55c85720b0936f07274d3bc35cbc56d0ea74481777ef769e5c99a9",
    "text_key": "8477d1a52b57220ca8f43f96a37f81cf",
    "title_key": "a4f09afd2d",
    "revision_key": "7ff84f4761",
    "undated_key": "b3f928029f",
    "version_key": "d7b4f71e48",
    "revision_key of nothing": "ff0f22492f",
    "version_key of nothing": "87b774e863",
}
LATIN = bytes(range(256)).decode("cp1252", "ignore")
WESTERN = st.text(alphabet=st.sampled_from(LATIN), max_size=64)
NEARLY_WESTERN = st.text(alphabet=st.sampled_from(LATIN) | st.characters(categories=["S", "P", "C", "Z", "M"]))
TEXTS = st.text(alphabet=st.characters() | st.sampled_from("aB ßİ字か・़́ि।\u00ad\u200d\ufe0f\ud800_-–—<>&"))


def test_the_hashes_are_pinned() -> None:
    """No release gives a text another hash than the first one did."""
    assert content_hash("") == "sha256-1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert content_hash("Grüße, 世界! हिन्दी।") == PINNED["content_hash"]
    assert text_key(WORDS_50) == bytes.fromhex(PINNED["text_key"])
    assert title_key("Grüße, 世界!") == bytes.fromhex(PINNED["title_key"])
    assert revision_key(ARTICLE) == bytes.fromhex(PINNED["revision_key"])
    assert undated_key(ARTICLE) == undated_key(replace(ARTICLE, published=None)) == bytes.fromhex(PINNED["undated_key"])
    assert version_key(ENTRY) == bytes.fromhex(PINNED["version_key"])
    assert revision_key(Article(extraction="failed")) == bytes.fromhex(PINNED["revision_key of nothing"])
    assert version_key(Entry()) == bytes.fromhex(PINNED["version_key of nothing"])


SAME_WORDS = {
    "case": ("Hello World", "hello WORLD"),
    "case of a sharp s": ("STRASSE", "straße"),
    "case of a final sigma": ("ΟΔΟΣ", "οδος"),
    "spaces": ("a b", " a\t\n\u00a0 b "),
    "punctuation": ("Hello, world!", "Hello – world …"),
    "quotation marks and apostrophes": ("“don’t”", '"don\'t"'),
    "an acute accent for an apostrophe": ("don´t", "don't"),
    "underscores of Markdown": ("_a_ __b__", "a b"),
    "composed and decomposed letters": ("é", "e\u0301"),
    "ligatures and full width": ("ﬁrst １", "first 1"),
    "soft hyphens": ("ex\u00adample", "example"),
    "zero-width spaces and joiners": ("ex\u200bam\u200dple\ufeff", "example"),
    "direction marks and isolates": ("\u200fa\u2068b\u2069\u061c", "ab"),
    "variation selectors": ("1\ufe0f\u20e3", "1"),
    "a Hindi full stop": ("हिन्दी।", "हिन्दी"),
    "a Hebrew hyphen": ("בית־ספר", "בית ספר"),
    "a Burmese full stop": ("မြန်မာ။", "မြန်မာ"),
    "a Tibetan syllable mark": ("བོད་ཡིག", "བོད ཡིག"),
    "a Japanese middle dot": ("ジョン・スミス", "ジョンスミス"),
    "ideographic punctuation": ("世界、今日。", "世界今日"),
    "half-width kana": ("ｶﾞ", "ガ"),
}

OTHER_WORDS = {
    "another word": ("a b", "a c"),
    "another order": ("a b", "b a"),
    "one word for two": ("ab", "a b"),
    "a vowel sign in Hindi": ("कि", "की"),
    "a point in Arabic": ("كَتب", "كُتب"),
    "a vowel in Dhivehi": ("ހުޅު", "ހަޅު"),
    "an accent": ("resume", "résumé"),
    "a voiced kana": ("か", "が"),
    "a rare ideograph": ("𠮷", "吉"),
}


@pytest.mark.parametrize(("one", "other"), SAME_WORDS.values(), ids=SAME_WORDS.keys())
def test_texts_of_the_same_words_have_one_hash(one: str, other: str) -> None:
    """What a reader would not call a difference makes none."""
    assert content_hash(one) == content_hash(other)
    assert title_key(one) == title_key(other)


@pytest.mark.parametrize(("one", "other"), OTHER_WORDS.values(), ids=OTHER_WORDS.keys())
def test_texts_of_other_words_have_other_hashes(one: str, other: str) -> None:
    """What a reader would call another word is one."""
    assert content_hash(one) != content_hash(other)
    assert title_key(one) != title_key(other)


COUNTS = {
    "nothing": ("", 0),
    "punctuation": ("… – _ !?", 0),
    "English": ("It's a well-known fact, isn't it?", 9),
    "Japanese: each kanji and kana": ("東京で、メッセージ。", 8),
    "Chinese": ("世界，你好！", 4),
    "two rare ideographs": ("𠮷𠮷", 2),
    "Hindi: vowel signs stay in the word": ("हिन्दी में लिखा हुआ।", 4),
    "Arabic, with and without points": ("كَتَبَ الولد الدرسَ", 3),
    "Korean": ("안녕하세요 세계", 2),
    "Tamil": ("தமிழ் மொழி", 2),
    "an enclosed digit": ("1\ufe0f\u20e3 2", 2),
}


@pytest.mark.parametrize(("text", "count"), COUNTS.values(), ids=COUNTS.keys())
def test_words_are_counted_as_their_script_writes_them(text: str, count: int) -> None:
    """Words between spaces; each ideograph and kana is one."""
    assert word_count(text) == count


def test_a_short_text_identifies_nothing() -> None:
    """49 words are the same by chance, 50 are not."""
    assert text_key(WORDS_50) is not None
    assert text_key(WORDS_50.rpartition(" ")[0]) is None
    assert text_key("字" * 49) is None
    assert text_key("字" * 50) is not None


def test_the_key_of_a_text_is_its_content_hash() -> None:
    """One can be told from the other."""
    key = text_key(WORDS_50)
    assert key is not None
    assert content_hash(WORDS_50) == f"sha256-1:{key.hex()}" + content_hash(WORDS_50)[-32:]


def test_a_title_without_words_has_no_key() -> None:
    """Titles that are missing, or say nothing, agree with none."""
    assert title_key(None) == title_key("") == title_key("– 🎉 –") == b""
    assert len(title_key("a")) == 5


def test_marks_without_a_letter_are_no_word() -> None:
    """Also in scripts whose words are estimated by their length."""
    assert word_count("\u17b4") == len(words("\u17b4")) == 0
    assert word_count("\u1780\u17b4") == 1


@given(WESTERN | NEARLY_WESTERN | TEXTS)
@example("—" * 70 + "™")
@example("a→b \u200b→ a\u200bb 😂\ufe0f e\u0301 →\u0301x Ⓐ x\u20dd ﹙a﹚ K ½⅓ あa\n↩ \u2028")
@example("3½ µm ™ ß ´a x´ don´t ¨ \u00ad a\u00adb_c …\x1f\x85")
def test_what_is_quick_with_latin_letters_finds_the_same_words(text: str) -> None:
    assert words(text) == by_pattern(text)
    assert list(lines_of_words(text)) == [" ".join(by_pattern(line)) for line in text.split("\n")]


@given(WESTERN | TEXTS)
@example(" a b ")
def test_white_space_is_folded_as_by_a_split(text: str) -> None:
    assert folded(text) == " ".join(text.split())


@given(WESTERN)
def test_what_has_latin_letters_alone_is_composed(text: str) -> None:
    assert in_form("NFC", text) == unicodedata.normalize("NFC", text.replace("\u00ad", ""))


@given(TEXTS)
def test_any_text_can_be_hashed(text: str) -> None:
    """No text breaks a hash, whatever it is made of, lone surrogates included."""
    assert content_hash(text).startswith("sha256-1:")
    if not UNPARTED.search(text):
        assert len(words(text)) == word_count(text)
    assert len(revision_key(replace(ARTICLE, text=text, title=text, authors=(Author(name=text),)))) == 5
    assert len(version_key(Entry(title=text, summary=text, content=text))) == 5


@given(TEXTS)
def test_forms_of_unicode_make_no_difference(text: str) -> None:
    """The same text, composed or decomposed, has the same words."""
    assert words(unicodedata.normalize("NFD", text)) == words(text) == words(unicodedata.normalize("NFC", text))


def test_a_flood_of_marks_is_cut() -> None:
    """More marks than a reader could see make no difference; sorting them would take quadratic time."""
    assert words("a" + "\u0316\u0301" * 1000 + "b") == words("a" + "\u0316\u0301" * 2000 + "b")
    assert words("a" + "\u0316\u0301" * 10) != words("a" + "\u0316\u0301" * 9)


SAME_REVISION = {
    "white space": {"text": " First  line.\u00a0Second\nline: 1.000 words. "},
    "soft hyphens": {"text": "First line.\nSec\u00adond line: 1.000 words."},
    "the time of change, which moves by itself": {"modified": Millis(1)},
    "tags": {"tags": ("a",)},
    "an image": {"image": "http://a.example/i.png"},
    "an author's page": {"authors": (Author(name="Ann", url="http://a.example/"), Author(name="Bob"))},
    "the version of the extractor": {"extractor": "other-2.0"},
}
OTHER_REVISION = {
    "the title": {"title": "Another title"},
    "the case of the title": {"title": "A Title"},
    "a word": {"text": "First line.\nSecond line: 1.000 word."},
    "punctuation, which may be a correction": {"text": "First line.\nSecond line: 1,000 words."},
    "an author": {"authors": (Author(name="Ann"),)},
    "the order of authors": {"authors": (Author(name="Bob"), Author(name="Ann"))},
    "the date": {"published": Millis(1_700_000_000_001)},
    "no date": {"published": None},
    "a word that moves from the title to the text": {
        "title": "A",
        "text": "title First line.\nSecond line: 1.000 words.",
    },
}


@pytest.mark.parametrize("change", SAME_REVISION.values(), ids=SAME_REVISION.keys())
def test_noise_makes_no_revision(change: dict[str, object]) -> None:
    """What says nothing new to a reader makes no update."""
    assert revision_key(replace(ARTICLE, **change)) == revision_key(ARTICLE)


@pytest.mark.parametrize("change", OTHER_REVISION.values(), ids=OTHER_REVISION.keys())
def test_a_correction_makes_a_revision(change: dict[str, object]) -> None:
    """Title, text, authors and date of publication each make an update."""
    assert revision_key(replace(ARTICLE, **change)) != revision_key(ARTICLE)


SAME_VERSION = {
    "tags of HTML": {"summary": "<div class='x'>A <em>short</em> text.</div>"},
    "attributes that are signed or rotated": {"content": "<p id='r4nd0m'>A longer text.</p><img src='?sig=1'>"},
    "white space": {"content": "<p>\n\tA  longer\ntext.\n</p>"},
    "tags": {"tags": ("a",)},
    "an image": {"image": "http://a.example/i.png"},
    "attachments": {"attachments": (Attachment(url="http://a.example/a.mp3", mime_type="audio/mpeg"),)},
    "the guid": {"guid": "h"},
    "the link": {"url": "http://a.example/2"},
}
OTHER_VERSION = {
    "the title": {"title": "Another title"},
    "a word of the summary": {"summary": "<p>A <b>shorter</b> text.</p>"},
    "a word of the content": {"content": "<p>Another text.</p>"},
    "no content": {"content": None},
    "content for summary": {"summary": ENTRY.content, "content": ENTRY.summary},
    "the time of change": {"updated": Millis(1)},
    "the date": {"published": None},
    "an author": {"authors": ()},
}


@pytest.mark.parametrize("change", SAME_VERSION.values(), ids=SAME_VERSION.keys())
def test_markup_makes_no_version_of_an_entry(change: dict[str, object]) -> None:
    """A feed that signs, rotates and counts has not said anything else."""
    assert version_key(replace(ENTRY, **change)) == version_key(ENTRY)


@pytest.mark.parametrize("change", OTHER_VERSION.values(), ids=OTHER_VERSION.keys())
def test_other_words_make_a_version_of_an_entry(change: dict[str, object]) -> None:
    """What may mean that the article has changed is seen."""
    assert version_key(replace(ENTRY, **change)) != version_key(ENTRY)


def test_what_follows_a_lone_bracket_still_counts() -> None:
    """A "<" that opens no tag hides none of what comes after it."""
    assert version_key(Entry(summary="if a < b then 1")) != version_key(Entry(summary="if a < b then 2"))
    assert version_key(Entry(summary="a<b>x</b>")) == version_key(Entry(summary="a<i>x</i>"))


@given(st.text(alphabet="<>a b\n"))
@example("a<b>c<i >d<e")
def test_markup_is_what_a_pattern_calls_a_tag(html: str) -> None:
    """Each has a space in its place, but the first."""
    first, opened, rest = html.partition("<")
    said = first + re.sub("<(?:[^<>]*>)?", " ", opened + rest)[1:]
    assert version_key(Entry(summary=html)) == version_key(Entry(summary=said))


@given(st.integers(0, 70), st.integers(60, 140), st.sampled_from("!=\u3002"))
def test_a_flood_is_cut_wherever_it_stands(before: int, marks: int, mark: str) -> None:
    """To 64 marks: as many as that say no more than more of them, and one less says something else."""
    text = "a" * before + mark * marks + "b"
    cut = "a" * before + mark * min(marks, 64) + "b"
    assert revision_key(replace(ARTICLE, text=text)) == revision_key(replace(ARTICLE, text=cut))
    if marks < 64:
        longer = "a" * before + mark * (marks + 1) + "b"
        assert revision_key(replace(ARTICLE, text=text)) != revision_key(replace(ARTICLE, text=longer))


@given(st.text(alphabet=st.sampled_from("aB3_ -.'\u00e9\u00df\u0130\u0301\u0939\u093f\u4e2d\u3042\u0e01\u00aa\u2460")))
def test_words_are_the_same_however_they_are_found(text: str) -> None:
    """Simple texts are taken apart in a simpler way: beside an ideograph, which is a word of its own, they are not."""
    assert words(f"{text} 中") == [*words(text), "中"]
