"""An entry as the bytes that the store keeps between its poll and its ingestion.

Each version of feedmill reads what older ones wrote: a missing key has its default, an unknown one is ignored. Empty
values are left out, which halves the length of the usual entry.
"""

from __future__ import annotations

from dataclasses import fields

import orjson

from worker.model import Attachment, Author, Entry

_NAMES = tuple(field.name for field in fields(Entry))
_FIELDS = frozenset(_NAMES)
_AUTHOR = frozenset(field.name for field in fields(Author))
_ATTACHMENT = frozenset(field.name for field in fields(Attachment))


def encode_entry(entry: Entry) -> bytes:
    """JSON in UTF-8. Raises TypeError if a text holds a lone surrogate, which `parse` never lets through."""
    values = ((name, getattr(entry, name)) for name in _NAMES)
    return orjson.dumps({name: value for name, value in values if value not in (None, ())})


def decode_entry(data: bytes) -> Entry:
    """The entry that `encode_entry` was given. Raises orjson.JSONDecodeError if the bytes are not JSON."""
    stored = {name: value for name, value in orjson.loads(data).items() if name in _FIELDS}
    stored["authors"] = tuple(
        Author(**{name: value for name, value in author.items() if name in _AUTHOR})
        for author in stored.get("authors", ())
    )
    stored["attachments"] = tuple(
        Attachment(**{name: value for name, value in file.items() if name in _ATTACHMENT})
        for file in stored.get("attachments", ())
    )
    stored["tags"] = tuple(stored.get("tags", ()))
    return Entry(**stored)
