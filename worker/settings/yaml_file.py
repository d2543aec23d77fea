"""A YAML file as plain values, with the place of each.

PyYAML's own `load` forgets where values were, silently takes the last of two equal keys, and lets aliases multiply
without limit. So the values are made here, from the parser's tree of nodes. YAML 1.1, as PyYAML reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from worker.errors import Problem
from worker.settings.expand import Unexpanded, expanded, values_in

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
Loc: TypeAlias = "tuple[str | int, ...]"
"""The path from the root of a file to a value: keys and indexes."""

LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's loader, if PyYAML was built with it: 0.05 s for 20,000 URLs, instead of 0.6 s for the one in Python."""

_MAX_DEPTH = 50  # levels; the schema has five
_MAX_SHOWN = 60  # characters
_UNPRINTABLE = re.compile(rf"{yaml.reader.Reader.NON_PRINTABLE.pattern}|\ufeff")
_TAG = "tag:yaml.org,2002:"
_TEXTS = frozenset(_TAG + name for name in ("str", "timestamp", "value"))  # a date is text here, as is a lone `=`
_SCALARS = frozenset(_TAG + name for name in ("null", "bool", "int", "float"))


@dataclass(frozen=True, kw_only=True)
class YamlFile:
    """A file that could be parsed."""

    name: str
    """As it is shown to people."""
    value: Plain
    """With variables expanded. None if the file is empty, and in place of every value in `problems`."""
    problems: tuple[Problem, ...]
    """Mistakes that can be found without knowing the keys: repeated keys, unset variables, unknown tags."""
    varies: bool
    """Whether it contains variables, or what may be some."""
    _root: Node | None = field(repr=False)
    _environ: Mapping[str, str] = field(repr=False)
    _reported: frozenset[int] = field(repr=False)
    """The nodes that `problems` are about."""

    def problem(self, loc: Loc, message: str, *, hint: str = "", at_key: bool = False) -> Problem:
        """A problem of the value at `loc` or, if there is none, the innermost value around it; with `at_key`, of that
        value's key."""
        node, key_node, found = self._at(loc)
        return _problem(self.name, key_node if at_key else node, found, message, hint)

    def wrong(self, loc: Loc, message: str, *, hint: str = "") -> Problem:
        """A problem of the value at `loc`, showing what is there instead of what was expected."""
        shown = self.shown(loc)
        return self.problem(loc, message + (f", not {shown}" if shown else ""), hint=hint)

    def place(self, loc: Loc) -> str:
        """`config/feeds.yaml:7`."""
        return f"{self.name}:{self.problem(loc, '').line}"

    def is_reported(self, loc: Loc) -> bool:
        """Whether the value is among the `problems`, so that nothing else needs to be said about it."""
        return id(self._at(loc)[0]) in self._reported

    def text(self, loc: Loc) -> str:
        """The scalar at `loc` as written in the file, before variables are expanded. Empty for anything else."""
        node = self._at(loc)[0]
        return node.value if isinstance(node, ScalarNode) else ""

    def put_in(self, loc: Loc) -> tuple[str, ...]:
        """Values from the environment in the scalar at `loc`, which may be secret."""
        return values_in(self.text(loc), self._environ)

    def shown(self, loc: Loc) -> str:
        """What is written at `loc`, shortened; empty if it may contain a secret."""
        node = self._at(loc)[0]
        if not isinstance(node, ScalarNode):
            return "a mapping" if isinstance(node, MappingNode) else "a list" if node else "an empty file"
        if "headers" in loc or "proxy" in loc or ("@" in node.value and "//" in node.value):
            return ""
        if node.tag == _TAG + "null":
            return "nothing"
        text = " ".join(node.value.split())
        text = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
        return f'"{text}"' if node.tag in _TEXTS else text

    def _at(self, loc: Loc) -> tuple[Node | None, Node | None, Loc]:
        node, key_node = self._root, self._root
        for depth, part in enumerate(loc):
            if isinstance(node, MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == part), None)
            elif isinstance(node, SequenceNode) and isinstance(part, int):
                pair = (node.value[part], node.value[part])
            else:
                pair = None
            if pair is None:
                return node, key_node, loc[:depth]
            key_node, node = pair
        return node, key_node, loc


