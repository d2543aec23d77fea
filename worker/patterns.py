"""Patterns written by operators, matched against text written by strangers.

RE2 takes time linear in the text, whatever the pattern. Python's `re` can be made to backtrack for ever by a title, and
nothing inside the process could stop it. The price: no lookarounds and no backreferences, and `\\b` and `\\w` only know
ASCII (https://github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

import functools
import re
from typing import Any

MAX_LENGTH = 1000
"""The longest allowed pattern, in characters."""

_GROUP = re.compile(r"\\(\\|[0-9])")


class BadPattern(ValueError):
    """RE2 does not accept the pattern; the message says why."""


def check(pattern: str) -> int:
    """The number of groups in `pattern`. Raises BadPattern."""
    return int(_compiled(pattern, ignore_case=True).groups)


def check_replacement(to: str, groups: int) -> None:
    """Raises BadPattern if `to` refers to a group beyond `groups`, or has another escape."""
    for match in re.finditer(r"\\(.?)", to, re.DOTALL):
        if not _GROUP.fullmatch(match[0]):
            raise BadPattern(f"after a backslash there is a digit or another one, not {match[1] or 'the end'}")
        if match[1] != "\\" and int(match[1]) > groups:
            raise BadPattern(f"{match[0]} stands for group {match[1]} of {groups}")


def found(pattern: str, text: str) -> bool:
    """Whether `pattern` matches anywhere in `text`, ignoring case (unless it begins with `(?-i)`)."""
    return _compiled(pattern, ignore_case=True).search(_whole(text)) is not None


def replaced(pattern: str, to: str, text: str) -> str:
    """`text` with the first match of `pattern` (case matters) replaced by `to`; unchanged if there is no match.

    `\\1` to `\\9` stand for what a group matched, `\\0` for the whole match, `\\\\` for a backslash.
    """
    match = _compiled(pattern, ignore_case=False).search(text := _whole(text))
    if match is None:
        return text
    put = _GROUP.sub(lambda group: "\\" if group[1] == "\\" else match[int(group[1])] or "", to)
    return text[: match.start()] + put + text[match.end() :]


def _whole(text: str) -> str:
    """Without lone surrogates, which UTF-8, as RE2 reads it, can't have."""
    return text.encode("utf-8", "replace").decode()


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str, *, ignore_case: bool) -> Any:
    # Imported only here, because most lists have no patterns, and it takes 20 ms.
    import re2

    if len(pattern) > MAX_LENGTH:
        raise BadPattern(f"longer than {MAX_LENGTH} characters")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False  # or RE2 writes to standard error itself
    try:
        return re2.compile(_whole(pattern), options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise BadPattern(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from None
