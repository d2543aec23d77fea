"""The words of a text, normalised as far as a reader would call them the same. Pinned, because hashes are made of
them."""

from __future__ import annotations

import codecs
import functools
import re
import unicodedata
from typing import Literal, NamedTuple

# Each Han ideograph or kana counts as a word.
_IDEOGRAPH = (
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs, viramas and points belong to their word although \w does not match them; without them Hindi falls apart.
_MARKS = "".join(chr(code) for code in range(0x300, 0x3100) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\W_{_IDEOGRAPH}]+(?:[{_MARKS}]+[^\W_{_IDEOGRAPH}]*)*")
# Without ideographs and marks, a simple pattern will do.
_SIMPLE_WORD = re.compile(r"[^\W_]+")
_NOT_SIMPLE = re.compile(f"[{_IDEOGRAPH}{_MARKS}]")
_UNPARTED = re.compile("[\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1780-\u17d3]+")
_PER_WORD = 5  # characters, vowel signs among them; a dictionary would say 4 to 6, and costs megabytes
# Soft hyphens, zero-width spaces and joiners, direction marks, variation selectors: invisible, so they split no words.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
# Normalisation sorts a run of marks in quadratic time (160 KB took 15 s). No real text has more than a few in a row.
_MOST_MARKS = 64
_FLOOD = re.compile(rf"[^\w\s]{{{_MOST_MARKS + 1},}}")
_TWO_MARKS = re.compile(r"[^a-zA-Z0-9 \w\s][^\w\s]+")  # the most frequent characters come first, for speed
_MARKS_ALONE = re.compile(r"[^\w\s]+")
LONG = 200  # for texts of at least so many characters, only the words of the last one are cached
_WESTERN = "cp1252"
# What each character of that encoding becomes: a letter, a digit, several of them, or a space.
_SAID = {
    character: re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", character).casefold())
    for character in bytes(range(256)).decode(_WESTERN, "ignore")
    if character != "\n" and not _INVISIBLE.match(character)
}
_OTHERS = {character: said for character, said in _SAID.items() if len(said.encode(_WESTERN, "ignore")) != 1}
_UNSEEN = b"\xad"  # the only invisible one


def _table() -> bytes:
    table = bytearray(range(256))
    for character in _SAID.keys() - _OTHERS.keys():
        table[ord(character.encode(_WESTERN))] = ord(_SAID[character].encode(_WESTERN))
    return bytes(table)


_TABLE = _table()


def _aside(error: UnicodeError) -> tuple[str, int]:
    """An error handler for encoding: a space for arrows, smileys and other characters that are not part of words;
    nothing for invisible ones. Raises the error for all others."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    seen = _INVISIBLE.sub("", error.object[error.start : error.end])
    if by_pattern(seen) or _NOT_SIMPLE.search(unicodedata.normalize("NFKC", seen)):
        raise error
    return " " if seen else "", error.end


_ASIDE = "feedmill.aside"
codecs.register_error(_ASIDE, _aside)


class _Read(NamedTuple):
    lines: tuple[str, ...]
    """The words of each line, separated by spaces."""
    said: bytes
    """All words, separated by spaces, in UTF-8."""
    words: int
    """Their number."""
    latin: bool
    """Whether they consist of letters that Windows-1252 has."""


def words(text: str) -> list[str]:
    """The words of a text in one case and one Unicode form (NFKC), without punctuation."""
    return said(text).decode().split()


def said(text: str) -> bytes:
    """The words of a text, separated by spaces, in UTF-8."""
    return _read(text).said


def lines_of_words(text: str) -> tuple[str, ...]:
    """The words of each line of a text, separated by spaces."""
    return _read(text).lines


def count_of(text: str) -> int:
    """The number of words in `said`."""
    return _read(text).words


def word_count(text: str) -> int:
    """The number of words in a text; each ideograph and kana counts as one.

    For Thai, Lao, Burmese and Khmer, which separate phrases instead of words, it is an estimate within about 30 %:
    enough to tell an article from a teaser.
    """
    read = _read(text)
    runs = [] if read.latin else _UNPARTED.findall(text)
    estimated = sum(max(1, round(len(run) / _PER_WORD)) for run in runs if _WORD.search(run))
    return (count_of(_UNPARTED.sub(" ", text)) if runs else read.words) + estimated


def _read(text: str) -> _Read:
    return _last(text) if len(text) >= LONG else _short(text)


def _taken_apart(text: str) -> _Read:
    latin = _in_latin(text)
    if latin is not None:
        lines = [line.strip(" ") for line in _single_spaced(latin).split("\n")]
    else:
        text, word = _patterned(text)
        lines = [" ".join(word.findall(line)) for line in text.split("\n")]
    said = " ".join(filter(None, lines)).encode()
    return _Read(tuple(lines), said, said.count(b" ") + 1 if said else 0, latin is not None)


_last = functools.lru_cache(maxsize=1)(_taken_apart)
"""An article's hashes, sketch, word count and lines are made from the same words, one after the other."""
_short = functools.lru_cache(maxsize=64)(_taken_apart)
"""A title is needed twice for an entry's keys, and twice for its record's."""


def _in_latin(text: str) -> str | None:
    """The words of a text in Latin letters, separated by spaces and line feeds; None for any other text. Works on
    bytes, at a tenth of the cost of patterns."""
    data = None if is_flooded(text) else _western(text, _ASIDE)
    if data is None:
        return None
    if data.isascii():  # the codec of Windows-1252 takes five times as long
        return data.translate(_TABLE).decode("ascii")
    spaced = data.translate(_TABLE, _UNSEEN).decode(_WESTERN)
    for character, other in _OTHERS.items():
        spaced = spaced.replace(character, other)
    return spaced


def _single_spaced(text: str) -> str:
    """The text with runs of spaces reduced to one, and none at its ends."""
    return " ".join(filter(None, [piece.strip(" ") for piece in text.split("  ")]))


def by_pattern(text: str) -> list[str]:
    """`words` of any text."""
    text, word = _patterned(text)
    return word.findall(text)


def _patterned(text: str) -> tuple[str, re.Pattern[str]]:
    """The text in the form in which its words are searched, and the pattern for them."""
    text = in_form("NFKC", text).casefold()
    return text, _WORD if _NOT_SIMPLE.search(text) else _SIMPLE_WORD


def in_form(form: Literal["NFC", "NFKC"], text: str) -> str:
    """The text in a Unicode form, without invisible characters."""
    if text.isascii():
        return _unflooded(text)
    western = _western(text) is not None
    text = _unflooded(text.replace("\u00ad", "") if western else _INVISIBLE.sub("", text))
    # The characters of Windows-1252 are already composed.
    return text if western and form == "NFC" else unicodedata.normalize(form, text)


def folded(text: str) -> str:
    """The text with runs of white space reduced to one space, and none at its ends."""
    if "  " in text or not text.isprintable():
        return " ".join(text.split())
    return text.strip(" ")  # the usual case: other white space is not printable


def is_flooded(text: str, most: int = _MOST_MARKS) -> bool:
    """Whether there may be more than `most` marks in a row, that is, neither letters nor digits nor white space. In a
    longer run, two of every (most / 2)th characters are marks, with only marks between them."""
    if len(text) <= most:
        return False
    step = most // 2
    for found in _TWO_MARKS.finditer(text[::step]):
        for start in range(found.start() * step, (found.end() - 1) * step, step):
            if _MARKS_ALONE.fullmatch(text, start, start + step + 1):
                return True
    return False


def _unflooded(text: str) -> str:
    return _FLOOD.sub(_first_marks, text) if is_flooded(text) else text


def _first_marks(flood: re.Match[str]) -> str:
    return flood[0][:_MOST_MARKS]


def _western(text: str, errors: str = "strict") -> bytes | None:
    try:
        return text.encode() if text.isascii() else text.encode(_WESTERN, errors)
    except UnicodeEncodeError:
        return None
