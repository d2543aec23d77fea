"""Objects of a bucket as files, through obstore, which is an extra: what `files` does if the path is an ObjectPath.

An object is there whole or not at all, durably and for every reader at once (S3 is strongly consistent), so nothing is
staged or synced. There are no folders: an empty one does not exist. To append, the object is replaced on condition that
it is unchanged since it was read (If-Match; RFC 9110 section 13.1.1): this prevents a process that lost its lock from
writing to a manifest that has gone on without it.

Credentials, region and endpoint come from the environment, as with AWS's own tools (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP for an endpoint without TLS), or from the machine's
role.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from worker.errors import OutputDamaged, OutputError, imports_of
from worker.model import ObjectPath

READ_BYTES = 256 * 1024
"""The least that one request reads: transferring this much takes as long as the request itself (20 ms)."""
WHOLE_BYTES = 8_000_000
"""Larger objects are uploaded in parts."""
RETRIES = 3
AT_ONCE = 16
"""How many requests run at once when many small objects are written."""
_OTHERWISE = ("AlreadyExistsError", "PreconditionError", "NotModifiedError")
"""obstore's errors for a condition that does not hold, or for a conflict (409) with another request under way."""


def write(path: ObjectPath, parts: Iterable[bytes]) -> None:
    begin, left = b"", iter(parts)
    for part in left:
        begin += part
        if len(begin) > WHOLE_BYTES:
            break
    with explained("write", path):
        if len(begin) <= WHOLE_BYTES:
            _obstore().put(_store(path.bucket), path.key, begin)
        else:
            _obstore().put(_store(path.bucket), path.key, _all(begin, left))


def write_all(contents: Mapping[ObjectPath, bytes]) -> None:
    """Writes many small objects, several at a time."""
    with ThreadPoolExecutor(min(AT_ONCE, max(1, len(contents)))) as threads:
        for _ in threads.map(lambda item: write(item[0], [item[1]]), contents.items()):
            pass


def replace(path: ObjectPath, content: bytes, tag: str | None) -> str:
    """Writes the object if it still has the ETag `tag` (None: if it does not exist); returns the new ETag. Raises
    Changed, OutputError."""
    with explained("write", path):
        mode: Any = "create" if tag is None else {"e_tag": tag}
        try:
            return _tag(_obstore().put(_store(path.bucket), path.key, content, mode=mode, use_multipart=False))
        except _errors(*_OTHERWISE) as error:
            there, its_tag = read(path) or (None, None)
            if there == content:
                return str(its_tag)  # written by this process, in a request whose answer was lost
            if its_tag == tag:
                raise  # a conflict with a request that changed nothing
            raise Changed(path) from error


class Changed(OutputError):
    """The object is not what it was when it was read."""

    def __init__(self, path: ObjectPath) -> None:
        super().__init__(f"{path} was changed by another process; one feedmill writes to a directory at a time")


def read(path: ObjectPath) -> tuple[bytes, str] | None:
    """Content and ETag of a small object; None if there is none."""
    with explained("read", path):
        try:
            found = _obstore().get(_store(path.bucket), path.key)
            return bytes(found.bytes()), _tag(found.meta)
        except FileNotFoundError:
            return None


def append(path: ObjectPath, data: bytes, at: int | None) -> None:
    before, tag = read(path) or (b"", None)
    if at is not None and at != len(before):
        raise Changed(path)
    replace(path, before + data, tag)


def cut(path: ObjectPath, length: int) -> None:
    found = read(path)
    if found is not None and len(found[0]) > length:
        replace(path, found[0][:length], found[1])


def remove(path: ObjectPath) -> None:
    with explained("remove", path):
        _obstore().delete(_store(path.bucket), path.key)


def keep(folder: ObjectPath) -> bool:
    marker = folder / ".shard"
    if size(marker) is not None:
        return False
    write(marker, [])
    return True


def size(path: ObjectPath) -> int | None:
    with explained("read", path):
        try:
            return int(_obstore().head(_store(path.bucket), path.key)["size"])
        except FileNotFoundError:
            return None


