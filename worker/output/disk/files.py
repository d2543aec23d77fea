"""File operations, one function each: everything the output directory does to files goes through here; if the path is
an ObjectPath, to objects of a bucket (`objects`).

Each raises an OutputError that names the file and, if the operator can do something about it, says what: OutputDamaged
if trying again won't help to read it. Tests replace these functions to let the disk fail.
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

from worker.errors import OutputDamaged, OutputError
from worker.model import ObjectPath, object_path
from worker.output.disk import objects
from worker.output.disk.packing import unpacked
from worker.ownership import hand_over, make_folder

_LIBC = ctypes.CDLL(None, use_errno=True)
BLOCK = 64 * 1024
_LOST = (errno.ENOENT, errno.EIO)
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
    errno.EFBIG: "raise ulimit -f",
    errno.ENOENT: f"was it removed, moved, or is it not mounted? Put it back, {_ELSEWHERE}",
    errno.EMFILE: "raise ulimit -n, or lower fetch.concurrency",
    errno.EIO: "look at the disk: the kernel's log says more",
}


def at(place: str | Path) -> Path:
    """A path, or a URL s3://bucket/prefix."""
    return object_path(place) or Path(place)


def make_directory(path: Path) -> bool:
    """Creates a directory and its parents; False if it exists. Durable once the directory above has been synced."""
    if isinstance(path, ObjectPath):
        return False
    with explained("create", path):
        try:
            make_folder(path)
        except FileExistsError:
            if path.is_dir():
                return False
            raise
        return True


def keep(folder: Path) -> bool:
    """Creates a directory that is visible even while empty (a bucket needs an object for that); False if it exists."""
    return objects.keep(folder) if isinstance(folder, ObjectPath) else make_directory(folder)


def check_writable(folder: Path) -> None:
    """Raises OutputError unless a file can be created in the folder; leaves none behind (O_TMPFILE, if available)."""
    if isinstance(folder, ObjectPath):
        return
    with explained("write to", folder), tempfile.TemporaryFile(dir=folder):
        pass


