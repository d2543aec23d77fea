"""What the sections of the files are made of: mappings whose keys have defaults and a line of documentation each."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A mapping with these keys and no others. One whose keys are all commented out is empty, to YAML null."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"type": ["object", "null"]})

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: object) -> object:
        return {} if value is None else value


def key(default: object, line: str, *, name: str | None = None, secret: bool = False) -> Any:
    """A key with its default and its documentation, named `name` in the file where the attribute has a unit.

    What may be `secret` is not in repr().
    """
    return Field(default=default, validate_default=True, alias=name, description=line, repr=not secret)


def section(model: type[Section]) -> Any:
    """A key whose value is a mapping; its documentation is that of the model."""
    return key({}, model.__doc__ or "")
