"""Durations and sizes as people write them."""

from __future__ import annotations

import re

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"
_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_UNITS_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}

DURATION = "(?=[0-9])" + "".join(f"(?:({_NUMBER}){unit})?" for unit in _UNITS_S)
"""A regular expression that works in Python and ECMA 262 (JSON Schema): each unit at most once, largest first."""
SIZE = f"({_NUMBER})({'|'.join(_UNITS_BYTES)})"
"""A regular expression for both, too; units are decimal."""


def seconds(text: str) -> float | None:
    """`90s`, `1h30m`, `0.5d`, `250ms`, `0s` in seconds; None if it is not a duration."""
    match = re.fullmatch(DURATION, text)
    if match is None:
        return None
    return sum(float(number) * unit for number, unit in zip(match.groups(), _UNITS_S.values(), strict=True) if number)


def duration(of_s: float) -> str:
    """Seconds in the notation that `seconds` reads: `900s`, `0.25s`."""
    return f"{of_s:.9f}".rstrip("0").rstrip(".") + "s"


def size_bytes(text: str) -> int | None:
    """`512B`, `20kB`, `1.5MB`, `1GB` in bytes; None if it is not a size."""
    match = re.fullmatch(SIZE, text)
    return round(float(match[1]) * _UNITS_BYTES[match[2]]) if match else None
