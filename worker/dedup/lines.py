"""Lines that a site puts below its articles (disclaimers, appeals, newsletter boxes), learned from the articles alone.

A site's window holds the lines of its last articles, eight bytes a line. A line that occurs in many of them is the
site's own. This is the counting of repeated text on which template detection is based (Bar-Yossef and Rajagopalan,
Template Detection via Data Mining and its Applications, WWW 2002), for a site seen article by article, and designed to
rather leave in than take out: what only some articles share (the background of a story, a refrain, a standing heading)
belongs to them.

What a line says of its own article (title, authors, date: "The post … appeared first on …") is ignored, because the
record has that. All other numbers count: "Magnitude 4.5" is what an article is about.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain

from worker.dedup.words import lines_of_words, said
from worker.model import DAY_MS, Millis

ARTICLES = 24
"""How many of a site's last articles a window holds."""
EDGE = 32
"""How many lines at either end of a text are looked at; the middle of a longer text is neither learned from nor cut."""
FEWEST, SHARE = 6, 0.4
"""A line is the site's if it occurs in at least FEWEST articles of the window, and in this share of them …"""
LEAST = 10
"""… once the window holds at least so many articles."""
ALIKE = 0.8
"""An article that shares more than this part of its contents (by length) with another is a version of it, and is not
learned from."""
COLUMNS = 25
"""A line of at least this width (ideographs take two columns) stands for itself. Shorter ones may be headings: they are
cut at the very end of a text, and next to such a line …"""
NEARLY_ALL = 0.7
"""… if this share of the articles has them."""

_UNIT = 4  # columns
_MAY_BE_WIDE = re.compile("[\u1100-\U0010ffff]")
_LONG = -(-COLUMNS // _UNIT)
_HEAD = struct.Struct("<qH")
_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1).toordinal()
_OWN = "\0"
_BETWEEN = " \n "
_LENGTH = (0xFF).__and__  # the length of a line, from its key
_SAID_BESIDES = 3  # a line with parts from its own article is compared without them if so many other words are left


def line_keys(text: str, *, title: str | None, authors: Iterable[str], published: Millis | None) -> bytes:
    """Eight bytes for each line of a text, by which it is recognised in others: a hash and its length; zeros for lines
    that are not compared."""
    lines = lines_of_words(text)
    middle = max(0, len(lines) - 2 * EDGE)
    edges = [*lines[:EDGE], *lines[EDGE + middle :]]
    whole = " " + _BETWEEN.join(edges) + " "
    stated = sorted({_said(phrase) for phrase in (title or "", *authors)}, key=len, reverse=True)
    phrases = [own for phrase in stated if " " in phrase and (own := f" {phrase} ") in whole]
    days = _days(published)
    years = {year for year in {str(day.year) for day in days} if f" {year} " in whole}
    if phrases or years:
        numbers = _numbers(days) if years else frozenset()
        edges = [_normal(line, phrases, years, numbers) for line in edges]
    keys = list(map(_key, edges))
    keys[EDGE:EDGE] = [0] * middle
    return struct.pack(f"<{len(keys)}Q", *keys)


@dataclass(frozen=True, slots=True)
class Window:
    """The lines of a site's last articles."""

    articles: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Ids and distinct lines of the articles, oldest first."""

    @classmethod
    def decode(cls, data: bytes) -> Window:
        articles: list[tuple[int, tuple[int, ...]]] = []
        at = 0
        while at < len(data):
            id, count = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            articles.append((id, struct.unpack_from(f"<{count}Q", data, at)))
            at += 8 * count
        return cls(tuple(articles))

    def encode(self) -> bytes:
        """At most 12 kB: 522 bytes an article."""
        return b"".join(
            struct.pack(f"{_HEAD.format}{len(lines)}Q", id, len(lines), *lines) for id, lines in self.articles
        )

    def after(self, *taught: tuple[int, bytes]) -> Window:
        """With more articles, or new versions of some (each counts once), given by id and `line_keys`. An article that
        says what another says, or only what all say, is not added."""
        articles = list(self.articles)
        counts = Counter(chain.from_iterable(lines for _, lines in articles))
        for id, keys in taught:
            for version in [article for article in articles if article[0] == id]:
                articles.remove(version)
                counts.subtract(version[1])
            said = set(_unpacked(keys)) - {0}
            least = _enough(len(articles))
            own = {key for key in said if counts[key] < least}
            if not own or _says_another(own, counts, articles):
                continue
            articles.append((id, tuple(sorted(said))))
            counts.update(said)
            for _, gone in articles[:-ARTICLES]:
                counts.subtract(gone)
            del articles[:-ARTICLES]
        return Window(tuple(articles))

    def repeated(self) -> Mapping[int, float]:
        """Keys of the lines that are the site's, each with the share of the articles that have it."""
        articles = len(self.articles)
        least = _enough(articles)
        if least > articles:
            return {}
        counts = Counter(chain.from_iterable(lines for _, lines in self.articles))
        return {key: count / articles for key, count in counts.items() if count >= least}


