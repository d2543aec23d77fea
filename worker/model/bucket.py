"""A place in a bucket of an object store, in the form of a path, so that objects can be handled like files."""

from __future__ import annotations

import errno
import re
from pathlib import Path, PosixPath
from typing import NoReturn

_URL = re.compile(r"s3:/{1,2}(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<key>(/[^/\0]+)*)/?", re.ASCII)


class ObjectPath(PosixPath):
    """`s3://bucket/key`. Only `output.files` can use it; for the file system it does not exist."""

    @property
    def bucket(self) -> str:
        return self.parts[1]

    @property
    def key(self) -> str:
        return "/".join(self.parts[2:])

    def __str__(self) -> str:
        text = super().__str__()
        return text.replace("s3:/", "s3://", 1) if text.startswith("s3:/") else text

    def __fspath__(self) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "it is on no file system", str(self))


def object_path(text: str | Path) -> ObjectPath | None:
    """The place a URL names, or a path made from such a URL (which loses a slash); None if it is not an object
    store's."""
    return ObjectPath(str(text)) if _URL.fullmatch(str(text)) else None
