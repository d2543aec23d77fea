"""An output directory that several processes write to consists of shards: folders that are each an output directory.

Each shard has its own writer, lock and manifest. A record's id decides which shard it is in (`record.shard_of`), so all
revisions of an article come from one writer. All folders exist before the first record is written.
"""

from __future__ import annotations

import re
from pathlib import Path

from worker.errors import OutputError
from worker.output.disk import files
from worker.output.manifest.last import last_segment
from worker.record import shard_names
from worker.words import counted

_NAME = re.compile(r"shard=(0[0-9]|[1-9][0-9]{1,2})", re.ASCII)


def shards_in(root: Path) -> list[str]:
    """The names of an output directory's shards, in order; [""] if it is not made of shards."""
    found = [name for name in files.names(root) if _NAME.fullmatch(name)] if files.exists(root) else []
    return sorted(found, key=lambda name: int(name.partition("=")[2])) or [""]


def make_shards(root: Path, shards: int) -> None:
    """Creates the folders of so many shards. Several processes may do so at once.

    Raises OutputError if the directory already has records in another number of shards: an article's revisions would
    then be spread over two of them.
    """
    there, wanted = shards_in(root), shard_names(shards)
    has_records = any(last_segment(root / name) is not None for name in there)
    if (has_records and there != wanted) or not {*there} <= {*wanted, ""}:
        raise OutputError(
            f"{root} is laid out for {counted(len(there), 'shard')}, output.shards says {shards}: set it to "
            f"{len(there)}, or choose another output.dir"
        )
    if shards > 1:
        made = [files.make_directory(root), *[files.keep(root / name) for name in wanted]]
        if any(made):
            files.sync_directory(root)
