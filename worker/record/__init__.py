"""The record, and how it is written down.

schema.py     its fields, and what may change in them
notations.py  the same for DuckDB, Spark, Elasticsearch, pandas
dates.py      its dates
shards.py     which shard of an output has it
"""

from worker.record.dates import instant, rfc3339, to_the_second
from worker.record.schema import SCHEMA, File, Ingest, Original, Person, Raw, Record, is_id, json_schema, parse
from worker.record.shards import shard_name, shard_names, shard_of, shard_place

__all__ = [
    "SCHEMA",
    "File",
    "Ingest",
    "Original",
    "Person",
    "Raw",
    "Record",
    "instant",
    "is_id",
    "json_schema",
    "parse",
    "rfc3339",
    "shard_name",
    "shard_names",
    "shard_of",
    "shard_place",
    "to_the_second",
]
