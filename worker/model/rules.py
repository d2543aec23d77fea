"""What the owner of a feed list asks for beyond the feed itself."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model.pickling import by_place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Another address for the pages of a feed."""

    match: str
    """RE2's syntax; the first place in the link where it matches is replaced."""
    to: str
    """In its place; `\\1` stands for what the first group matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Of what an entry says, all that is given here has to hold. Of several values, one has to."""

    place: str
    """Where it stands, for people: `skip in config/feeds.yaml:12`."""
    title: tuple[str, ...] = ()
    """Patterns, in RE2's syntax, ignoring case; anywhere in the title."""
    url: tuple[str, ...] = ()
    """The same, anywhere in the entry's link."""
    tag: tuple[str, ...] = ()
    """Whole tags, ignoring case."""
    language: tuple[str, ...] = ()
    """Language ranges (RFC 4647 section 2.1): `de` covers `de-AT`; `und` covers what nobody states."""
    older_s: float | None = None
    """Seconds from its date to when it was first seen."""


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much of what a feed shows at its first poll is taken. None: all of it."""

    newest: int | None = None
    """Entries."""
    younger_s: float | None = None
    """Seconds since their date."""


NO_LIMIT = Backlog()


@by_place
@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one feed."""

    select: tuple[str, ...] = ()
    """CSS selectors: the article's text is what they hold."""
    remove: tuple[str, ...] = ()
    """CSS selectors: what they hold is not of the text."""
    rewrite: tuple[Rewrite, ...] = ()
    """One after the other."""
    only: tuple[Filter, ...] = ()
    """Where there are some, an entry needs one that holds."""
    skip: tuple[Filter, ...] = ()
    """An entry for which one of them holds is left out."""
    filters_key: bytes = b""
    """Hash of `only` and `skip`, wherever they stand; empty where there are none."""
    backlog: Backlog = NO_LIMIT


NO_RULES = Rules()
