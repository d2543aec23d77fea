"""An entry as the bytes that the store keeps between its poll and its ingestion.

A version of feedmill reads what older ones wrote: a key that is missing has its default, one that is unknown is passed
over. What has no value is left out, which makes the common entry half as long.
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
    """JSON, UTF-8. Raises TypeError where a text holds a lone surrogate, which `parse` lets through nowhere."""
    values = ((name, getattr(entry, name)) for name in _NAMES)
    return orjson.dumps({name: value for name, value in values if value not in (None, ())})


def decode_entry(data: bytes) -> Entry:
    """What `encode_entry` was given. Raises orjson.JSONDecodeError where the bytes are not JSON."""
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
