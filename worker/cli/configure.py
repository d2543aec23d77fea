"""init, check, schema."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from worker import record
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from worker.cli.printing import print_json, print_line, print_note
from worker.errors import ConfigError, OutputError
from worker.model import NO_RULES, Feed, ObjectPath, Rules
from worker.record import notations
from worker.settings import Settings, init_files, json_schema, load
from worker.words import counted


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to write to.")] = Path("config"),
) -> None:
    """Writes a commented worker.yaml and a feeds.yaml to begin with; touches no file that exists.

    Example: feedmill init config
    """
    try:
        _write_files(folder)
    except OSError as error:
        raise OutputError(f"can't write to {folder}: {error.strerror}; name another folder") from error
    print_line(f"Next: edit them, then feedmill check -c {folder / 'worker.yaml'}")


def _write_files(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in init_files().items():
        path = folder / name
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            print_line(f"wrote {path}")
        except FileExistsError:
            print_line(f"kept  {path}, which exists")


def check(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Reads the configuration and reports every mistake at once, with file, line and the nearest right key.

    Exits with 2 if there is one.

    Example: feedmill check --config config/worker.yaml
    """
    try:
        settings = load(config, os.environ)
    except ConfigError as error:
        if as_json:
            fields = ("file", "line", "column", "key", "message", "hint")
            print_json({"ok": False, "problems": [{f: getattr(p, f) for f in fields} for p in error.problems]})
        else:
            for problem in error.problems:
                print_note(str(problem))
            print_note(counted(len(error.problems), "problem"))
        raise typer.Exit(2) from None
    if as_json:
        found = {"ok": True, "feeds": len(settings.feeds), "files": [str(file) for file in settings.files]}
        found["missing"] = _missing(settings)
        print_json(
            {**found, "rules": {feed.id: list(_rules(feed)) for feed in settings.feeds if feed.rules != NO_RULES}}
        )
        return
    print_line(f"ok: {counted(len(settings.feeds), 'feed')} in {counted(len(settings.files) - 1, 'list')}")
    for name, number in Counter(name for feed in settings.feeds for name in _rules(feed)).items():
        print_line(f"  {name}: of {counted(number, 'feed')}")
    if not settings.feeds:
        print_line("No feed is listed: nothing will be polled.")
    for extra in _missing(settings):
        print_line(f"Needed, and not installed here: pip install 'feedmill[{extra}]'")
    if settings.fetch.contact is None:
        print_line("Set fetch.contact: the owners of the sites that you poll will want to know whom to ask.")


def _missing(settings: Settings) -> list[str]:
    """The extras that the settings need and that are not installed here."""
    output = settings.output
    needed = (
        ("archive", "warcio", output.archive is not None),
        ("cluster", "nats", settings.bus is not None or output.stream is not None),
        ("cluster", "psycopg", settings.is_shared),
        ("otel", "opentelemetry", settings.telemetry.traces is not None),
        ("s3", "obstore", isinstance(output.dir, ObjectPath)),
        ("zstd", "zstandard", output.compact.zstd),
    )
    return sorted({extra for extra, package, is_needed in needed if is_needed and find_spec(package) is None})


def _rules(feed: Feed) -> Iterator[str]:
    """The names of the rules that are set for a feed."""
    names = (field.name for field in dataclasses.fields(Rules) if field.name != "filters_key")
    return (name for name in names if getattr(feed.rules, name) != getattr(NO_RULES, name))


class Which(StrEnum):
    record = "record"
    config = "config"
    feeds = "feeds"
    duckdb = "duckdb"
    spark = "spark"
    elasticsearch = "elasticsearch"
    pandas = "pandas"


def schema(
    which: Annotated[Which, typer.Argument(help="What to describe, or the format for records.")] = Which.record,
) -> None:
    """Prints a JSON Schema: of a record, of worker.yaml (config) or of a feed list (feeds).

    Or the record's schema in another format: the columns of DuckDB's read_json, Spark's StructType as JSON, an index of
    Elasticsearch or OpenSearch, the dtypes of pandas.

    Example: feedmill schema config > worker.schema.json
    """
    match which:
        case Which.record:
            print_json(record.json_schema())
        case Which.config:
            print_json(json_schema("config"))
        case Which.feeds:
            print_json(json_schema("feeds"))
        case Which.duckdb:
            print_line(notations.duckdb())
        case Which.spark:
            print_json(notations.spark())
        case Which.elasticsearch:
            print_json(notations.elasticsearch())
        case Which.pandas:
            print_json(notations.pandas())