def content(path: Path) -> bytes | Problem:
    """The contents of the file at `path`, or a Problem if it can't be read."""
    name = str(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return Problem(file=name, message="no such file")
    except (OSError, ValueError) as error:  # ValueError: not a valid file name
        return Problem(file=name, message=f"can't be read: {getattr(error, 'strerror', error)}")


def parsed(name: str, data: bytes, environ: Mapping[str, str]) -> YamlFile | Problem:
    """The file with that name and contents, with variables from `environ`; a Problem if it is not YAML."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        return _problem_after(name, before, "a byte that is not UTF-8", "save the file as UTF-8")
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        return _problem_after(
            name, text[: unprintable.start()], f"a control character, {unprintable[0]!r}", "remove it"
        )
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        return _syntax_problem(name, text, error)
    except RecursionError:
        return Problem(file=name, message="nested too deeply")
    return of_nodes(name, root, environ)


def of_nodes(name: str, root: Node | None, environ: Mapping[str, str] | None) -> YamlFile:
    """The file made from a tree of nodes. environ: None: nothing in it is a variable."""
    values = _Values(name, environ)
    value = None if root is None else values.of(root, ())
    return YamlFile(
        name=name,
        value=value,
        problems=tuple(values.problems),
        varies=values.varies,
        _root=root,
        _environ=environ or {},
        _reported=frozenset(values.reported),
    )


class _Values:
    """Makes the values of one tree, and collects what is wrong.

    What an alias refers to is made once and shared, so a file whose aliases multiply to billions of values
    (https://en.wikipedia.org/wiki/Billion_laughs_attack) takes no longer than any other of its size.
    """

    def __init__(self, name: str, environ: Mapping[str, str] | None) -> None:
        self.problems: list[Problem] = []
        self.reported: set[int] = set()
        self.varies = False
        self._name = name
        self._environ = environ
        self._scalars = SafeConstructor()
        self._made: dict[int, Plain] = {}
        self._open: set[int] = set()

    def of(self, node: Node, loc: Loc) -> Plain:
        if isinstance(node, ScalarNode):
            return self._scalar(node, loc)
        if id(node) in self._made:
            return self._made[id(node)]
        if id(node) in self._open:
            return self._report(node, loc, "an alias that contains itself")
        if len(loc) > _MAX_DEPTH:
            return self._report(node, loc, "nested too deeply")
        self._open.add(id(node))
        value = self._mapping(node, loc) if isinstance(node, MappingNode) else self._list(node, loc)
        self._open.discard(id(node))
        self._made[id(node)] = value
        return value

    def _list(self, node: Node, loc: Loc) -> Plain:
        if node.tag != _TAG + "seq":
            return self._report(node, loc, f"an unknown tag, {node.tag.removeprefix(_TAG)}")
        return [self.of(item, (*loc, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, loc: Loc) -> Plain:
        if node.tag != _TAG + "map":
            return self._report(node, loc, f"an unknown tag, {node.tag.removeprefix(_TAG)}")
        values: dict[str, Plain] = {}
        first: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, ScalarNode):
                self._report(key_node, loc, "a key that is no text")
            elif key_node.tag == _TAG + "merge":
                self._report(key_node, loc, 'no merging with "<<" here', hint="a feed list has defaults: for its feeds")
            elif key in first:
                line = first[key].start_mark.line + 1
                self._report(key_node, (*loc, key), "the same key again", hint=f"the first is in line {line}")
            else:
                first[key] = key_node
                values[key] = self.of(value_node, (*loc, key))
        return values

    def _scalar(self, node: ScalarNode, loc: Loc) -> Plain:
        if node.tag in _TEXTS:
            if "$" not in node.value or self._environ is None:
                return str(node.value)
            self.varies = True
            text = expanded(node.value, self._environ)
            if isinstance(text, Unexpanded):
                return self._report(node, loc, text.message, hint=text.hint)
            return text
        if node.tag not in _SCALARS:
            return self._report(node, loc, f"an unknown tag, {node.tag.removeprefix(_TAG)}")
        try:
            value: Plain = self._scalars.construct_object(node)
        except (ConstructorError, ValueError, KeyError):  # such as `!!int many`, or more digits than Python converts
            return self._report(node, loc, f"no {node.tag.removeprefix(_TAG)}")
        return value

    def _report(self, node: Node, loc: Loc, message: str, *, hint: str = "") -> Plain:
        """Reports a problem. Returns None, in place of the value that `node` fails to give."""
        self.problems.append(_problem(self._name, node, loc, message, hint))
        self.reported.add(id(node))
        return None


def _problem(name: str, node: Node | None, loc: Loc, message: str, hint: str) -> Problem:
    mark = node.start_mark if node else None
    return Problem(
        file=name,
        line=mark.line + 1 if mark else 0,
        column=mark.column + 1 if mark else 0,
        key=dotted(loc),
        message=message,
        hint=hint,
    )


def dotted(loc: Loc) -> str:
    """`fetch.per_host.delay`, `feeds[3].url`. A part that does not look like a key is left out, because it may be a
    whole header."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if re.fullmatch(r"[\w.-]+", part) else ".…" for part in loc
    ).removeprefix(".")


def _problem_after(name: str, before: str, message: str, hint: str) -> Problem:
    line_start = before.rfind("\n") + 1
    return Problem(
        file=name, line=before.count("\n") + 1, column=len(before) - line_start + 1, message=message, hint=hint
    )


_SYNTAX_HINTS = (
    ("while scanning an alias", "a value that begins with * has to be quoted"),
    (
        "mapping values are not allowed",
        'a value with ": " in it has to be quoted; keys of one mapping begin in one column',
    ),
    ("',' or ", "a bracket is not closed, or a text with one of [ ] { } , in it is not quoted"),
    ("unexpected end of stream", "a quote is not closed"),
    ("indicator", "items of one list begin in one column, each with a dash"),
    ("block end", "items of one list begin in one column, each with a dash"),
    ("expected key", "keys of one mapping begin in one column"),
    ("another document", "a file holds one document: remove the line ---"),
    ("unknown escape", "in double quotes, a backslash is written twice; or use single quotes"),
)


def _syntax_problem(name: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    """PyYAML's message as one sentence without a line number of its own, with a hint."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    character = lines[line][column : column + 1] if line < len(lines) else ""
    message = ", ".join(filter(None, (error.context, error.problem)))
    hint = next((hint for part, hint in _SYNTAX_HINTS if part in message), "")
    if "cannot start any token" in message:
        message = "a tab" if character == "\t" else f"a value can't begin with {character}"
        hint = "YAML wants spaces" if character == "\t" else "put it in quotes"
    elif error.context_mark and error.context_mark.line != line:
        message += f" (it begins in line {error.context_mark.line + 1})"
    return Problem(file=name, line=line + 1, column=column + 1, message=f"not YAML: {message}", hint=hint)
