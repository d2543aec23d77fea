"""Rules that the owner of a feed list sets for a feed."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.pickling import by_place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Changes the address from which the pages of a feed are fetched."""

    match: str
    """In RE2's syntax; the first match in the link is replaced."""
    to: str
    """The replacement; `\\1` stands for what the first group matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions on an entry, all of which have to hold. Where a condition lists several values, one of them has to
    match."""

    place: str
    """Where the filter is written, for people: `skip in config/feeds.yaml:12`."""
    title: tuple[str, ...] = ()
    """Patterns in RE2's syntax, ignoring case, to be found anywhere in the title."""
    url: tuple[str, ...] = ()
    """The same, anywhere in the entry's link."""
    tag: tuple[str, ...] = ()
    """Whole tags, ignoring case."""
    language: tuple[str, ...] = ()
    """Language ranges (RFC 4647 section 2.1): `de` covers `de-AT`; `und` covers entries without a stated language."""
    older_s: float | None = None
    """Seconds from its date to when it was first seen."""


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many of the entries that a feed shows at its first poll are taken. None: all of them."""

    newest: int | None = None
    """At most so many entries."""
    younger_s: float | None = None
    """Only entries younger than this, in seconds."""


NO_LIMIT = Backlog()


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one feed."""

    select: tuple[str, ...] = ()
    """CSS selectors: the article's text is what they match."""
    remove: tuple[str, ...] = ()
    """CSS selectors: what they match is not part of the text."""
    rewrite: tuple[Rewrite, ...] = ()
    """Applied one after the other."""
    only: tuple[Filter, ...] = ()
    """If there are any, an entry is wanted only if one of them holds."""
    skip: tuple[Filter, ...] = ()
    """An entry for which one of them holds is left out."""
    filters_key: bytes = b""
    """Hash of `only` and `skip`, independent of where they are written; empty if there are none."""
    backlog: Backlog = NO_LIMIT


NO_RULES = Rules()
