"""Documentation of the settings: JSON Schemas for editors, and the commented files that a new user starts with."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from worker.settings.feed_list import FeedFile
from worker.settings.schema import WorkerFile
from worker.settings.values import VARIABLE

_MODELS: Mapping[str, type[BaseModel]] = {"config": WorkerFile, "feeds": FeedFile}
_INIT_FILES = ("worker.yaml", "feeds.yaml")


class _EditorSchema(GenerateJsonSchema):
    """Keys get no titles because they speak for themselves; `${VARIABLE}` is allowed in place of one of several
    words."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"anyOf": [super().literal_schema(schema), {"type": "string", "pattern": VARIABLE}]}


def json_schema(name: Literal["config", "feeds"]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of worker.yaml (`config`) or of a feed list (`feeds`)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://feedmill.example/schema/{name}-1.json",
        **_MODELS[name].model_json_schema(schema_generator=_EditorSchema),
    }


def init_files() -> Mapping[str, str]:
    """The texts that `feedmill init` writes, by file name. They are the same as in the repository's `config/`."""
    folder = files("worker.settings") / "templates"
    return {name: (folder / name).read_text(encoding="utf-8") for name in _INIT_FILES}
