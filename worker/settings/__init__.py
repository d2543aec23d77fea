"""YAML files to frozen settings and feeds; every mistake at once, each with its file, line, column and a hint.

    load           all of it, in order
    yaml_file      a file → plain values, with the place of each
    expand         ${VARIABLES} in values
    section        the base of all sections
    schema         the keys of worker.yaml, each with a line of documentation
    feed_list      the keys of feed lists, likewise
    rules          the keys of a feed's rules, likewise
    values         types of single values
    places         types of values that name places
    quantities     durations and sizes
    addresses      a feed's URL, and the id made from it
    endpoints      addresses of the worker itself, the broker and collectors
    settings       the resulting `Settings`
    feeds          feed lists → feeds
    feed_rules     keys of rules → the rules
    problems       pydantic's errors → file, line and the most similar key
    opml           lists of other feed readers, in and out
    imported       an OPML file's feeds, to be added to a list
    editing        feeds added to a list in place
    changes        which new settings a running worker takes up
    documentation  JSON Schemas, and the files that `init` writes

Nothing here keeps settings between calls or reads the environment by itself: that is an argument.
"""

from worker.settings.changes import taken_up
from worker.settings.documentation import init_files, json_schema
from worker.settings.editing import Item, added, replace, wrong
from worker.settings.endpoints import Endpoint, is_loopback
from worker.settings.imported import imported
from worker.settings.load import Known, is_unchanged, load, stamps, state_at
from worker.settings.opml import document as opml_document
from worker.settings.opml import is_opml
from worker.settings.quantities import seconds
from worker.settings.schema import Dedup, Extract, Fetch, Host, Log, Output, Schedule
from worker.settings.settings import Settings

__all__ = [
    "Dedup",
    "Endpoint",
    "Extract",
    "Fetch",
    "Host",
    "Item",
    "Known",
    "Log",
    "Output",
    "Schedule",
    "Settings",
    "added",
    "imported",
    "init_files",
    "is_loopback",
    "is_opml",
    "is_unchanged",
    "json_schema",
    "load",
    "opml_document",
    "replace",
    "seconds",
    "stamps",
    "state_at",
    "taken_up",
    "wrong",
]
