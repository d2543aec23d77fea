"""Messages over a pipe, against what multiprocessing itself makes and reads of them."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from multiprocessing.connection import Connection

import pytest

from worker.cpu import pipe
from worker.cpu.pipe import Pipe


def ends() -> tuple[Pipe, Connection]:
    ours, theirs = multiprocessing.Pipe()
    return Pipe(ours), theirs


MESSAGES = [
    pytest.param(b"", id="empty"),
    pytest.param(b"x", id="one byte"),
    pytest.param(os.urandom(70_000), id="what the pipe holds"),
    pytest.param(os.urandom(3_000_000), id="more than it holds"),
]


@pytest.mark.parametrize("message", MESSAGES)
async def test_a_message_comes_as_it_was_sent(message: bytes) -> None:
    """Both ways, several after each other, with the loop free meanwhile."""
    ours, theirs = ends()
    for _ in range(2):
        _, received = await asyncio.gather(ours.send(message), asyncio.to_thread(theirs.recv_bytes))
        assert received == message
        _, answer = await asyncio.gather(asyncio.to_thread(theirs.send_bytes, message), ours.receive())
        assert answer == message


async def test_a_message_of_gigabytes_says_its_length_as_multiprocessing_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In eight bytes after a mark; here from a few bytes on."""
    ours, theirs = ends()
    monkeypatch.setattr(pipe, "_LARGE", 4)
    await ours.send(b"hello")
    os.write(theirs.fileno(), pipe._length(5) + b"hello")
    assert theirs.recv_bytes() == await ours.receive() == b"hello"


async def test_silence_is_told_from_a_word_and_from_the_end() -> None:
    """Neither is taken from the pipe by looking."""
    ours, theirs = ends()
    assert ours.is_silent()
    assert not await ours.speaks(within_s=0.01)
    theirs.send_bytes(b"here")
    assert not ours.is_silent()
    assert await ours.speaks(within_s=10)
    assert await ours.receive() == b"here"
    assert ours.is_silent()
    theirs.close()
    assert not ours.is_silent()
    assert await ours.speaks(within_s=10)


async def test_the_end_is_an_error_for_who_reads_and_for_who_writes() -> None:
    """Before a message, and in the middle of one."""
    ours, theirs = ends()
    os.write(theirs.fileno(), pipe._length(5) + b"he")
    theirs.close()
    for _ in range(2):
        with pytest.raises(EOFError):
            await ours.receive()
    with pytest.raises(OSError, match=r"pipe|reset"):
        await ours.send(b"x")