def _says_another(own: Set[int], counts: Mapping[int, int], articles: Iterable[tuple[int, Sequence[int]]]) -> bool:
    """Whether one of the articles, whose lines are counted in `counts`, has nearly all of these lines."""
    enough = ALIKE * _weight(own)
    met = {key for key in own if counts[key]}
    return _weight(met) > enough and any(_weight(met.intersection(theirs)) > enough for _, theirs in articles)


def _enough(articles: int) -> float:
    """In how many of the window's articles a line must occur to be the site's."""
    return math.inf if articles < LEAST else max(FEWEST, SHARE * articles)


def taken_out(keys: bytes, repeated: Mapping[int, float]) -> tuple[int, ...]:
    """The lines to be cut from a text, counted from 0. Never all of them: a text that consists of nothing else is left
    alone."""
    lines = _unpacked(keys)
    if repeated.keys().isdisjoint(lines):
        return ()
    found: list[int] = []
    run: list[int] = []
    for place, key in enumerate((*lines, 0)):
        if key in repeated:
            run.append(place)
            continue
        speaks = any(_is_long(lines[each]) for each in run)
        least = 0 if place == len(lines) else NEARLY_ALL if speaks else math.inf
        found += [each for each in run if _is_long(lines[each]) or repeated[lines[each]] >= least]
        run = []
    return tuple(found) if len(found) < sum(key != 0 for key in lines) else ()


def _is_long(key: int) -> bool:
    return _LENGTH(key) >= _LONG


def _unpacked(keys: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(keys) // 8}Q", keys)


def _said(line: str) -> str:
    return said(line).decode()


def _normal(said: str, phrases: Sequence[str], years: Set[str], numbers: Set[str]) -> str:
    """What a line says, without what it says of its own article."""
    other = f" {said} "
    for phrase in phrases:
        other = other.replace(phrase, f" {_OWN} ")
    dated = any(f" {year} " in other for year in years)
    if not dated and _OWN not in other:
        return said
    parts = other.split(" ")
    if dated and not numbers.isdisjoint(parts):
        parts = [_OWN if part in years or part in numbers else part for part in parts]
    besides = len(parts) - parts.count("") - parts.count(_OWN)
    return " ".join(parts).strip() if besides >= _SAID_BESIDES else said


def _days(at: Millis | None) -> Sequence[date]:
    """The days that a time may fall on, depending on the time zone."""
    if at is None:
        return ()
    day = date.fromordinal(_EPOCH + at // DAY_MS)
    return (day - _DAY, day, day + _DAY) if 1 < day.year < 9999 else (day,)


def _numbers(days: Iterable[date]) -> frozenset[str]:
    """Days and months as numbers, in the forms in which they may be written."""
    numbers = {number for day in days for number in (day.day, day.month)}
    return frozenset(f"{n:{w}}" for n in numbers for w in ("d", "02d"))


def _key(said: str) -> int:
    if not any(map(str.isalpha, said)):
        return 0
    digest = hashlib.blake2b(said.encode(), digest_size=7).digest()
    return int.from_bytes(digest) << 8 | min(255, -(-_columns(said) // _UNIT))


def _columns(said: str) -> int:
    if said.isascii():
        return len(said)
    return len(said) + sum(unicodedata.east_asian_width(character) in "WF" for character in _MAY_BE_WIDE.findall(said))


def _weight(keys: Iterable[int]) -> int:
    return sum(map(_LENGTH, keys))
