"""Files that belong to an entry: its attachments, its picture, and the numbers about them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from worker.model import Attachment

MAX_ATTACHMENTS = 100
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9*][a-z0-9.+_-]*")
_UNKNOWN_TYPE = "application/octet-stream"  # RFC 2046 section 4.5.1; JSON Feed demands a type
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:[?#]|$)", re.IGNORECASE)
_MAX_INTEGER = 2**53  # below it all JSON readers agree on integers (RFC 8259 section 6)
_MAX_SECONDS = 10_000_000


def attachment(url: str, mime_type: str, size: object, duration: object) -> Attachment:
    return Attachment(
        url=url,
        mime_type=_mime_type(mime_type),
        size_in_bytes=size_in_bytes(size),
        duration_in_seconds=seconds(duration),
    )


def distinct(files: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """Each URL once, as first named."""
    found: dict[str, Attachment] = {}
    for file in files:
        found.setdefault(file.url, file)
    return tuple(found.values())[:MAX_ATTACHMENTS]


def is_picture(url: str, mime_type: str, medium: str) -> bool:
    """Whether a file is a picture: by its type or medium, else by its name."""
    if mime_type or medium:
        return medium.lower() == "image" or mime_type.lower().startswith("image/")
    return _PICTURE.search(url) is not None


def size_in_bytes(value: object) -> int | None:
    """None if it is not known: feeds then often write 0."""
    number = _integer(value)
    return number if number is not None and 0 < number < _MAX_INTEGER else None


def seconds(value: object) -> int | None:
    """Whole seconds, from a number or from `1:02:03`, `62:03` and the like."""
    parts = [_integer(part) for part in value.split(":")] if isinstance(value, str) else [_integer(value)]
    total = 0
    for part in parts:
        if part is None or len(parts) > 3:
            return None
        total = total * 60 + part
    return total if 0 < total < _MAX_SECONDS else None


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if 0 <= value < _MAX_INTEGER else None  # neither NaN nor infinity is
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,16}(?:\.[0-9]*)?\s*", value):
        return int(value.partition(".")[0])
    return None


def _mime_type(written: str) -> str:
    name = written.partition(";")[0].strip().lower()
    return name if len(name) <= 100 and _MIME_TYPE.fullmatch(name) else _UNKNOWN_TYPE
