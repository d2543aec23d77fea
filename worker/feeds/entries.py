"""What holds for the entries of every format: one bad entry never fails a feed, and an identifier of several is no
one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from worker.model import Entry
from worker.urls import canonical, without_scheme

Raw = TypeVar("Raw")
Identity = tuple[str | None, str | None]
"""An entry's guid and URL."""


def mapped(raws: Iterable[Raw], entry_of: Callable[[Raw], Entry]) -> tuple[tuple[Entry, ...], str | None]:
    """The entries, without those that can't be read or are empty, and one line about these if there are any."""
    entries: list[Entry] = []
    lost: Counter[str] = Counter()
    for raw in raws:
        try:
            entry = entry_of(raw)
        except MemoryError:
            raise  # caused by the other entries, too; if left out, it would count as known next time
        except Exception as error:  # whatever it is, only this entry is affected; the problem line names it
            lost[f"unreadable ({type(error).__name__})"] += 1
            continue
        if entry.guid or entry.url or entry.title or entry.summary or entry.content:
            entries.append(entry)
        else:
            lost["empty"] += 1
    counts = ", ".join(f"{times} {why}" for why, times in lost.items())
    return tuple(entries), f"entries left out: {counts}" if counts else None


def repeated_guids(identities: Iterable[Identity]) -> frozenset[str]:
    """The guids that several entries have, compared without their schemes; these identify no entry."""
    guids = [guid for guid, _ in identities if guid is not None]
    repeated = _repeated(map(without_scheme, guids))
    return frozenset(guid for guid in guids if without_scheme(guid) in repeated)


def repeated_urls(identities: Iterable[Identity]) -> frozenset[str]:
    """The URLs that several entries have, in canonical form."""
    return _repeated(canonical(url) for _, url in identities if url is not None)


def left_out(what: str, count: int) -> str | None:
    return f"{what}: {count}" if count else None


def omission(omitted: int, max_entries: int) -> str | None:
    return f"more than {max_entries} entries: the last {omitted} were left out" if omitted > 0 else None


def problem(*found: str | None) -> str | None:
    """All of them in one line of limited length; None if there are none."""
    return "; ".join(line for line in found if line)[:300] or None


def _repeated(values: Iterable[str]) -> frozenset[str]:
    return frozenset(value for value, times in Counter(values).items() if times > 1)
