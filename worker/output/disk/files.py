"""The file system, a function a primitive: all that the output directory does to files goes through here, and to
objects of a bucket, where the path is one of those (`objects`).

Each raises OutputError that names the file and, where the operator can do something about it, says what. This is the
seam where tests let the disk fail.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from worker.errors import OutputError
from worker.model import ObjectPath, object_path
from worker.output.disk import objects
from worker.output.disk.packing import unpacked

_LIBC = ctypes.CDLL(None, use_errno=True)
BLOCK = 64 * 1024
_ROOM = "make room on that file system"
_ELSEWHERE = "or choose another output.dir"
_WAYS_OUT = {
    errno.EEXIST: f"a file is in the way: move it, {_ELSEWHERE}",
    errno.ENOTDIR: f"a file is in the way: move it, {_ELSEWHERE}",
    errno.EACCES: f"let the user that runs feedmill write there, {_ELSEWHERE}",
    errno.EPERM: f"let the user that runs feedmill write there, {_ELSEWHERE}",
    errno.EROFS: f"mount it writable, {_ELSEWHERE}",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.ENOENT: f"was it removed, moved, or is it not mounted? Put it back, {_ELSEWHERE}",
    errno.EIO: "look at the disk: the kernel's log says more",
}


def at(place: str | Path) -> Path:
    """A path, or a URL s3://bucket/prefix."""
    return object_path(place) or Path(place)


def make_directory(path: Path) -> bool:
    """Make it and what leads to it; False where it is there. Durable once the directory above has been synced."""
    if isinstance(path, ObjectPath):
        return False
    with _explained("create", path):
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if path.is_dir():
                return False
            raise
        return True


def keep(folder: Path) -> bool:
    """Make a directory that is seen while there is nothing in it; False where it is there."""
    return objects.keep(folder) if isinstance(folder, ObjectPath) else make_directory(folder)


def check_writable(folder: Path) -> None:
    """Raise unless a file can be made in it; none is left, and none is seen (O_TMPFILE, where there is such)."""
    if isinstance(folder, ObjectPath):
        return
    with _explained("write to", folder), tempfile.TemporaryFile(dir=folder):
        pass


def place(staged: Path, target: Path, parts: Iterable[bytes]) -> None:
    """Put a whole file in its place at once, durably, over what was there. `staged` is where it is written first; after
    an error it is not there. An object needs no such place."""
    if isinstance(target, ObjectPath):
        objects.write(target, parts)
        return
    try:
        write(staged, parts)
        rename(staged, target)
        sync_directory(target.parent)
    except OutputError:
        with suppress(OutputError):
            remove(staged)
        raise


def write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a whole file, durable but for its name. After an error part of it may be there."""
    if isinstance(path, ObjectPath):
        objects.write(path, parts)
        return
    with _opened("write", path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
        for part in parts:
            _write_all(descriptor, part)
        os.fsync(descriptor)


def are_whole(path: Path) -> bool:
    """Whether what is written there is seen whole or not at all, without being staged: objects are."""
    return isinstance(path, ObjectPath)


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Many small objects."""
    objects.write_all({path: content for path, content in contents.items() if isinstance(path, ObjectPath)})


