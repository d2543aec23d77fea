"""The record's schema for others, tried with what the demo wrote; and the schema itself, pinned."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests.record.test_record_schema import FULL, MINIMAL
from worker.cli.main import app
from worker.record import json_schema, notations

PINNED = Path(__file__).with_name("record_schema_1.txt")


def lines(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """A line for each field: its path, whether it must be there, and what it may hold."""
    definitions = json_schema()["$defs"]
    for name, described in schema["properties"].items():
        must = "always" if name in schema["required"] else "maybe"
        plain = {key: value for key, value in described.items() if key not in ("title", "description")}
        yield f"{path}{name} {must} {json.dumps(plain, sort_keys=True)}"
        for inner in re.findall(r"#/\$defs/(\w+)", json.dumps(described)):
            yield from lines(definitions[inner], f"{path}{name}.")


def test_the_schema_is_what_was_decided() -> None:
    """A change is one of the contract: what schema 1 may get, and what makes 2, stands at the top of record/schema.py.
    What is allowed there goes into record_schema_1.txt as well."""
    assert list(lines(json_schema())) == PINNED.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def columns() -> str:
    """As the command prints them."""
    return CliRunner().invoke(app, ["schema", "duckdb"]).stdout


def written(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def plain(value: object) -> object:
    """As JSON has it: dates as text, and no keys without a value."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if hasattr(value, "isoformat"):
        milliseconds = "milliseconds" if value.microsecond else "seconds"  # type: ignore[attr-defined]
        return f"{value.isoformat(timespec=milliseconds)}Z"
    return value


@pytest.mark.parametrize("record", [FULL, MINIMAL], ids=["full", "minimal"])
def test_duckdb_reads_every_field_as_it_was_written(tmp_path: Path, columns: str, record: dict[str, Any]) -> None:
    """Nothing is lost, nothing guessed."""
    path = written(tmp_path, record)
    with duckdb.connect() as connection:
        found = connection.sql(f"FROM read_json('{path}', columns = {columns})")
        (row,) = found.fetchall()
        assert plain(dict(zip(found.columns, row, strict=True))) == plain(record)


def test_duckdb_reads_what_the_demo_wrote(demo: tuple[Path, str], columns: str) -> None:
    """Dates are dates to it, and fields of which these records have none are there."""
    records = f"read_json('{demo[0]}/records/*/*.jsonl', columns = {columns})"
    with duckdb.connect() as connection:
        assert connection.sql(f"FROM {records} SELECT count(content_html), count(id)").fetchall() == [(0, 51)]
        days = f"FROM {records} SELECT max(_ingest.ingested_at) - min(_ingest.first_seen_at) < INTERVAL 1 DAY"
        assert connection.sql(days).fetchall() == [(True,)]


def test_pandas_takes_the_dtypes(demo: tuple[Path, str], tmp_path: Path) -> None:
    """In read_json for the columns, in json_normalize for what is in `_ingest` too; full records and scanty ones."""
    import pandas  # when it is needed: it takes half a second to load

    segments = (demo[0] / "records").glob("*/*.jsonl")
    records = [json.loads(line) for path in segments for line in path.read_bytes().splitlines()] + [FULL, MINIMAL]
    dtypes = notations.pandas()
    read = pandas.read_json(written(tmp_path, *records), lines=True, dtype=dtypes)
    taken_apart = pandas.json_normalize(records)
    taken_apart = taken_apart.astype({name: dtypes[name] for name in taken_apart.columns if name in dtypes})
    for frame in (read, taken_apart):
        assert {name: str(frame[name].dtype) for name in frame if name in dtypes} == {
            name: dtype for name, dtype in dtypes.items() if name in frame
        }
        assert frame["date_published"].iloc[-2] == pandas.Timestamp(FULL["date_published"])
    unknown = {name for name in taken_apart if name not in dtypes}
    assert all(name.startswith("_ingest.sources.") for name in unknown)


def values(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each single value of a record with its path, as Elasticsearch takes it apart."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from values(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from values(inner, path)
    elif value is not None:
        yield path, value


TAKES: dict[str, type] = {"text": str, "keyword": str, "date": str, "long": int}


def test_elasticsearch_has_a_place_for_every_value() -> None:
    """Of the type that it is; what is an object of its own keys is kept and not looked into."""
    for path, value in values(FULL):
        mapping = notations.elasticsearch()["mappings"]
        for name in path.split("."):
            if mapping.get("enabled") is False:
                break
            mapping = mapping["properties"][name]
        else:
            assert isinstance(value, TAKES[mapping["type"]]), path
            continue
        assert path.startswith("_ingest.sources.")


def test_texts_are_searched_by_word_and_names_are_compared() -> None:
    """An aggregation by feed or language, a search in titles."""
    properties = notations.elasticsearch()["mappings"]["properties"]
    prose = {name for name, mapping in properties.items() if mapping.get("type") == "text"}
    assert prose == {"title", "summary", "content_text", "content_html"}
    assert properties["_ingest"]["properties"]["feed_id"]["type"] == "keyword"


def spark_takes(value: object, type: Any) -> bool:
    """Whether a JSON value is of a type of Spark's (org.apache.spark.sql.types.DataType.fromJson)."""
    match type:
        case "string" | "timestamp":
            return isinstance(value, str)
        case "long":
            return isinstance(value, int)
        case {"type": "array", "elementType": inner, "containsNull": False}:
            return isinstance(value, list) and all(spark_takes(item, inner) for item in value)
        case {"type": "map", "keyType": "string", "valueType": inner, "valueContainsNull": False}:
            return isinstance(value, dict) and all(spark_takes(item, inner) for item in value.values())
        case {"type": "struct", "fields": fields}:
            named = {field["name"]: field for field in fields}
            return isinstance(value, dict) and all(
                field["nullable"] if value.get(name) is None else spark_takes(value[name], field["type"])
                for name, field in named.items()
            )
    return False


@pytest.mark.parametrize("record", [FULL, MINIMAL], ids=["full", "minimal"])
def test_spark_has_a_type_for_every_field(record: dict[str, Any]) -> None:
    """What may be missing or null is nullable, and the rest is not."""
    schema = notations.spark()
    assert [field["name"] for field in schema["fields"]] == list(FULL)
    assert spark_takes(record, schema)
    for field in schema["fields"]:
        spoiled = {name: value for name, value in record.items() if name != field["name"]}
        assert spark_takes(spoiled, schema) == field["nullable"]


@pytest.mark.parametrize("which", ["spark", "elasticsearch", "pandas"])
def test_the_command_prints_them(which: str) -> None:
    """As JSON."""
    printed = json.loads(CliRunner().invoke(app, ["schema", which]).stdout)
    assert printed == getattr(notations, which)()
