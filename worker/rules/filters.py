"""Whether an entry is left out, and by which filter.

Filters apply to what the feed says of an entry. Its language may be stated only on the page: then filters on language,
and every decision that depends on them, wait until the page has been read. Something that is not stated matches no
filter, except `language: und`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Final

from worker import patterns
from worker.model import Entry, Filter, Millis, Rules


class _Unknown:
    """The language of a page that has not been read yet."""


UNKNOWN: Final = _Unknown()


def skipped(entry: Entry, rules: Rules, *, language: str | _Unknown | None, seen_at: Millis) -> str | None:
    """Why `entry` is left out, as a line for people; None if it is wanted, or that is not known yet.

    language: a BCP 47 tag; None if the page was read and no language is stated. seen_at: when it was first seen.
    """
    for rule in rules.skip:
        if _holds(rule, entry, language, seen_at):
            return f"left out by {rule.place}: {_said(rule, entry, language)}"
    if not rules.only or any(_holds(rule, entry, language, seen_at) is not False for rule in rules.only):
        return None
    first = rules.only[0]
    more = f", nor one of {len(rules.only) - 1} more" if len(rules.only) > 1 else ""
    return f"left out by {first.place}: it does not hold{more}" + _stated(rules.only, language)


def _holds(rule: Filter, entry: Entry, language: str | _Unknown | None, seen_at: Millis) -> bool | None:
    """None if that is not known yet."""
    sure = all(_parts(rule, entry, seen_at))
    if not sure or not rule.language:
        return sure
    return None if isinstance(language, _Unknown) else any(_covers(wanted, language) for wanted in rule.language)


def _parts(rule: Filter, entry: Entry, seen_at: Millis) -> Iterator[bool]:
    if rule.older_s is not None:
        date = entry.updated if entry.published is None else entry.published
        yield date is not None and seen_at - date > rule.older_s * 1000
    if rule.tag:
        tags = {_folded(html.unescape(tag)) for tag in entry.tags}  # as the records have them
        yield any(_folded(tag) in tags for tag in rule.tag)
    if rule.title:
        yield entry.title is not None and any(patterns.found(pattern, entry.title) for pattern in rule.title)
    if rule.url:
        yield entry.url is not None and any(patterns.found(pattern, entry.url) for pattern in rule.url)


def _covers(wanted: str, language: str | None) -> bool:
    """Basic filtering (RFC 4647 section 3.3.1)."""
    tag, wanted = (language or "und").replace("_", "-").lower(), wanted.lower()
    return tag == wanted or tag.startswith(wanted + "-")


def _folded(tag: str) -> str:
    return " ".join(tag.split()).casefold()


def _said(rule: Filter, entry: Entry, language: str | _Unknown | None) -> str:
    """The parts of the entry that the filter matched."""
    said = []
    if rule.title:
        said.append(f'its title is "{entry.title}"')
    if rule.url:
        said.append("its link")
    if rule.tag:
        said.append(f"its tags are {', '.join(entry.tags)}")
    if rule.language:
        said.append(f"its language is {language or 'not stated'}")
    if rule.older_s is not None:
        said.append("its age")
    return ", ".join(said)


def _stated(rules: tuple[Filter, ...], language: str | _Unknown | None) -> str:
    if isinstance(language, _Unknown) or not any(rule.language for rule in rules):
        return ""
    return f" (its language is {language or 'not stated'})"
