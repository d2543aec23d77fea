"""A cache file of the feeds of long lists, so that a list that has not changed need not be parsed again.

It consists of lines of JSON. The first is a digest of all others and of the code. Then come the lists, [path, digest,
number of feeds] each; the combinations of common attributes ("kinds"); and each feed, [id, url, public_url, title,
kind]. A list is taken from the cache only if its path and bytes are the same, and so is the code that makes feeds of
them; otherwise the cache is ignored. It may be deleted at any time.

It contains no secrets: lists that use environment variables or have headers are not kept.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson
from pydantic import ConfigDict, TypeAdapter

from worker.model import Feed, FeedId, FeedList
from worker.ownership import hand_over, make_folder
from worker.settings import is_unchanged

_COMMON = tuple(f.name for f in fields(Feed) if f.name not in ("id", "url", "public_url", "title", "headers"))
"""The attributes that make up a kind; a hundred thousand feeds have some hundred kinds."""
_kind_of: Callable[[Feed], tuple[Any, ...]] = attrgetter(*_COMMON)
_KINDS = TypeAdapter(tuple[Feed, ...], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
_CODE = ("settings/*.py", "model/*.py", "urls.py", "patterns.py", "configuration/kept.py")
_LIBRARIES = ("pydantic", "pyyaml", "lxml")
"""Together with the code, these determine what feeds are made of a list."""


def beside(state: Path) -> Path:
    """The cache file of the worker that has this state."""
    return state.with_name(state.name + ".lists")


def write(file: Path, lists: Sequence[tuple[FeedList, Sequence[Feed]]]) -> None:
    """Stores those of the lists that may be kept. If the file can't be written, the lists are parsed again next
    time."""
    new = file.with_name(file.name + ".new")
    digest = hashlib.sha256(_code())
    with suppress(OSError):
        with suppress(FileExistsError):
            make_folder(file.parent)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
            written.write(_first(digest))  # a placeholder, overwritten below
            for line in _lines([(listed, feeds) for listed, feeds in lists if listed.lasting]):
                digest.update(line + b"\n")
                written.write(line + b"\n")
            written.seek(0)
            written.write(_first(digest))
        hand_over(new)
        new.replace(file)


def _lines(lists: Sequence[tuple[FeedList, Sequence[Feed]]]) -> Iterator[bytes]:
    yield orjson.dumps([(str(listed.path), listed.digest, listed.feeds) for listed, _ in lists])
    kinds = {kind: number for number, kind in enumerate({_kind_of(feed): None for _, feeds in lists for feed in feeds})}
    yield _KINDS.dump_json(
        tuple(Feed(id=FeedId(""), url="", **dict(zip(_COMMON, kind, strict=True))) for kind in kinds)
    )
    for _, feeds in lists:
        for feed in feeds:
            told = None if feed.public_url == feed.url else feed.public_url
            yield orjson.dumps((feed.id, feed.url, told, feed.title, kinds[_kind_of(feed)]))


def read(file: Path, paths: Iterable[Path]) -> Mapping[Path, tuple[FeedList, Sequence[Feed]]]:
    """Those of the lists at `paths` that are in the cache and have not changed."""
    found: dict[Path, tuple[FeedList, Sequence[Feed]]] = {}
    wanted = set(paths)
    try:
        with file.open("rb") as lines:
            first = lines.readline()
            if _first(hashlib.file_digest(lines, lambda: hashlib.sha256(_code()))) != first:
                return {}
            lines.seek(len(first))
            named, examples = orjson.loads(lines.readline()), _KINDS.validate_json(lines.readline())
            kinds = [{name: getattr(kind, name) for name in _COMMON} for kind in examples]
            for name, then, number in named:
                rows = map(orjson.loads, islice(lines, number))
                listed = FeedList(path=Path(name), digest=then, feeds=number, lasting=True)
                if listed.path not in wanted or not is_unchanged(listed):
                    for _ in rows:
                        pass
                    continue
                feeds = [
                    Feed(id=id_, url=url, public_url=url if told is None else told, title=title, **kinds[kind])
                    for id_, url, told, title, kind in rows
                ]
                found[listed.path] = listed, feeds
    except OSError:
        return {}
    return found


def _first(digest: hashlib._Hash) -> bytes:
    return digest.hexdigest().encode() + b"\n"


@functools.cache
def _code() -> bytes:
    digest = hashlib.sha256(repr([version(name) for name in _LIBRARIES]).encode())
    for pattern in _CODE:
        for module in sorted(Path(__file__).parents[1].glob(pattern)):
            digest.update(module.read_bytes())
    return digest.digest()
