"""Scores feedmill, and lemon24's reader beside it: `python -m tests.politeness [PYTHON]`.

PYTHON is an interpreter that has reader; without it there is feedmill's row alone.

    python3 -m venv /tmp/reader && /tmp/reader/bin/pip install reader sgmllib3k
    python -m tests.politeness /tmp/reader/bin/python
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.politeness.clients import watch_feedmill, watch_reader
from tests.politeness.kinds import HORIZON_S, all_kinds, manners
from tests.politeness.scoring import COLUMNS, Fault, counted, faults
from tests.site import Site
from tests.whole.conftest import Worker


def heading() -> str:
    return f"{'':16}{'requests':>9}" + "".join(f"{column:>{len(column) + 2}}" for column in COLUMNS)


def row(name: str, requests: int, found: list[Fault]) -> str:
    """Of the table: faults by column."""
    counts = counted(found)
    return f"{name:16}{requests:9,}" + "".join(f"{count:>{len(column) + 2}}" for column, count in counts.items())


def main(python: Path | None) -> None:
    print(heading())  # noqa: T201 — it is a command
    with Site() as site, tempfile.TemporaryDirectory() as folder:
        kinds = all_kinds(site)
        watch_feedmill(Worker(Path(folder)), kinds, site, HORIZON_S)
        found = faults(site.exchanges, manners(kinds))
        print(row(f"feedmill {version('feedmill')}", len(site.exchanges), found))  # noqa: T201
    for fault in found:
        print(f"  {fault}")  # noqa: T201
    if python is None:
        return
    with Site() as site:
        kinds = all_kinds(site)
        name = f"reader {watch_reader(python, kinds, HORIZON_S)}"
        print(row(name, len(site.exchanges), faults(site.exchanges, manners(kinds))))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
