"""feedmill: polls feeds, extracts their articles, and writes each once as a JSON record.

    from worker import cursor, extract, read_records

`extract` makes a record from one page; `read_records` reads an output directory, from a `cursor` on. They are loaded
when first used, so that the CPU processes and the command line do not pay for what they do not need.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.articles import extract
    from worker.output import cursor, read_records
    from worker.record import Record

__all__ = ["Record", "__version__", "cursor", "extract", "read_records"]

try:
    __version__ = version("feedmill")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0"

_HOMES = {
    "extract": "worker.articles",
    "cursor": "worker.output",
    "read_records": "worker.output",
    "Record": "worker.record",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
