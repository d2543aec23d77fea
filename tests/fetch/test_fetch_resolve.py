from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest

from worker.fetch.resolve import Answer, NoAddress, Resolver, system_lookup

PUBLIC = (IPv4Address("93.184.215.14"),)


class Names:
    """A name server: counts what it is asked, and answers when it is let."""

    def __init__(self, answer: Answer = PUBLIC) -> None:
        self.answer, self.asked = answer, list[str]()
        self.open = threading.Event()
        self.open.set()
        self.now = 0.0

    def __call__(self, host: str) -> Answer:
        self.asked.append(host)
        assert self.open.wait(10)
        return self.answer


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
async def new_resolver(names: Names) -> AsyncIterator[Callable[..., Resolver]]:
    made: list[Resolver] = []

    def make(**options: Any) -> Resolver:
        made.append(Resolver(lookup=names, clock=lambda: names.now, **options))
        return made[-1]

    yield make
    names.open.set()
    for resolver in made:
        resolver.close()


async def test_a_name_is_asked_once_until_its_answer_is_old(
    names: Names, new_resolver: Callable[..., Resolver]
) -> None:
    """An answer is remembered for a minute, and then asked for again."""
    resolver = new_resolver()
    assert await resolver.addresses("example.org", within_s=5) == PUBLIC
    names.now = 59.0
    assert await resolver.addresses("example.org", within_s=5) == PUBLIC
    assert names.asked == ["example.org"]
    names.now = 61.0
    await resolver.addresses("example.org", within_s=5)
    assert names.asked == ["example.org"] * 2


async def test_a_failure_is_remembered_shortly(names: Names, new_resolver: Callable[..., Resolver]) -> None:
    """A failure is not asked for again at once, but soon."""
    resolver, names.answer = new_resolver(), NoAddress(reason="gone")
    assert await resolver.addresses("example.org", within_s=5) == NoAddress(reason="gone")
    names.now, names.answer = 4.0, PUBLIC
    assert await resolver.addresses("example.org", within_s=5) == NoAddress(reason="gone")
    names.now = 6.0
    assert await resolver.addresses("example.org", within_s=5) == PUBLIC


async def test_concurrent_lookups_of_a_name_are_one(names: Names, new_resolver: Callable[..., Resolver]) -> None:
    """A hundred fetches that start together ask for their host once."""
    resolver = new_resolver()
    names.open.clear()
    asking = [asyncio.create_task(resolver.addresses("example.org", within_s=5)) for _ in range(100)]
    await asyncio.sleep(0.02)
    names.open.set()
    assert await asyncio.gather(*asking) == [PUBLIC] * 100
    assert names.asked == ["example.org"]


async def test_many_names_share_a_few_threads() -> None:
    """Three look-ups at a time and never four; names beyond them wait for their turn, and all get their answer."""
    all_three, threads = threading.Barrier(3), set[int]()

    def lookup(_: str) -> Answer:
        threads.add(threading.get_ident())
        all_three.wait(10)
        return PUBLIC

    resolver = Resolver(lookup=lookup, threads=3)
    asking = [resolver.addresses(f"{n}.example.org", within_s=10) for n in range(51)]
    assert await asyncio.gather(*asking) == [PUBLIC] * 51
    assert len(threads) == 3
    resolver.close()


async def test_a_lookup_that_hangs_is_given_up_but_not_lost(
    names: Names, new_resolver: Callable[..., Resolver]
) -> None:
    """Who asks waits no longer than allowed; the answer that comes late serves the next one."""
    resolver = new_resolver()
    names.open.clear()
    started = time.monotonic()
    given_up = await resolver.addresses("example.org", within_s=0.05)
    assert time.monotonic() - started < 1
    assert isinstance(given_up, NoAddress)
    assert "for now" in given_up.reason
    names.open.set()
    assert await resolver.addresses("example.org", within_s=5) == PUBLIC
    assert names.asked == ["example.org"]


async def test_the_time_of_a_lookup_begins_when_it_does() -> None:
    """Names that wait for a thread longer than a look-up may take get their answer all the same."""

    def lookup(_: str) -> Answer:
        time.sleep(0.1)
        return PUBLIC

    resolver = Resolver(lookup=lookup, threads=1, timeout_s=0.3)
    asking = [resolver.addresses(f"{n}.example.org", within_s=10) for n in range(4)]
    assert await asyncio.gather(*asking) == [PUBLIC] * 4
    resolver.close()


class Dead:
    """Name servers that answer for no name under `dead` until they are let, and at once for all others."""

    def __init__(self) -> None:
        self.alive = threading.Event()
        self.threads = set[int]()

    def __call__(self, host: str) -> Answer:
        self.threads.add(threading.get_ident())
        if host.endswith("dead"):
            assert self.alive.wait(20)
        return PUBLIC


@pytest.fixture
def dead() -> Iterator[Dead]:
    made = Dead()
    yield made
    made.alive.set()


async def test_threads_that_are_held_too_long_are_replaced(dead: Dead) -> None:
    """Dead names, more than there are threads, cost a good one the time of a look-up at most."""
    resolver = Resolver(lookup=dead, threads=2, timeout_s=0.1)
    lost = [asyncio.create_task(resolver.addresses(f"{n}.dead", within_s=10)) for n in range(5)]
    await asyncio.sleep(0)
    assert await resolver.addresses("good.example", within_s=10) == PUBLIC
    assert all(isinstance(answer, NoAddress) for answer in await asyncio.gather(*lost))
    resolver.close()


