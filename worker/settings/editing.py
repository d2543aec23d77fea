"""Adds feeds to a feed list in place, keeping every byte that is there.

The parser's marks show where the last feed ends, and new ones are inserted there in the style of their neighbours.
ruamel.yaml was considered: it keeps comments, but rewrites the file (indentation of mixed lists, folded lines and
quotes change), and takes a minute for a hundred thousand feeds.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from worker.errors import ConfigError, Problem
from worker.settings.feed_list import FeedEntry
from worker.settings.problems import message_of
from worker.settings.yaml_file import LOADER

Item: TypeAlias = "Mapping[str, str | Sequence[str]]"
"""A feed as it is written: `url`, and any other key of a feed whose value is a text or a list of texts."""


def added(text: str, items: Sequence[Item], *, name: str) -> str:
    """The feed list `text` with `items` added after its feeds.

    Raises ConfigError, naming `name` and what to do, if the list is written in a way that can't be added to.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    try:
        result = _added(plain, items)
        feeds, others = _read(plain)
        if _read(result) == ([*feeds, *(dict(item) for item in items)], others):
            return result.replace("\n", newline)
    except (yaml.YAMLError, _NoPlace):
        pass
    lines = "\n".join(_block(item, "  ", " ") for item in items[:3])
    hint = f"add by hand, under feeds:\n{lines}" + ("\n  …" if len(items) > 3 else "")
    raise ConfigError([Problem(file=name, message="can't be added to in place", hint=hint)])


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Atomically replaces the file at `path` (or the target, if it is a link) with `after`, keeping its permissions
    and, if root does it, its owner. Raises ConfigError if it no longer contains `before`, or can't be written."""
    target = path.resolve()
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            was = target.stat()
            os.chmod(temporary, was.st_mode & 0o7777)  # noqa: PTH101  # a name of mkstemp's
            with suppress(PermissionError):  # only root may give a file away
                os.chown(temporary, was.st_uid, was.st_gid)
            if target.read_bytes() != before:
                raise ConfigError([Problem(file=str(path), message="was changed meanwhile", hint="try again")])
            os.replace(temporary, target)  # noqa: PTH105
        except BaseException:
            os.unlink(temporary)  # noqa: PTH108
            raise
    except OSError as error:
        raise ConfigError([Problem(file=str(path), message=f"can't be written: {error.strerror}")]) from error


_PLAIN_URL = re.compile(r"https?://[\w./?=&%+~-]+", re.ASCII)
"""Needs no quotes; asking YAML's writer would take a tenth of a millisecond."""


class _NoPlace(Exception):
    """There is no place where feeds can be added."""


def _added(text: str, items: Sequence[Item]) -> str:
    lines = text.split("\n")
    root = yaml.compose(text, Loader=LOADER)
    if root is None:
        return _at_end(text, items)
    if not isinstance(root, MappingNode):
        raise _NoPlace
    pair = next((pair for pair in root.value if pair[0].value == "feeds"), None)
    if pair is None:
        if root.flow_style:
            raise _NoPlace
        return _at_end(text, items)
    key, value = pair
    if isinstance(value, SequenceNode) and value.value:
        return _after_flow(lines, value, items) if value.flow_style else _after_block(lines, value, items)
    if isinstance(value, MappingNode) or root.flow_style:
        raise _NoPlace
    return _first(lines, key, value, items)


def _at_end(text: str, items: Sequence[Item]) -> str:
    """For a file without the key `feeds`."""
    body = text if not text or text.endswith("\n") else text + "\n"
    return body + "feeds:\n" + "\n".join(_block(item, "  ", " ") for item in items) + "\n"


def _after_block(lines: list[str], feeds: SequenceNode, items: Sequence[Item]) -> str:
    last = feeds.value[-1]
    dash = lines[last.start_mark.line].rfind("-", 0, last.start_mark.column)
    if dash < 0 or lines[last.start_mark.line][:dash].strip():
        raise _NoPlace
    indent = lines[last.start_mark.line][:dash]
    gap = " " * max(1, last.start_mark.column - dash - 1)
    at = _past_comments(lines, _line_after(last), deeper_than=dash)
    airy = len(feeds.value) > 1 and not lines[last.start_mark.line - 1].strip()
    between = "\n\n" if airy else "\n"
    block = between.join(_block(item, indent, gap) for item in items)
    return "\n".join([*lines[:at], *([""] if airy else []), block, *(lines[at:] or [""])])


