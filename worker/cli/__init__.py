"""The commands: what an operator types, and what is printed back.

main.py        the command line as a whole;  options.py  options that several commands share
configure.py   init, check, schema
running.py     once, run;  progress.py  … as seen on a terminal;  systemd.py  … by systemd
status.py      status;  feeds.py  feeds;  why.py  why;  standing.py  how a feed and its hub do, for all three
steer.py       pause, resume, retry;  poll.py  poll
add.py         add, discover;  opml.py  import, export;  listing.py  a feed list with feeds added to it
asking.py      changes to the state: made here, or by the running worker;  naming.py  feeds by id, URL or tag
backup.py      backup;  recover.py  recover;  migrate_state.py  migrate-state
demo.py        demo
records.py     records;  replay.py  replay
verify.py      verify;  compact.py  compact;  forget.py  forget
printing.py    lines, JSON and tables' parts; makes foreign text safe for a terminal
"""

import sys
from importlib.util import find_spec

if find_spec("fcntl") is None:  # what follows imports it
    print(  # noqa: T201  # nothing else is loaded yet
        "feedmill runs on Linux and macOS: this system has no locks (fcntl). On Windows, use WSL or a container.",
        file=sys.stderr,
    )
    sys.exit(2)

from worker.cli.main import main

__all__ = ["main"]
