"""What is laid to this machine: by hosts that don't answer, and by calls of the system that fail."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from ipaddress import ip_network

import httpcore
import pytest

from tests.fetch.sites import Serve, answer
from tests.fetch.test_fetch_backend import Recorder, connect, resolver_of
from worker.errors import MachineError
from worker.fetch import Client, Resolver
from worker.fetch import resolve as resolving
from worker.fetch.backend import GuardedBackend
from worker.fetch.contact import Contact
from worker.fetch.failures import FetchError
from worker.fetch.resolve import system_lookup


def refused(number: int) -> Exception:
    return httpcore.ConnectError(OSError(number, os.strerror(number)))


async def fates(*hosts: str, number: int, address: str = "93.184.215.14") -> list[str]:
    """How connecting to each of these hosts fails, one after the other, where each fails in this way."""
    backend = GuardedBackend(resolver=resolver_of(address), inner=Recorder(**{address: refused(number)}))
    found = []
    for host in hosts:
        with pytest.raises((FetchError, MachineError)) as failure:
            await connect(backend, host)
        found.append("machine" if isinstance(failure.value, MachineError) else "host")
    return found


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL])
async def test_what_this_machine_lacks_is_the_fault_of_no_host(number: int) -> None:
    """From the first one on."""
    assert await fates("a.example", number=number) == ["machine"]


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EPERM])
async def test_hosts_of_which_none_answers_are_not_to_blame(number: int) -> None:
    """After a few of them; one host alone, asked over and over, shows nothing."""
    assert await fates(*"abcd", number=number) == ["host", "host", "machine", "machine"]
    assert await fates(*"aaaa", number=number) == ["host"] * 4


async def test_a_refusal_is_an_answer() -> None:
    """However many hosts give it."""
    assert await fates(*"abcd", number=errno.ECONNREFUSED) == ["host"] * 4


async def test_a_system_without_ipv6_makes_no_host_innocent() -> None:
    """That has no other address: it could never be reached from here."""
    ipv6 = {"number": errno.EADDRNOTAVAIL, "address": "2606:4700::1"}
    assert await fates("a", **ipv6) == ["host"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(lambda: socket.gaierror(socket.EAI_AGAIN, "try again"), ["host", "host", "machine"], id="down"),
        pytest.param(lambda: socket.gaierror(socket.EAI_NONAME, "no name"), ["host"] * 3, id="no such name"),
        pytest.param(lambda: OSError(errno.EMFILE, "x"), ["machine"] * 3, id="no more files"),
    ],
)
async def test_a_name_server_that_answers_nobody_is_not_the_fault_of_names(
    monkeypatch: pytest.MonkeyPatch, error: Callable[[], OSError], said: list[str]
) -> None:
    """Only one that says of a name that there is no such thing does answer."""

    def looked_up(*_: object, **__: object) -> None:
        raise error()

    monkeypatch.setattr(resolving.socket, "getaddrinfo", looked_up)
    resolver = Resolver(lookup=system_lookup)
    backend = GuardedBackend(resolver=resolver, inner=Recorder())
    found = []
    for host in "abc":
        with pytest.raises((FetchError, MachineError)) as failure:
            await connect(backend, f"{host}.example")
        found.append("machine" if isinstance(failure.value, MachineError) else "host")
    assert found == said
    resolver.close()


def test_hosts_that_fail_together_at_last_are_to_blame_if_others_answered_meanwhile() -> None:
    """Those that don't answer take longest: at the end of a long list, nothing else is left to end between them."""
    at = [0.0]
    contact = Contact(lambda: at[0])
    at[0] = 5.0
    contact.had()
    assert not any(contact.is_lost(host, begun=1.0) for host in "abcd")
    assert [contact.is_lost(host, begun=6.0) for host in "abcd"] == [False, False, True, True]
    contact.had()
    assert not contact.is_lost("e", begun=6.0)


async def test_the_client_raises_what_is_this_machines(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a connection stands already: memory to read from it, say."""
    site = await serve(answer(body=b"x"))
    async with Client(user_agent="x", timeout_s=5, allow=[ip_network("127.0.0.0/8")]) as client:

        def full(*_: object) -> None:
            raise OSError(errno.ENOBUFS, "x")

        monkeypatch.setattr(socket.socket, "recv", full)
        with pytest.raises(MachineError, match="No buffer space"):
            await client.get(site.url(), max_bytes=100, accept="*/*")
