"""Scores feedmill, and lemon24's reader beside it: `python -m tests.politeness [PYTHON]`.

28 kinds of site, 38 feeds, 35 seconds; a number is that of the requests that had this fault (`scoring.COLUMNS`).

    2026-11-23

                     requests  unconditional  stale  mixed  bogus  retry-after  fresh  delay  burst  cookie  referer
    feedmill 0.1.0        874              0      0      0      0            0      0      0      0       0        0
    reader 3.26           622              0     35     10     11            4      0    136      0      15        0

    nameless, encoding, target and robots: none of either; reader fetches no pages.

reader has no delay between requests to a host, and does not claim one: what it has in that column is what sites see.
Its schedule, which is in minutes, is run in seconds here, and is otherwise its own. Its stale ones are of sites whose
validators change while the body does not, its cookies those of a session that is kept, its Retry-After that of a host
of which two feeds had been refused before the third was asked.

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
from tests.politeness.scoring import faults, heading, row
from tests.site import Site
from tests.whole.conftest import Worker


def main(python: Path | None) -> None:
    """Prints the table, and each fault of feedmill's."""
    print(heading())  # noqa: T201 — it is a command
    with Site() as site, tempfile.TemporaryDirectory() as folder:
        kinds = all_kinds(site)
        watch_feedmill(Worker(Path(folder)), kinds, site, HORIZON_S)
        found = faults(site.exchanges, manners(kinds))
        print(row(f"feedmill {version('feedmill')}", len(site.exchanges), found))  # noqa: T201
    if python is not None:
        with Site() as site:
            kinds = all_kinds(site)
            name = f"reader {watch_reader(python, kinds, HORIZON_S)}"
            print(row(name, len(site.exchanges), faults(site.exchanges, manners(kinds))))  # noqa: T201
    for fault in found:
        print(f"  {fault}")  # noqa: T201 — feedmill's


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
