"""Reads untrusted mappings: a value that has not the expected type counts as missing."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SURROGATES = re.compile("[\ud800-\udfff]")
Fields = Mapping[str, object]


def string(fields: Fields, key: str) -> str:
    """Without lone surrogates, which JSON can carry but no record can be written with."""
    value = fields.get(key)
    if not isinstance(value, str):
        return ""
    try:
        value.encode()  # 40 times as fast as the search for them
    except UnicodeEncodeError:
        return _SURROGATES.sub("", value)
    return value


def mapping(fields: Fields, key: str) -> Fields:
    value = fields.get(key)
    return value if isinstance(value, Mapping) else {}


def listed(fields: Fields, key: str) -> list[object]:
    value = fields.get(key)
    return value if isinstance(value, list) else []


def mappings(fields: Fields, key: str) -> list[Fields]:
    return [item for item in listed(fields, key) if isinstance(item, Mapping)]
