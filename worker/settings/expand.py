"""`${VARIABLE}` and `${VARIABLE:-default}` in the values of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# The default ends at the first closing brace; as in the shell, `:-` is also used if the variable is empty.
_REFERENCE = re.compile(r"(?P<literal>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<or>:-(?P<default>[^}]*))?\}|\$\{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpanded:
    """Why a text could not be expanded. Contains no value from the environment."""

    message: str
    hint: str = ""


def expanded(text: str, environ: Mapping[str, str]) -> str | Unexpanded:
    """`text` with its variables replaced; `$${` stands for a literal `${`. Inserted values are not expanded again."""
    references = list(_REFERENCE.finditer(text))
    if any(not reference["literal"] and not reference["name"] for reference in references):
        return Unexpanded(message='a "${" that begins no ${VARIABLE}', hint="write $${ for a literal ${")
    names = list(dict.fromkeys(reference["name"] for reference in references if reference["name"]))
    unset = [r["name"] for r in references if r["name"] and not r["or"] and r["name"] not in environ]
    if unset:
        needed = ", ".join(dict.fromkeys(unset))
        return Unexpanded(
            message=f"not set in the environment: {needed}", hint=f"or give a default: ${{{unset[0]}:-…}}"
        )
    undecodable = [name for name in names if not _is_text(environ.get(name, ""))]
    if undecodable:
        return Unexpanded(message=f"not text in the environment: {', '.join(undecodable)}")
    return _REFERENCE.sub(lambda reference: _value(reference, environ), text)


def values_in(text: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values from the environment that `text` uses; they may be secret."""
    if "$" not in text:
        return ()
    named = (reference["name"] for reference in _REFERENCE.finditer(text) if reference["name"])
    return tuple(value for name in named if (value := environ.get(name, "")))


def _value(reference: re.Match[str], environ: Mapping[str, str]) -> str:
    if reference["literal"]:
        return "${"
    return environ.get(reference["name"], "") or reference["default"] or ""


def _is_text(value: str) -> bool:
    """False for bytes that Python could not decode: it represents them as lone surrogates, which can't be written."""
    return not re.search(r"[\ud800-\udfff]", value)