async def test_who_asks_for_a_name_beyond_its_time_is_told_at_once(dead: Dead) -> None:
    """No other place is held by it, no other thread; when its answer comes at last, it serves the next one."""
    resolver = Resolver(lookup=dead, threads=2, timeout_s=0.05)
    for _ in range(2):
        assert isinstance(await resolver.addresses("a.dead", within_s=10), NoAddress)
    assert len(dead.threads) == 1
    dead.alive.set()
    while isinstance(await resolver.addresses("a.dead", within_s=10), NoAddress):
        await asyncio.sleep(0.01)
    resolver.close()


async def test_threads_stay_bounded_when_all_are_held(dead: Dead) -> None:
    """Four times as many; names beyond them are not begun, and are answered when the servers live again."""
    resolver = Resolver(lookup=dead, threads=2, timeout_s=0.02)
    lost = [resolver.addresses(f"{n}.dead", within_s=0.3) for n in range(30)]
    assert all(isinstance(answer, NoAddress) for answer in await asyncio.gather(*lost))
    assert len(dead.threads) == 8
    dead.alive.set()
    assert await resolver.addresses("29.dead", within_s=10) == PUBLIC
    assert len(dead.threads) == 8
    resolver.close()


async def test_cancelling_one_who_waits_leaves_the_others(names: Names, new_resolver: Callable[..., Resolver]) -> None:
    """A shared look-up survives the cancellation of one who shares it."""
    resolver = new_resolver()
    names.open.clear()
    first, second = (asyncio.create_task(resolver.addresses("example.org", within_s=5)) for _ in range(2))
    await asyncio.sleep(0.02)
    first.cancel()
    names.open.set()
    assert await second == PUBLIC
    assert first.cancelled()


async def test_memory_of_names_is_bounded(names: Names, new_resolver: Callable[..., Resolver]) -> None:
    """The oldest name is forgotten when there are too many."""
    resolver = new_resolver(names=2)
    for host in ("a.example", "b.example", "c.example", "b.example", "a.example"):
        await resolver.addresses(host, within_s=5)
    assert names.asked == ["a.example", "b.example", "c.example", "a.example"]


@pytest.mark.parametrize("host", ["localhost", "feeds.localhost", "a.b.localhost"])
async def test_localhost_is_never_asked_of_a_name_server(
    host: str, names: Names, new_resolver: Callable[..., Resolver]
) -> None:
    """RFC 6761 section 6.3: localhost and the names under it are loopback."""
    assert await new_resolver().addresses(host, within_s=5) == (IPv4Address("127.0.0.1"),)
    assert names.asked == []


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "::ffff:127.0.0.1"])
async def test_an_address_is_its_own_answer(host: str, names: Names, new_resolver: Callable[..., Resolver]) -> None:
    """Literal addresses need no look-up."""
    assert await new_resolver().addresses(host, within_s=5) == (ip_address(host),)
    assert names.asked == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost"])
def test_the_system_reads_old_forms_of_loopback(host: str) -> None:
    """Integer, octal, hexadecimal and short forms are what the system takes them for: loopback, to be refused."""
    answer = system_lookup(host)
    assert isinstance(answer, tuple)
    assert all(address.is_loopback for address in answer)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(socket.gaierror(socket.EAI_NONAME, "x"), "a.example does not exist", id="NXDOMAIN"),
        pytest.param(socket.gaierror(socket.EAI_NODATA, "x"), "a.example does not exist", id="no address"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "try again"), "for now: try again", id="no name server"),
        pytest.param(socket.gaierror(socket.EAI_FAIL, "broken"), "for now: broken", id="SERVFAIL"),
        pytest.param(OSError(24, "too many files"), "for now: too many files", id="system"),
    ],
)
def test_a_name_that_does_not_exist_is_told_from_a_failure(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason tells what will last from what will pass."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    answer = system_lookup("a.example")
    assert isinstance(answer, NoAddress)
    assert said in answer.reason


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_what_can_not_be_a_name_is_an_answer_too(host: str) -> None:
    """Names that break the rules of names come to a reason, not an exception."""
    answer = system_lookup(host)
    assert isinstance(answer, NoAddress)
    assert "not a name" in answer.reason


def test_a_stuck_lookup_does_not_hold_up_the_end_of_the_process() -> None:
    """The interpreter exits although a name server never answers."""
    code = """
import asyncio, time
from worker.fetch import Resolver

async def main():
    resolver = Resolver(lookup=lambda host: time.sleep(60))
    print(await resolver.addresses("example.org", within_s=0.05))
    resolver.close()

asyncio.run(main())
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert "no answer in time" in done.stdout
    assert done.stderr == ""
    assert time.monotonic() - started < 10


def test_an_answer_after_the_loop_is_closed_goes_nowhere(names: Names) -> None:
    """A late answer finds nobody, and its thread ends without noise."""
    names.open.clear()
    others = set(threading.enumerate())
    resolver = Resolver(lookup=names)
    asyncio.run(resolver.addresses("example.org", within_s=0.02))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "dns-1" and thread not in others)
    names.open.set()
    thread.join(5)
    assert not thread.is_alive()