def _after_flow(lines: list[str], feeds: SequenceNode, items: Sequence[Item]) -> str:
    end = feeds.value[-1].end_mark
    more = ", ".join(_dumped(_plain(item), flow=True) for item in items)
    line = lines[end.line]
    lines[end.line] = f"{line[: end.column]}, {more}{line[end.column :]}"
    return "\n".join(lines)


def _first(lines: list[str], key: Node, value: Node, items: Sequence[Item]) -> str:
    """For an empty list: nothing, null or `[]`."""
    start, end = value.start_mark, value.end_mark
    if start.line != key.end_mark.line or end.line != start.line:
        raise _NoPlace
    line = lines[start.line]
    lines[start.line] = (line[: start.column].rstrip() + line[end.column :]).rstrip()
    indent = " " * (key.start_mark.column + 2)
    at = _past_comments(lines, start.line + 1, deeper_than=key.start_mark.column)
    block = "\n".join(_block(item, indent, " ") for item in items)
    return "\n".join([*lines[:at], block, *(lines[at:] or [""])])


def _line_after(node: Node) -> int:
    """The line after the last one of `node`. (The end mark of a collection is where the next thing begins.)"""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        node = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
    end = node.end_mark
    ends_before = end.column == 0 and end.line > node.start_mark.line  # a block of text
    return end.line + (0 if ends_before else 1)


def _past_comments(lines: Sequence[str], at: int, *, deeper_than: int) -> int:
    """Skips comments that belong to the item before."""
    while at < len(lines) and re.match(rf" {{{deeper_than + 1},}}#", lines[at]):
        at += 1
    return at


def wrong(item: Item) -> Mapping[str, str]:
    """What is wrong with the keys of a feed, by key, as far as they can be judged on their own."""
    try:
        FeedEntry.model_validate(item)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return {str(each["loc"][0]) if each["loc"] else "": message_of(each) for each in found}
    return {}


def _block(item: Item, indent: str, gap: str) -> str:
    """The lines of a feed; only its URL if it has no other key."""
    plain = _plain(item)
    if plain.keys() == {"url"}:
        return f"{indent}-{gap}{_value(plain['url'])}"
    return f"{indent}-{gap}" + f"\n{indent} {gap}".join(f"{key}: {_value(value)}" for key, value in plain.items())


def _plain(item: Item) -> dict[str, str | list[str]]:
    """The item with `${` escaped, because what is added may come from a stranger's list."""
    return {
        key: _literal(value) if isinstance(value, str) else [_literal(one) for one in value]
        for key, value in item.items()
    }


def _literal(text: str) -> str:
    return text.replace("${", "$${")


def _value(value: str | list[str]) -> str:
    """The value as YAML after a key: quoted if necessary, a list in brackets."""
    if isinstance(value, list):
        return _dumped(value, flow=True)
    if _PLAIN_URL.fullmatch(value):
        return value
    return _dumped({"key": value}, flow=False).partition(": ")[2]


def _dumped(value: object, *, flow: bool) -> str:
    return yaml.safe_dump(
        value, default_flow_style=flow, allow_unicode=True, width=2**31, sort_keys=False
    ).removesuffix("\n")


def _read(text: str) -> tuple[list[object], object]:
    """The feeds as written, with a bare URL as a mapping that has only that; and all other keys."""
    found = yaml.load(text, Loader=LOADER) or {}  # noqa: S506  # a safe one
    listed = found.pop("feeds", None) or []
    return [_unescaped({"url": item} if isinstance(item, str) else item) for item in listed], found


def _unescaped(item: object) -> object:
    if isinstance(item, str):
        return item.replace("$${", "${")
    if isinstance(item, list):
        return [_unescaped(one) for one in item]
    return {key: _unescaped(value) for key, value in item.items()} if isinstance(item, dict) else item
