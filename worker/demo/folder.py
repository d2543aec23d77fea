"""The folder that a demo writes to, which is never that of a real run. Light: each real run looks for it."""

from __future__ import annotations

import shutil
from pathlib import Path

from worker.errors import OutputError

MARKER = ".feedmill-demo"


def vacate(out: Path) -> Path | None:
    """Moves a directory that a demo wrote, with everything in it, out of the way of a real run, since demo and real
    records must not mix; returns where it is now, None if `out` is not a demo's. Raises OutputError."""
    if not (out / MARKER).is_file():
        return None
    names = (f"{out.name}-demo{number}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(place for name in names if not (place := out.with_name(name)).exists())
    try:
        out.rename(aside)
    except OSError as error:  # it is a mount, say
        raise OutputError(
            f"{out} holds what feedmill demo wrote, which can't be moved to {aside} ({error.strerror}): "
            "move it away, or choose another output.dir"
        ) from error
    return aside


def prepare(out: Path) -> None:
    """Makes `out` an empty directory of the demo's. Raises OutputError if it holds anything else."""
    try:
        if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARKER).exists())):
            raise OutputError(f"{out} exists and is not a demo's; name another folder with --out")
        if out.exists():
            for child in out.iterdir():
                if child.name != MARKER:  # the last to go, if this is cut short
                    shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
        out.mkdir(parents=True, exist_ok=True)
        (out / MARKER).write_text("Made by `feedmill demo`, which empties this folder when it is run again.\n")
    except OSError as error:
        raise OutputError(f"can't write to {out}: {error.strerror}; name another folder with --out") from error
