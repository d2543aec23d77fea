"""Patterns that operators write, matched against what strangers write.

RE2 takes time linear to the text, whatever the pattern; Python's `re` can be made to backtrack for ever by a title, and
nothing inside the process stops it. The price: no lookarounds and no backreferences, and `\\b` and `\\w` know ASCII
alone (https://github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

import functools
import re
from typing import Any

MAX_LENGTH = 1000
"""Characters of a pattern."""

_GROUP = re.compile(r"\\(\\|[0-9])")


class BadPattern(ValueError):
    """Not a pattern that RE2 takes; the text says why."""


def check(pattern: str) -> int:
    """How many groups `pattern` has. Raises BadPattern."""
    return int(_compiled(pattern, ignore_case=True).groups)


def check_replacement(to: str, groups: int) -> None:
    """Raises BadPattern where `to` names a group that is not among so many."""
    for match in re.finditer(r"\\(.?)", to, re.DOTALL):
        if not _GROUP.fullmatch(match[0]):
            raise BadPattern(f"after a backslash there is a digit or another one, not {match[1] or 'the end'}")
        if match[1] != "\\" and int(match[1]) > groups:
            raise BadPattern(f"{match[0]} stands for group {match[1]} of {groups}")


def found(pattern: str, text: str) -> bool:
    """Whether `pattern` matches anywhere in `text`, ignoring case (`(?-i)` in front heeds it)."""
    return _compiled(pattern, ignore_case=True).search(_whole(text)) is not None


def replaced(pattern: str, to: str, text: str) -> str:
    """`text` with the first match of `pattern`, heeding case, replaced by `to`; itself where there is none.

    `\\1` to `\\9` stand for what a group matched, `\\0` for the whole, `\\\\` for a backslash.
    """
    match = _compiled(pattern, ignore_case=False).search(text := _whole(text))
    if match is None:
        return text
    put = _GROUP.sub(lambda group: "\\" if group[1] == "\\" else match[int(group[1])] or "", to)
    return text[: match.start()] + put + text[match.end() :]


def _whole(text: str) -> str:
    """RE2 reads UTF-8, which has no lone surrogates."""
    return text.encode("utf-8", "replace").decode()


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str, *, ignore_case: bool) -> Any:
    # Here and not above: most lists have no patterns, and it takes 20 ms to load.
    import re2

    if len(pattern) > MAX_LENGTH:
        raise BadPattern(f"longer than {MAX_LENGTH} characters")
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False  # to standard error, by itself
    try:
        return re2.compile(_whole(pattern), options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise BadPattern(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from None
