"""Nothing that a user meets is left without a word: commands, their options, the fields of a record, the metrics.

Configuration keys: tests/settings/test_settings_documentation.py. What the README says works: tests/test_readme.py.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer

from worker.cli.main import app
from worker.output.manifest.manifest import FileLine, RemoveLine
from worker.record import json_schema

ROOT = Path(__file__).parents[1]
WORKER = ROOT / "worker"
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = README + "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deploy").glob("*.md"))
DEPLOYED = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
ROOMS = [path for path in sorted(WORKER.glob("*/__init__.py")) if path.parent.name not in ("cli", "demo", "model")]
GROUP = typer.main.get_command(app)


def commands() -> dict[str, Any]:
    """Each command by its name, as it is typed."""
    assert isinstance(GROUP, typer.core.TyperGroup)
    return dict(GROUP.commands)


def fields(schema: dict[str, Any], *parents: str) -> Iterator[tuple[str, str]]:
    """Every key of an object and of those within it, with its description."""
    for name, inner in schema.get("properties", {}).items():
        yield ".".join((*parents, name)), inner.get("description", "")
    for name, inner in schema.get("$defs", {}).items():
        yield from fields(inner, name)


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_says_what_it_is_for(name: str) -> None:
    """The command with an example, which names it; and the README, or a guide, names each."""
    command = commands()[name]
    assert re.search(rf"Examples?: feedmill {name}\b", " ".join(command.help.split()))
    assert f"feedmill {name}" in GUIDES
    assert [parameter.name for parameter in command.params if not parameter.help] == []


def test_every_kind_and_field_of_a_manifest_line_is_told_of() -> None:
    """For readers that are not Python."""
    section = DEPLOYED.partition("## The manifest")[2].partition("\n## ")[0]
    (segment, replaced), (removed,) = (get_args(get_type_hints(line)["kind"]) for line in (FileLine, RemoveLine))
    names = {field.name for line in (FileLine, RemoveLine) for field in dataclasses.fields(line)}
    assert {name for name in {segment, replaced, removed} | names if f"`{name}`" not in section} == set()


@pytest.mark.parametrize("room", [path.parent for path in ROOMS], ids=[path.parent.name for path in ROOMS])
def test_every_module_is_on_the_map_of_its_room(room: Path) -> None:
    """Which of them is read first, and for what. (The commands' are named as these are.)"""
    map_of_it = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    modules = {path.stem for path in room.glob("*.py")} - {"__init__"}
    assert {name for name in modules if not re.search(rf"\b{name}\b", map_of_it)} == set()


def test_every_command_is_among_its_like() -> None:
    """`--help` has them in panels, by what people do."""
    panels = [command.rich_help_panel for command in commands().values()]
    assert [name for name, command in commands().items() if not isinstance(command.rich_help_panel, str)] == []
    assert len(set(panels)) == 6


def test_options_of_an_example_exist() -> None:
    """An example that is out of date is worse than none."""
    for name, command in commands().items():
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for example in re.findall(r"feedmill ([a-z-]+) ([^\n]*)", command.help):
            if example[0] == name:
                assert set(re.findall(r"(?<!\S)--[a-z-]+", example[1])) <= known, f"{name}: {example[1]}"


@pytest.mark.parametrize("option", ["--version", "--install-completion"])
def test_options_of_the_whole_are_there_and_in_the_readme(option: str) -> None:
    """The version, and completion by the shell."""
    assert option in {opt for parameter in GROUP.params for opt in parameter.opts}
    assert f"feedmill {option}" in README


def test_every_field_of_a_record_is_described() -> None:
    """In the schema that lies beside the records; a field of the README's example is one that there is."""
    described = dict(fields(json_schema()))
    assert len(described) > 50
    assert [name for name, words in described.items() if not words] == []
    (example,) = re.findall(r"^```json\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    names = {name.rpartition(".")[2] for name in described} | {"…"}
    assert set(re.findall(r'"([^"\s]+)":', example)) <= names


def test_a_missing_word_is_seen() -> None:
    """The look at fields can fail."""
    assert list(fields({"properties": {"a": {}}, "$defs": {"D": {"properties": {"b": {"description": "x"}}}}})) == [
        ("a", ""),
        ("D.b", "x"),
    ]
