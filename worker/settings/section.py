"""The base of all sections: mappings whose keys have defaults and a line of documentation each."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A mapping with these keys and no others. If all its keys are commented out, YAML reads it as null, which counts
    as empty."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"type": ["object", "null"]})

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: object) -> object:
        return {} if value is None else value


def key(default: object, line: str, *, name: str | None = None, secret: bool = False) -> Any:
    """A key with its default and documentation, called `name` in the file if the attribute's name has a unit.

    If it may be `secret`, it is left out of repr().
    """
    return Field(default=default, validate_default=True, alias=name, description=line, repr=not secret)


def section(model: type[Section]) -> Any:
    """A key whose value is a mapping; documented by the model's docstring."""
    return key({}, model.__doc__ or "")
