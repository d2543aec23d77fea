from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from tests.settings.configs import Config
from worker.settings import init_files, json_schema
from worker.settings.feed_list import FeedEntry, FeedFile
from worker.settings.schema import WorkerFile

REPOSITORY = Path(__file__).parents[2]


def keys_of(model: type[BaseModel], *parents: str) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Every key below `model` with its default, as it is written in a file, and its documentation."""
    for name, field in model.model_fields.items():
        path = (*parents, field.alias or name)
        inner = field.annotation
        is_section = isinstance(inner, type) and issubclass(inner, BaseModel)
        yield path, None if is_section else field.default, field.description or ""
        if is_section:
            yield from keys_of(inner, *path)


def uncommented(text: str) -> str:
    """With every key that stands behind a `#`; prose has a space there."""
    return re.sub(r"(?m)^( *)#(?=[a-z])", r"\1", text)


def documented(text: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The keys of a commented file with the text of their value and their comment, by their indentation."""
    path: tuple[str, ...] = ()
    for line in uncommented(text).splitlines():
        match = re.fullmatch(r"( *)([a-z_]+):(.*?) +# (.*)", line)
        if match:
            path = (*path[: len(match[1]) // 2], match[2])
            yield path, match[3].strip(), match[4]


def test_the_commented_worker_yaml_has_every_key_its_default_and_its_documentation() -> None:
    """So that the file and the code can't come to differ."""
    written = {path: (yaml.safe_load(value), line) for path, value, line in documented(init_files()["worker.yaml"])}
    assert written == {path: (default, line) for path, default, line in keys_of(WorkerFile)}


@pytest.mark.parametrize("change", [str, uncommented], ids=["as it is", "uncommented"])
def test_the_commented_worker_yaml_is_the_default(config: Config, change: Any) -> None:
    """Loaded as it is, or with every default uncommented, it comes to what no key comes to."""
    empty = config.write(worker="{}").load()
    assert config.write(worker=change(init_files()["worker.yaml"])).load() == empty


def test_the_commented_feeds_yaml_has_every_key_and_its_documentation() -> None:
    """In its head, a line a key; and the line of `defaults`."""
    text = init_files()["feeds.yaml"]
    listed = dict(re.findall(r"(?m)^#   ([a-z_]+) +(.*)$", text))
    assert listed == {path[0]: line for path, _, line in keys_of(FeedEntry) if len(path) == 1 and path != ("url",)}
    assert f"# {FeedFile.model_fields['defaults'].description}" in text


def test_the_feeds_to_begin_with_are_ten(config: Config) -> None:
    """Of different kinds and make, in short and in full; also with what is commented out."""
    config.write(feeds=init_files()["feeds.yaml"])
    feeds = config.load().feeds
    assert len(feeds) == 10
    assert {feed.full_text for feed in feeds} == {"auto", "always", "never"}
    assert any(feed.cron for feed in feeds)
    assert any(feed.every_s for feed in feeds)
    assert len({feed.url.split("/")[2] for feed in feeds}) == 10
    config.write(feeds=uncommented(init_files()["feeds.yaml"]))
    assert config.load({"TOKEN": "x"}).feeds[-1].headers == {"Authorization": "Bearer x"}


@pytest.mark.parametrize("name", ["worker.yaml", "feeds.yaml"])
def test_the_repository_has_the_files_that_init_writes(name: str) -> None:
    """One source: the package's."""
    assert (REPOSITORY / "config" / name).read_text(encoding="utf-8") == init_files()[name]


@pytest.mark.parametrize("name", ["config", "feeds"])
def test_the_schema_is_one_and_documents_every_key(name: Any) -> None:
    """JSON Schema 2020-12, a description and a default for each key that may be left out."""
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for described in [schema, *schema["$defs"].values()]:
        assert described["additionalProperties"] is False
        for key, value in described["properties"].items():
            section = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert value.get("description", section.get("description")), key
            assert "default" in value or key in described["required"]


@cache
def validator(name: Any) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema(name))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("config", init_files()["worker.yaml"], id="the commented file"),
        pytest.param("config", uncommented(init_files()["worker.yaml"]), id="uncommented"),
        pytest.param("feeds", init_files()["feeds.yaml"], id="the commented list"),
        pytest.param("config", "state: postgresql://u:p@h/x?sslmode=require", id="a server"),
        pytest.param("feeds", "defaults:\nfeeds:\n", id="a list with everything commented out"),
        pytest.param(
            "config",
            "{fetch: {timeout: '${A}', concurrency: '${A}', max_page: '${A:-5MB}', proxy: '${A}', "
            "hosts: {a.example: {proxy: null}}}, log: {level: '${A}'}, "
            "extract: {workers: '${A}'}, schedule: {jitter: '${A}'}, state: '${A}'}",
            id="variables",
        ),
        pytest.param(
            "feeds", "feeds: ['${A}', {url: '${A}', every: '${A}', full_text: '${A}', id: '${A}'}]", id="those"
        ),
    ],
)
def test_editors_let_pass_what_can_be_loaded(name: Any, text: str) -> None:
    """By a validator that is not ours."""
    validator(name).validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("config", "conccurency: 3", id="unknown key"),
        pytest.param("config", "fetch: {timeout: 17}", id="no unit"),
        pytest.param("config", "fetch: {timeout: '17'}", id="no unit, in quotes"),
        pytest.param("config", "extract: {memory: 20mb}", id="unknown unit"),
        pytest.param("config", "fetch: {concurrency: 0}", id="none at once"),
        pytest.param("config", "fetch: {proxy: 'socks5://proxy.example'}", id="no http proxy"),
        pytest.param("config", "log: {level: loud}", id="unknown word"),
        pytest.param("config", "state: x.db", id="no sqlite:///"),
        pytest.param("config", "state: mysql://u:p@h/x", id="another database"),
        pytest.param("feeds", "feeds: [example.org]", id="no URL"),
        pytest.param("feeds", "feeds: [{id: a}]", id="no url"),
        pytest.param("feeds", "feeds: [null]", id="a dash alone"),
        pytest.param("feeds", "defaults: {url: 'https://example.org/'}", id="a default url"),
    ],
)
def test_editors_mark_what_cannot_be_loaded(name: Any, text: str) -> None:
    """Before feedmill has to."""
    with pytest.raises(jsonschema.ValidationError):
        validator(name).validate(yaml.safe_load(text))