def stage(path: Path, data: bytes) -> None:
    """Write a whole file that `sync_filesystem` will make durable."""
    with _opened("write", path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
        _write_all(descriptor, data)


def append(path: Path, data: bytes, *, at: int | None = None) -> None:
    """Add to a file, made where it is not there, durable but for its name. After an error part of it may be there.

    at: how long it is; an object that is not is left as it is, and OutputError raised."""
    if isinstance(path, ObjectPath):
        objects.append(path, data, at)
        return
    with _opened("write", path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor:
        _write_all(descriptor, data)
        os.fsync(descriptor)


def cut(path: Path, length: int) -> None:
    """Cut a file to `length` bytes where it has more, durably; also makes durable what it had already."""
    if isinstance(path, ObjectPath):
        objects.cut(path, length)
        return
    with _opened("write", path, os.O_RDWR) as descriptor:
        if os.fstat(descriptor).st_size > length:
            os.ftruncate(descriptor, length)
        os.fsync(descriptor)


def rename(source: Path, target: Path) -> None:
    """Put a file in its place at once, over what was there; durable once the directory has been synced."""
    with _explained("write", target):
        source.replace(target)


def remove(path: Path) -> None:
    """Remove a file where it is there; durable once the directory has been synced."""
    if isinstance(path, ObjectPath):
        objects.remove(path)
        return
    with _explained("remove", path):
        path.unlink(missing_ok=True)


def remove_empty(folder: Path) -> bool:
    """Remove a directory that has nothing in it, if it is there; False where it has something.

    Durable once the directory above has been synced."""
    if isinstance(folder, ObjectPath):
        return True
    with _explained("remove", folder):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        return True


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable: fsync of a file says nothing of them (fsync(2))."""
    if isinstance(path, ObjectPath):
        return
    with _opened("write to", path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)


def sync_filesystem(path: Path) -> None:
    """Make durable all that was written to the file system of a directory, contents and names (syncfs(2)).

    Since Linux 5.8 it reports what could not be written. Where there is no such call, all file systems are synced.
    """
    if isinstance(path, ObjectPath):
        return
    with _opened("write to", path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        _syncfs(descriptor)


def size(path: Path) -> int:
    """In bytes; 0 where there is no such file."""
    if isinstance(path, ObjectPath):
        return objects.size(path) or 0
    with _explained("read", path):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0


def exists(path: Path) -> bool:
    if isinstance(path, ObjectPath):
        return objects.exists(path)
    with _explained("read", path):
        return path.exists()


def names(folder: Path) -> list[str]:
    """Of what is in a directory, sorted."""
    if isinstance(folder, ObjectPath):
        return objects.names(folder)
    with _explained("read", folder):
        return sorted(path.name for path in folder.iterdir())


def below(folder: Path) -> list[Path]:
    """The files in a directory and in those in it, sorted; none where it is not there."""
    if isinstance(folder, ObjectPath):
        return [*objects.below(folder)]
    with _explained("read", folder):
        return sorted(path for path in folder.rglob("*") if not path.is_dir())


def digest(path: Path) -> tuple[int, str]:
    """Size in bytes and sha256 in hex of a whole file."""
    with _reading(path) as file:
        content = hashlib.file_digest(file, "sha256")
        return file.tell(), content.hexdigest()


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a file, a block at a time."""
    with _reading(path) as file:
        while block := file.read(16 * BLOCK):
            yield block


def part(path: Path, offset: int, length: int) -> bytes:
    """So many bytes from there on; fewer where the file ends."""
    with _reading(path) as file:
        file.seek(offset)
        return file.read(length)


def text(path: Path) -> str:
    """Of a small file."""
    with _reading(path) as file:
        return file.read().decode(errors="replace")


def lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines from offset `start` on, each with its offset and without its newline; never one that has no end yet.

    A packed file is unpacked."""
    with _reading(path) as raw, unpacked(raw, path) if path.suffix == ".zst" else nullcontext(raw) as file:
        if start:
            file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield start, line[:-1]
            start += len(line)


def lines_backwards(path: Path) -> Iterator[tuple[int, bytes]]:
    """The same from the last line to the first, reading no more of the file than is asked for."""
    with _reading(path) as file:
        position = file.seek(0, os.SEEK_END)
        rest, ended = b"", False  # the start of what is read, not yet a whole line; whether a newline follows it
        while position > 0:
            step = min(BLOCK, position)
            position -= step
            file.seek(position)
            block = file.read(step) + rest
            rest, *whole = block.split(b"\n")
            end = position + len(block)
            for line in reversed(whole):
                start = end - len(line)
                if ended:
                    yield start, line
                ended = True
                end = start - 1
        if ended:
            yield 0, rest


def _syncfs(descriptor: int) -> None:
    call = getattr(_LIBC, "syncfs", None)
    if call is None:
        os.sync()
    elif call(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write_all(descriptor: int, data: bytes) -> None:
    """write(2) may take less than it is given, and says only at the next call why."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextmanager
def _reading(path: Path) -> Iterator[io.BufferedReader]:
    if isinstance(path, ObjectPath):
        with objects.opened(path) as content:
            yield content
        return
    with _explained("read", path), path.open("rb") as file:
        yield file


@contextmanager
def _opened(doing: str, path: Path, flags: int) -> Iterator[int]:
    with _explained(doing, path):
        descriptor = os.open(path, flags, 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def _explained(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        way_out = _WAYS_OUT.get(error.errno or 0)
        reason = error.strerror or str(error)
        raise OutputError(f"can't {doing} {path}: {reason}" + (f" ({way_out})" if way_out else "")) from error
