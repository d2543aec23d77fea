"""The record's schema in the notations of programs that load records: DuckDB, Spark, Elasticsearch (OpenSearch),
pandas.

All of it is derived from the JSON Schema, so a field that is added there is here, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from worker.record.schema import json_schema

KEYWORD_CHARS = 8191
"""Lucene refuses a term of more than 32,766 bytes, and a character takes up to four; longer values are not indexed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    kind: Literal["string", "prose", "integer", "date"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    items: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """Any keys; all values of one type."""

    values: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    type: Type
    always: bool
    """Present in every record and never null."""
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    fields: Mapping[str, Field]


Type = Scalar | Array | Dictionary | Struct


def fields() -> Struct:
    """The fields of a record, in order."""
    schema = json_schema()
    return _struct(schema, schema["$defs"])


def duckdb() -> str:
    """The `columns` of read_json, as SQL."""
    columns = (f"{_quoted(name)}: {_text(_duckdb(field.type))}" for name, field in fields().fields.items())
    return "{" + ", ".join(columns) + "}"


def spark() -> dict[str, Any]:
    """A StructType, as JSON for StructType.fromJson()."""
    return _spark_struct(fields())


def elasticsearch() -> dict[str, Any]:
    """The body that creates an index. Fields that schema 1 may get later are stored but not indexed."""
    return {"mappings": {"dynamic": False, "properties": _properties(fields())}}


def pandas() -> dict[str, str]:
    """dtypes by column, for pandas.read_json(dtype=…), and for json_normalize, which names nested fields like
    `_ingest.seq`. A data frame need not have every column."""
    return dict(_dtypes(fields(), ""))


def _struct(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Struct:
    required = schema["required"]
    found: dict[str, Field] = {}
    for name, described in schema["properties"].items():
        kinds = [kind for kind in described.get("anyOf", [described]) if kind.get("type") != "null"]
        found[name] = Field(
            type=_type(kinds[0], definitions),
            always=name in required and "anyOf" not in described,
            description=described.get("description"),
        )
    return Struct(fields=found)


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Type:
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    match schema:
        case {"type": "string", "format": "date-time"}:
            return Scalar(kind="date")
        case {"type": "string", "contentMediaType": _}:
            return Scalar(kind="prose")
        case {"type": "string"}:
            return Scalar(kind="string")
        case {"type": "integer"}:
            return Scalar(kind="integer")
        case {"type": "array", "items": items}:
            return Array(items=_type(items, definitions))
        case {"type": "object", "properties": _}:
            return _struct(schema, definitions)
        case {"type": "object", "additionalProperties": dict(values)}:
            return Dictionary(values=_type(values, definitions))
    raise NotImplementedError(f"no other schema has a word for {schema} yet")


def _duckdb(type: Type) -> str:
    match type:
        case Scalar(kind="date"):
            return "TIMESTAMP"  # UTC; a type with time zone would be shown, and split into days, in the session's zone
        case Scalar(kind="integer"):
            return "BIGINT"
        case Scalar():
            return "VARCHAR"
        case Array(items=items):
            return f"{_duckdb(items)}[]"
        case Dictionary(values=values):
            return f"MAP(VARCHAR, {_duckdb(values)})"
        case Struct(fields=fields):
            return f"STRUCT({', '.join(f'{_quoted(name)} {_duckdb(field.type)}' for name, field in fields.items())})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _spark(type: Type) -> str | dict[str, Any]:
    match type:
        case Scalar(kind="date"):
            return "timestamp"
        case Scalar(kind="integer"):
            return "long"
        case Scalar():
            return "string"
        case Array(items=items):
            return {"type": "array", "elementType": _spark(items), "containsNull": False}
        case Dictionary(values=values):
            return {"type": "map", "keyType": "string", "valueType": _spark(values), "valueContainsNull": False}
        case Struct():
            return _spark_struct(type)


def _spark_struct(struct: Struct) -> dict[str, Any]:
    found = []
    for name, field in struct.fields.items():
        metadata = {"comment": field.description} if field.description else {}
        found.append({"name": name, "type": _spark(field.type), "nullable": not field.always, "metadata": metadata})
    return {"type": "struct", "fields": found}


def _properties(struct: Struct) -> dict[str, Any]:
    return {name: _elasticsearch(field.type) for name, field in struct.fields.items()}


def _elasticsearch(type: Type) -> dict[str, Any]:
    match type:
        case Scalar(kind="prose"):
            return {"type": "text"}
        case Scalar(kind="date"):
            return {"type": "date"}
        case Scalar(kind="integer"):
            return {"type": "long"}
        case Scalar():
            return {"type": "keyword", "ignore_above": KEYWORD_CHARS}
        case Array(items=items):
            return _elasticsearch(items)  # there, every field may have several values
        case Dictionary():
            # Elasticsearch's `flattened` is OpenSearch's `flat_object`. Both accept this, and no key becomes a field.
            return {"type": "object", "enabled": False}
        case Struct():
            return {"properties": _properties(type)}


def _dtypes(struct: Struct, prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in struct.fields.items():
        match field.type:
            case Scalar(kind="date"):
                yield prefix + name, "datetime64[ms, UTC]"
            case Scalar(kind="integer"):
                yield prefix + name, "Int64"  # with a capital I it may be missing
            case Scalar():
                yield prefix + name, "string"
            case Array() | Dictionary():
                yield prefix + name, "object"
            case Struct() as inner:
                yield prefix + name, "object"  # if it is null, or not taken apart
                yield from _dtypes(inner, f"{prefix}{name}.")
