"""Limits on the network below a fetch: only permitted addresses, and never more time or bytes than the fetch may use.

Both limits have to be kept here. With a timeout per operation, a byte every 0.2 s would never end. And only the code
that connects knows the address: it is resolved, checked and used here, without a second lookup that could give another.
"""

from __future__ import annotations

import errno
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

import httpcore

from worker.errors import MachineError, shortage
from worker.fetch import sockets
from worker.fetch.addresses import Address, Network, is_permitted
from worker.fetch.contact import Contact
from worker.fetch.failures import FetchError, connect_reason, root, tls_reason
from worker.fetch.resolve import NoAddress, Resolver

_ADDRESSES_TRIED = 4
_ANSWERS = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})


@dataclass(slots=True, kw_only=True)
class _Limits:
    """What the fetch running in this context may still use. Mutable, because every read uses some of it."""

    deadline: float
    """In time.monotonic()."""
    wire_bytes: int


_LIMITS: ContextVar[_Limits] = ContextVar("limits of the fetch")


class limited:  # noqa: N801  # used as a verb; a generator would cost three times as much, three times a fetch
    """Limits what is done inside to `deadline` (in time.monotonic()), and to `wire_bytes` read, including headers,
    framing and TLS."""

    def __init__(self, *, deadline: float, wire_bytes: int) -> None:
        self._limits = _Limits(deadline=deadline, wire_bytes=wire_bytes)

    def __enter__(self) -> None:
        self._token = _LIMITS.set(self._limits)

    def __exit__(self, *_: object) -> None:
        _LIMITS.reset(self._token)


def left_s(timeout: float | None = None) -> float:
    """`timeout`, or the time until the deadline if that is less. Raises httpcore.TimeoutException if the deadline
    has passed."""
    left = _LIMITS.get().deadline - time.monotonic()
    if left <= 0:
        raise httpcore.TimeoutException
    return left if timeout is None else min(left, timeout)


class GuardedStream:
    """A connection on which every operation keeps the limits of the fetch that uses it."""

    def __init__(self, inner: sockets.Stream, *, proxy: str | None = None, counts: bool = True) -> None:
        """`proxy`: the host of the proxy that the connection leads to; a failed handshake with that name is the
        proxy's. `counts`: whether bytes read here count. If `inner` is TLS, they are counted below it, including TLS's
        own."""
        self._inner, self._proxy, self._counts = inner, proxy, counts

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._inner.read(max_bytes, left_s(timeout))
        limits = _LIMITS.get()
        limits.wire_bytes -= len(data) if self._counts else 0
        if limits.wire_bytes < 0:
            raise FetchError("too_large", "more on the wire than the answer may have")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, left_s(timeout))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> GuardedStream:
        """TLS over this connection, with `host`. Raises FetchError of kind tls; then it is closed."""
        try:
            return GuardedStream(await sockets.tls(self, context, host.strip("[]"), left_s()), counts=False)
        except (httpcore.ConnectError, ValueError) as error:  # ValueError: a name that TLS can't carry
            await self.aclose()
            whose = "the proxy: " if host == self._proxy else ""
            raise FetchError("tls", whose + tls_reason(error)) from error
        except BaseException:
            await self.aclose()  # nobody else could
            raise

    def is_readable(self) -> bool:
        return self._inner.is_readable()


class GuardedBackend:
    """Connects to the addresses of a name, provided that all of them are permitted."""

    def __init__(
        self,
        *,
        resolver: Resolver,
        allow: Sequence[Network] = (),
        to_proxy: bool = False,
        inner: sockets.Backend | None = None,
    ) -> None:
        """`to_proxy`: all connections are to a proxy, which may have any address because the operator named it."""
        self._resolver, self._allow, self._to_proxy = resolver, tuple(allow), to_proxy
        self._inner = inner or sockets.Backend()
        self._contact = Contact()

    async def connect_tcp(self, host: str, port: int, *, asked: str | None = None) -> GuardedStream:
        """Connects to the first of a few addresses that answers; each gets its share of the time left. asked: the host
        to be asked through `host`, a proxy.

        Raises FetchError of kind address, dns, connect or timeout; MachineError.
        """
        begun = time.monotonic()
        try:
            stream = await self._connected(host, port)
        except FetchError as error:
            # A proxy that refuses, or has no address, is as much a fault on this side as one that does not answer.
            if (error.silent or self._to_proxy) and self._contact.is_lost(asked or host, begun):
                what = "no host can be asked" if self._to_proxy else "no host answers, this machine may be offline"
                raise MachineError(f"{what}: {error}") from error
            raise
        self._contact.had()
        return stream

    async def _connected(self, host: str, port: int) -> GuardedStream:
        addresses = _in_turn(await self._permitted(host))
        peer = f"the proxy {host}" if self._to_proxy else host
        failure, silent = FetchError("dns", f"{peer} has no address"), True
        for turn, address in enumerate(addresses):
            share_s = left_s() / (len(addresses) - turn)
            try:
                return GuardedStream(
                    await self._inner.connect_tcp(str(address), port, share_s),
                    proxy=host if self._to_proxy else None,
                )
            except httpcore.ConnectTimeout:
                failure = FetchError("timeout", f"{peer} ({address}), port {port}: no answer", silent=silent)
            except httpcore.ConnectError as error:
                if (lack := _lack(error, address)) is not None:
                    raise lack from error
                if getattr(root(error), "errno", None) in _ANSWERS and not self._to_proxy:
                    self._contact.had()
                    silent = False
                reason = f"{peer} ({address}), port {port}: {connect_reason(error)}"
                failure = FetchError("connect", reason, silent=silent)
        raise failure

    async def _permitted(self, host: str) -> tuple[Address, ...]:
        answer = await self._resolver.addresses(host.rstrip("."), within_s=left_s())
        if isinstance(answer, NoAddress):
            if answer.error is not None and (lack := shortage(answer.error)) is not None:
                raise lack from answer.error
            if answer.error is None and not self._to_proxy:
                self._contact.had()
            reason = f"the proxy {answer.reason}" if self._to_proxy else answer.reason
            raise FetchError("dns", reason, silent=answer.error is not None)
        if not self._to_proxy:
            refuse_private(host, answer, self._allow)
        return answer


def _lack(error: BaseException, address: Address) -> MachineError | None:
    """What this machine lacks to connect to the address; None if it lacks nothing."""
    cause = root(error)
    # A system without IPv6 says the same of each IPv6 address.
    if isinstance(cause, OSError) and cause.errno == errno.EADDRNOTAVAIL and address.version == 4:
        return MachineError("no local port is free (widen net.ipv4.ip_local_port_range, or lower fetch.concurrency)")
    return shortage(cause)


def refuse_private(host: str, addresses: Sequence[Address], allow: Sequence[Network]) -> None:
    """Raises FetchError of kind address if any of `addresses`, those of `host`, is not permitted."""
    for address in addresses:
        if not is_permitted(address, allow):
            what = host if host.strip("[]") == str(address) else f"{host} is at {address}, which"
            raise FetchError("address", f"{what} is not public (setting fetch.allow_addresses)")


def _in_turn(addresses: Sequence[Address]) -> list[Address]:
    """The first few addresses, IPv6 and IPv4 alternating (RFC 8305 section 4), so that a dead IPv6 does not hide a
    working IPv4."""
    seen: Counter[int] = Counter()

    def turn(address: Address) -> int:
        seen[address.version] += 1
        return seen[address.version]

    # sorted() is stable, so otherwise the system's order (RFC 6724) is kept.
    return sorted(addresses, key=turn)[:_ADDRESSES_TRIED]
