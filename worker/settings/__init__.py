"""YAML files to frozen settings and feeds; every mistake at once, each with its file, line, column and a hint.

    yaml_file   a file → plain values, with the place of each         expand      ${VARIABLES} in them
    schema      the keys of worker.yaml, with a line on each          feed_list   … and of feed lists
    values      the types of single values                            settings    what comes of all of them
    quantities  durations and sizes                                   addresses   a feed's URL, and the id made of it
    endpoints   where the worker itself is reached                    places      … of places among them
    problems    what is wrong → file, line and nearest right key      feeds       feed lists → feeds
    opml        other readers' lists, in and out                      editing    feeds added to a list in place
    rules       the keys of a feed's rules                            feed_rules  … and the rules that they make
    imported    an OPML file's feeds, to be added to a list       section    what sections are made of
    changes     what a running worker takes up of new settings
    load        all of it, in order                                   documentation  JSON Schemas, templates

Nothing here keeps settings between calls, and nothing reads the environment by itself: it is an argument.
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
from worker.settings.schema import Alerts, Dedup, Extract, Fetch, Host, Log, Output, PerHost, Schedule, Web
from worker.settings.settings import Settings

__all__ = [
    "Alerts",
    "Dedup",
    "Endpoint",
    "Extract",
    "Fetch",
    "Host",
    "Item",
    "Known",
    "Log",
    "Output",
    "PerHost",
    "Schedule",
    "Settings",
    "Web",
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