def changed_at(path: ObjectPath) -> datetime | None:
    """When the object was last written, by the store's clock, to the second; None if there is none."""
    with explained("read", path):
        try:
            found: datetime = _obstore().head(_store(path.bucket), path.key)["last_modified"]
        except FileNotFoundError:
            return None
        return found


def exists(path: ObjectPath) -> bool:
    """Whether it is an object, or a folder with objects in it."""
    if path.key and size(path) is not None:
        return True
    with explained("read", path):
        found = _obstore().list(_store(path.bucket), prefix=path.key or None, chunk_size=1)
        return any(chunk for chunk in found)


def names(folder: ObjectPath) -> list[str]:
    with explained("read", folder):
        found = _obstore().list_with_delimiter(_store(folder.bucket), folder.key or None)
    keys = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
    return sorted(key.rstrip("/").rpartition("/")[2] for key in keys)


def below(folder: ObjectPath) -> list[ObjectPath]:
    with explained("read", folder):
        found = [one["path"] for chunk in _obstore().list(_store(folder.bucket), prefix=folder.key) for one in chunk]
    return sorted(folder / key[len(folder.key) :].lstrip("/") for key in found)


@contextmanager
def opened(path: ObjectPath) -> Iterator[io.BufferedReader]:
    """The object as a seekable file; its length is looked up once, when it is opened."""
    length = size(path)
    if length is None:
        raise OutputDamaged(f"can't read {path}: there is no such object")
    content: Any = _Content(path, length)
    with io.BufferedReader(content, READ_BYTES) as file:
        yield file


class _Content(io.RawIOBase):
    def __init__(self, path: ObjectPath, length: int) -> None:
        self._path, self._length, self._position = path, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._length - self._position)
        if count <= 0:
            return 0
        with explained("read", self._path):
            store = _store(self._path.bucket)
            content = bytes(_obstore().get_range(store, self._path.key, start=self._position, length=count))
        if not content:  # it would count as the end
            raise OutputError(f"can't read {self._path}: {count} bytes were asked for, and none came")
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


@contextmanager
def explained(doing: str, path: ObjectPath) -> Iterator[None]:
    """Turns obstore's errors into OutputError."""
    failures: tuple[type[Exception], ...] = (FileNotFoundError, *_errors("BaseError"))
    try:
        yield
    except failures as error:
        raise OutputError(f"can't {doing} {path}: {_reason(error)} (see AWS_* in the environment)") from error


def _reason(error: Exception) -> str:
    """What went wrong, in words that are the same each time it does."""
    said = _ANSWER.sub(r"\1: \2", _ROUND_IT.sub("", " ".join(str(error).split())))
    return said[:300].strip(" :")


_ROUND_IT = re.compile(
    r"Error performing list request: |Error performing \w+ \S+ in [^ ,]+(, after [^-]*)? - "
    r"|Server returned non-2xx status code: | Debug source: .*"
)
"""In obstore's words: which request it was, how long that took, and all of it again as a structure."""
_ANSWER = re.compile(r"(?:<\?xml[^>]*> ?)?<Error[^>]*>.*?<Code>([^<]*)</Code>.*?<Message>([^<]*)</Message>.*")
"""S3's own (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), which ends with the request's id."""


def _all(begin: bytes, left: Iterator[bytes]) -> Iterator[bytes]:
    yield begin
    yield from left


def _tag(meta: Any) -> str:
    tag = meta["e_tag"]
    if tag is None:
        raise OutputError("the object store gives its objects no ETag: it can't be written to by one process at a time")
    return str(tag)


@functools.cache
def _store(bucket: str) -> Any:
    from obstore.store import S3Store

    # A conditional put must not be retried; and a stop waits for requests under way.
    return S3Store(bucket, retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=20)})


@functools.cache
def _obstore() -> Any:
    with imports_of("s3", "an object store", OutputError):
        import obstore
    return obstore


def _errors(*names: str) -> tuple[type[Exception], ...]:
    _obstore()
    from obstore import exceptions

    return tuple(getattr(exceptions, name) for name in names)
