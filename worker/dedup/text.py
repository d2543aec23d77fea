"""Hashes of texts, over what a reader would call the same words.

All of them are pinned in the tests: a hash that moves with a release would give every article a second record. A new
way to hash gets a new number in its prefix instead, and never by itself makes an update.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from worker.model import Article, Entry, Millis

KEY_BYTES = 16
SAME_BYTES = 8
"""Of a key that is compared with one other alone, and under which nothing is looked for."""
MIN_WORDS = 50
"""Shorter texts ("Sign in to read on") are the same by chance, and go by key and URL alone."""

# A Han ideograph or a kana stands for a word of its own.
_IDEOGRAPH = (
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs, viramas and points belong to their word, though no \w: without them Hindi falls to pieces.
_MARKS = "".join(chr(code) for code in range(0x300, 0x3100) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\W_{_IDEOGRAPH}]+(?:[{_MARKS}]+[^\W_{_IDEOGRAPH}]*)*")
_UNPARTED = re.compile("[\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1780-\u17d3]+")
_LONG = 1_000  # characters of a text whose words are kept until the next one
_PER_WORD = 5  # characters, vowel signs among them; a dictionary would say 4 to 6, and costs megabytes
# Soft hyphens, zero-width spaces and joiners, direction marks, variation selectors: they split words for no reader.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
# Normalisation sorts a run of marks in quadratic time: 160 KB of them took 15 s. A reader sees no more than a few.
_MOST_MARKS = 64
_FLOOD = re.compile(rf"[^\w\s]{{{_MOST_MARKS + 1},}}")
_TWO_MARKS = re.compile(r"[^\w\s]{2}")
# Of ASCII, in one case, all but letters and digits. With ideographs and marks out of sight, words are a simple pattern:
# each is some five times as fast as the whole of it.
_BETWEEN = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
_SIMPLE_WORD = re.compile(r"[^\W_]+")
_NOT_SIMPLE = re.compile(f"[{_IDEOGRAPH}{_MARKS}]")


def words(text: str) -> list[str]:
    """The words of a text in one case and one Unicode form (NFKC), without punctuation."""
    return list(_last(text)) if len(text) >= _LONG else _split(text)


def _split(text: str) -> list[str]:
    if text.isascii():
        return text.lower().translate(_BETWEEN).split()
    text = _in_form("NFKC", text).casefold()
    return (_WORD if _NOT_SIMPLE.search(text) else _SIMPLE_WORD).findall(text)


@functools.lru_cache(maxsize=1)
def _last(text: str) -> tuple[str, ...]:
    """An article's hashes, sketch and word count are made of the same words, one after the other."""
    return tuple(_split(text))


def word_count(text: str) -> int:
    """How many words a text has; each ideograph and kana counts as one.

    Of Thai, Lao, Burmese and Khmer, which part phrases and not words, it is an estimate to some 30 %: enough to tell an
    article from a teaser.
    """
    runs = [] if text.isascii() else _UNPARTED.findall(text)
    estimated = sum(max(1, round(len(run) / _PER_WORD)) for run in runs if _WORD.search(run))
    return len(words(_UNPARTED.sub(" ", text) if runs else text)) + estimated


def content_hash(text: str) -> str:
    """`sha256-1:` and 64 hex digits over the words of a text: equal for texts that differ in markup, case, spaces or
    punctuation alone. The hash of a text without words is that of the empty one."""
    return "sha256-1:" + hashlib.sha256(" ".join(words(text)).encode()).hexdigest()


def text_key(text: str, min_words: int = MIN_WORDS) -> bytes | None:
    """The content hash as 16 bytes, where the text is long enough to identify an article; else None."""
    found = words(text)
    if len(found) < min_words and word_count(text) < min_words:
        return None
    return hashlib.sha256(" ".join(found).encode()).digest()[:KEY_BYTES]


def key_of_hash(content_hash: str) -> bytes:
    """The `text_key` of a text whose content hash is known, if it is long enough."""
    return bytes.fromhex(content_hash.partition(":")[2])[:KEY_BYTES]


def title_key(title: str | None) -> bytes:
    """8 bytes over the words of a title; empty where there are none."""
    found = words(title or "")
    return hashlib.blake2b(" ".join(found).encode(), digest_size=8).digest() if found else b""


def revision_key(article: Article) -> bytes:
    """8 bytes over what makes another revision of an article: title, text, authors and date of publication.

    White space does not count, punctuation does: "1.000" to "1,000" is a correction. `date_modified` does not: a
    date that moves while the words stay says nothing, and many sites move it with each view.
    """
    return _joined(
        article.title or "",
        article.text,
        "; ".join(author.name for author in article.authors),
        str(article.published or ""),
    )


def hashed_key(title: str | None, content_hash: str, authors: Iterable[str], published: Millis | None) -> bytes:
    """`revision_key`, with the text's hash for the text: for an article of which no more is known."""
    return _joined(title or "", content_hash, "; ".join(authors), str(published or ""))


def version_key(entry: Entry) -> bytes:
    """8 bytes over what a feed says of an entry. Another one means that the article may have changed.

    Markup and white space do not count, nor do tags, images, attachments and the links in the text: feeds sign,
    rotate and count in them.
    """
    return _joined(
        entry.title or "",
        _without_markup(entry.summary),
        _without_markup(entry.content),
        "; ".join(author.name for author in entry.authors),
        str(entry.published or ""),
        str(entry.updated or ""),
    )


def _without_markup(html: str | None) -> str:
    """Text enough to compare by; linear in the length, where a pattern for tags is not on a flood of `<`."""
    if not html:
        return ""
    first, *opened = html.split("<")
    # What no ">" follows is no tag: "a < b".
    return first + " ".join(after.partition(">")[2] if ">" in after else after for after in opened)


def _in_form(form: Literal["NFC", "NFKC"], text: str) -> str:
    text = text if text.isascii() else _INVISIBLE.sub("", text)
    # Of so many marks in a row every 32nd character shows two: the rest need not be looked at.
    if _TWO_MARKS.search(text[:: _MOST_MARKS // 2]):
        text = _FLOOD.sub(_first_marks, text)
    return text if text.isascii() else unicodedata.normalize(form, text)


def _first_marks(flood: re.Match[str]) -> str:
    return flood[0][:_MOST_MARKS]


def _joined(*parts: str) -> bytes:
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in parts:
        # A field's length goes before it, so that no text can run over from one field into the next.
        data = " ".join(_in_form("NFC", part).split()).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()[:SAME_BYTES]
