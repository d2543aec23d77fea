"""Publishing histories, generated and real: when the entries of a feed came out, and how many of them it shows.

Instants are milliseconds of UTC since 1970. All chance is seeded.
"""

from __future__ import annotations

import gzip
import random
from calendar import timegm
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from math import exp, log
from pathlib import Path

import feedparser

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 20_004 * DAY
"""When polling begins: a Tuesday of 2024."""
BEFORE = 90 * DAY
"""Of what came out before `START`, a feed's first document shows the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    kind: str
    entries: tuple[int, ...]
    """When each came out, ascending; from before `START` on."""
    window: int
    """How many of the newest its feed shows."""
    phase: float
    """In [0, 1): the first poll is so much of an hour after `START`."""


def generated(count: int, *, days: int, seed: int = 1) -> list[Site]:
    """`count` sites, as many of each kind, from an entry a year to 500 a day; half have one in two days or more."""
    chance = random.Random(seed)
    sites = []
    for number in range(count):
        kind, publish = list(_KINDS.items())[number % len(_KINDS)]
        a_day = min(max(exp(chance.gauss(log(0.5), 1.9)), 1 / 365), 500)
        window = chance.choice((10, 10, 15, 20, 25, 30, 50, 100))
        entries = sorted(publish(chance, a_day, START - BEFORE, START + days * DAY))
        sites.append(
            Site(
                kind=kind,
                entries=tuple(entry for entry in entries if entry < START + days * DAY),
                window=window if a_day < 100 else max(window, 30),
                phase=chance.random(),
            )
        )
    return sites


def real(folder: Path, *, days: int, seed: int = 1) -> list[Site]:
    """The sites of the corpus' feeds (`folder`), by the dates in them.

    A feed that tells of less than `days` is repeated, at the same hours; else its last `days` are played. Dates at
    midnight sharp are days: when on that day is left to chance.
    """
    chance = random.Random(seed)
    sites = []
    for path in sorted(folder.glob("*.gz")):
        dates = sorted(_dates(gzip.decompress(path.read_bytes())))
        if len(dates) < 3:
            continue
        # The last entry is not to be the last thing that happens: some part of a gap has passed since.
        silence = chance.random() * (dates[-1] - dates[0]) / len(dates)
        timed = [date if date % DAY else date + chance.randrange(DAY) for date in dates]
        entries = _played(sorted(timed), days=days, silence=int(silence))
        sites.append(Site(kind="real", entries=entries, window=len(dates), phase=chance.random()))
    return sites


def _dates(document: bytes) -> Iterator[int]:
    for entry in feedparser.parse(BytesIO(document), sanitize_html=False, resolve_relative_uris=False).entries:
        parsed = entry.get("published_parsed") or entry.get("updated_parsed")
        if parsed and 1997 < parsed.tm_year < 2030:
            yield timegm(parsed) * 1000


def _played(dates: list[int], *, days: int, silence: int) -> tuple[int, ...]:
    """The dates moved by whole days, or weeks where the feed tells of one, so that they end with the simulation."""
    unit = 7 * DAY if dates[-1] - dates[0] >= 7 * DAY else DAY
    period = ((dates[-1] - dates[0]) // unit + 1) * unit
    end = START + days * DAY
    shift = (end - silence - dates[-1]) // unit * unit
    # Repeated backwards until the time before the simulation is filled too.
    turns = range((BEFORE + days * DAY + silence) // period + 2)
    played = (date + shift - turn * period for turn in turns for date in dates)
    return tuple(sorted(date for date in played if date > START - 20 * BEFORE))


# --- generators ---------------------------------------------------------------------------------------------------

Publish = Callable[[random.Random, float, int, int], list[int]]


def _steady(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """A Poisson process."""
    entries, instant = [], float(begin)
    while (instant := instant + chance.expovariate(a_day / DAY)) < end:
        entries.append(int(instant))
    return entries


def _bursty(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """Five entries at a time, more or less, within some hours; then nothing for long."""
    entries = []
    for burst in _steady(chance, a_day / 5, begin, end):
        size = 1
        while chance.random() > 1 / 5:
            size += 1
        entries += [burst + int(chance.expovariate(1 / (1.5 * HOUR))) for _ in range(size)]
    return entries


def _daily(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """More at some hour of the day, the same each day; a fiftieth of it at the opposite one."""
    busy, width = chance.uniform(0, 24), chance.choice((1.5, 3, 4, 5))
    return [entry for entry in _steady(chance, 3 * a_day, begin, end) if chance.random() < _bell(entry, busy, width)]


def _bell(entry: int, busy: float, width: float) -> float:
    distance = abs((entry / HOUR - busy + 12) % 24 - 12)
    return max(exp(-((distance / width) ** 2) / 2), 0.02)


def _weekly(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """The same, and a tenth of it at weekends."""
    return [entry for entry in _daily(chance, a_day, begin, end) if (entry // DAY + 3) % 7 < 5 or chance.random() < 0.1]


def _punctual(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """One entry or more each day or each week at the same time, give or take some minutes; one in ten is left out."""
    every = 7 * DAY if a_day < 0.5 else DAY
    size, at = max(1, min(6, round(a_day * every / DAY))), chance.randrange(every)
    return [
        turn + int(chance.gauss(0, 12 * MINUTE))
        for turn in range(begin + at, end, every)
        if chance.random() > 0.1
        for _ in range(size)
    ]


def _dying(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """Nothing more from some day of the first half on."""
    return _steady(chance, a_day, begin, int(START + chance.uniform(0, 0.5) * (end - START)))


def _reviving(chance: random.Random, a_day: float, begin: int, end: int) -> list[int]:
    """Nothing for weeks, until some day."""
    silent, until = START - chance.randrange(40 * DAY), chance.randrange(START, end)
    return [entry for entry in _steady(chance, a_day, begin, end) if not silent < entry < until]


_KINDS: dict[str, Publish] = {
    "steady": _steady,
    "bursty": _bursty,
    "daily": _daily,
    "weekly": _weekly,
    "punctual": _punctual,
    "dying": _dying,
    "reviving": _reviving,
}