def place(staged: Path, target: Path, parts: Iterable[bytes]) -> None:
    """Puts a whole file in its place atomically and durably, replacing what was there. It is first written to `staged`,
    which is gone after an error. An object needs no staging."""
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
    """Writes a whole file; its content is durable, its name is not. After an error part of it may be there."""
    if isinstance(path, ObjectPath):
        objects.write(path, parts)
        return
    with _opened("write", path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
        for part in parts:
            _write_all(descriptor, part)
        os.fsync(descriptor)


def are_whole(path: Path) -> bool:
    """Whether readers see what is written there either whole or not at all without staging, as with objects."""
    return isinstance(path, ObjectPath)


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Writes many small objects; paths that are not objects are ignored."""
    objects.write_all({path: content for path, content in contents.items() if isinstance(path, ObjectPath)})


def stage(path: Path, data: bytes) -> None:
    """Writes a whole file, to be made durable by `sync_filesystem`."""
    with _opened("write", path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
        _write_all(descriptor, data)


def append(path: Path, data: bytes, *, at: int | None = None) -> None:
    """Appends to a file, which is created if missing; the content is durable, a new name is not. After an error part of
    the data may be there.

    at: the expected length; an object of another length is left alone, and OutputError is raised.
    """
    if isinstance(path, ObjectPath):
        objects.append(path, data, at)
        return
    with _opened("write", path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor:
        _write_all(descriptor, data)
        os.fsync(descriptor)


def cut(path: Path, length: int) -> None:
    """Cuts a file to `length` bytes if it is longer; also makes its content durable."""
    if isinstance(path, ObjectPath):
        objects.cut(path, length)
        return
    with _opened("write", path, os.O_RDWR) as descriptor:
        if os.fstat(descriptor).st_size > length:
            os.ftruncate(descriptor, length)
        os.fsync(descriptor)


def rename(source: Path, target: Path) -> None:
    """Puts a file in its place atomically, replacing what was there; durable once the directory has been synced."""
    with explained("write", target):
        source.replace(target)


def remove(path: Path) -> None:
    """Removes a file if it exists; durable once the directory has been synced."""
    if isinstance(path, ObjectPath):
        objects.remove(path)
        return
    with explained("remove", path):
        path.unlink(missing_ok=True)


def remove_empty(folder: Path) -> bool:
    """Removes a directory if it is empty; False if it is not, True also if there is none.

    Durable once the directory above has been synced.
    """
    if isinstance(folder, ObjectPath):
        return True
    with explained("remove", folder):
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
    """Makes the names in a directory durable: fsync of a file does not cover its name (fsync(2))."""
    if isinstance(path, ObjectPath):
        return
    with _opened("write to", path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)


def sync_filesystem(path: Path) -> None:
    """Makes everything written to the file system of a directory durable, contents and names (syncfs(2)).

    Since Linux 5.8 the call reports write errors. Without it, all file systems are synced.
    """
    if isinstance(path, ObjectPath):
        return
    with _opened("write to", path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        _syncfs(descriptor)


def size(path: Path) -> int:
    """In bytes; 0 if there is no such file."""
    if isinstance(path, ObjectPath):
        return objects.size(path) or 0
    with explained("read", path):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0


def exists(path: Path) -> bool:
    if isinstance(path, ObjectPath):
        return objects.exists(path)
    with explained("read", path):
        return path.exists()


def names(folder: Path) -> list[str]:
    """The names of what is in a directory, sorted."""
    if isinstance(folder, ObjectPath):
        return objects.names(folder)
    with explained("read", folder):
        return sorted(path.name for path in folder.iterdir())


def below(folder: Path) -> list[Path]:
    """All files below a directory, sorted; none if it does not exist."""
    if isinstance(folder, ObjectPath):
        return [*objects.below(folder)]
    with explained("read", folder):
        return sorted(path for path in folder.rglob("*") if not path.is_dir())


def digest(path: Path) -> tuple[int, str]:
    """Size in bytes and sha256 in hex of a file."""
    with _reading(path) as file:
        content = hashlib.file_digest(file, "sha256")
        return file.tell(), content.hexdigest()


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a file, block by block."""
    with _reading(path) as file:
        while block := file.read(16 * BLOCK):
            yield block


def part(path: Path, offset: int, length: int) -> bytes:
    """`length` bytes from `offset` on; fewer at the end of the file."""
    with _reading(path) as file:
        file.seek(offset)
        return file.read(length)


def text(path: Path) -> str:
    """The content of a small file; what is not UTF-8 becomes U+FFFD."""
    with _reading(path) as file:
        return file.read().decode(errors="replace")


def lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines from offset `start` on, each with its offset and without its newline; an unfinished last line is left
    out.

    A packed file is unpacked.
    """
    with _reading(path) as raw, unpacked(raw, path) if path.suffix == ".zst" else nullcontext(raw) as file:
        if start:
            file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield start, line[:-1]
            start += len(line)


def lines_backwards(path: Path) -> Iterator[tuple[int, bytes]]:
    """The same from the last line to the first, reading only as much of the file as is asked for."""
    with _reading(path) as file:
        position = file.seek(0, os.SEEK_END)
        rest, ended = b"", False  # the start of the last block read, not a whole line yet; whether a newline follows it
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


def whole_lines_bytes(path: Path) -> int:
    """The length of a file up to the end of its last whole line."""
    return next((start + len(line) + 1 for start, line in lines_backwards(path)), 0)


def _syncfs(descriptor: int) -> None:
    call = getattr(_LIBC, "syncfs", None)
    if call is None:
        os.sync()
    elif call(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _write_all(descriptor: int, data: bytes) -> None:
    """write(2) may write less than it is given; only the next call tells why."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextmanager
def _reading(path: Path) -> Iterator[io.BufferedReader]:
    if isinstance(path, ObjectPath):
        with objects.opened(path) as content:
            yield content
        return
    with explained("read", path), path.open("rb") as file:
        yield file


@contextmanager
def _opened(doing: str, path: Path, flags: int) -> Iterator[int]:
    with explained(doing, path):
        descriptor = os.open(path, flags, 0o666)
        try:
            if flags & os.O_CREAT:
                hand_over(path)
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        way_out = _WAYS_OUT.get(error.errno or 0)
        reason = error.strerror or str(error)
        kind = OutputDamaged if doing == "read" and error.errno in _LOST else OutputError
        raise kind(f"can't {doing} {path}: {reason}" + (f" ({way_out})" if way_out else "")) from error
