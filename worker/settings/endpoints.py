"""Addresses of the worker itself, and of services it uses: the broker, a collector of traces."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from worker import urls
from worker.model import Broker


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of this machine and a TCP port; port 0 means any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(text: str) -> Endpoint | None:
    """`127.0.0.1:8787`, `[::1]:8787`, `localhost:8787`; None for anything else."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+|localhost)):([0-9]{1,5})", text)
    if found is None or int(found[3]) > 65_535:
        return None
    host = "127.0.0.1" if found[2] == "localhost" else found[1] or found[2]
    try:
        return Endpoint(host=str(ipaddress.ip_address(host)), port=int(found[3]))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host, given as name or address, is this machine and can't be reached from elsewhere (RFC 6761 section
    6.3)."""
    name = host.removeprefix("[").removesuffix("]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _bare_url(text: str) -> str | None:
    """The absolute http(s) URL in `text`; None if it is not one, or has a query or a fragment."""
    url = urls.absolute(text)
    return None if url is None or (parts := urlsplit(url)).query or parts.fragment else url


def collector_url(text: str) -> str | None:
    """The URL for traces of an OTLP/HTTP collector, given as its base URL or in full; None if it can't be one.
    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp"""
    url = _bare_url(text)
    if url is None:
        return None
    base = url.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


BUS = "feedmill"
"""The name of the work stream, if the URL gives none."""


def broker(text: str, *, stream: str = BUS) -> Broker | None:
    """`nats://[user:password@|token@]host[:port][,host[:port]…][/stream]`, or the same with tls:, as NATS' own clients
    accept it; None if it can't be one. stream: the name if the text gives none."""
    found = re.fullmatch(r"(nats|tls)://(?:([^@/\s]+)@)?([^@/\s]+)(?:/([A-Za-z0-9_-]{1,32})?)?", text)
    if found is None:
        return None
    scheme, who, hosts, named = found.groups()
    servers = []
    for host in hosts.split(","):
        try:
            parts = urlsplit(f"{scheme}://{host}")
            port = parts.port or 4222
        except ValueError:
            return None
        if not parts.hostname or parts.query or parts.fragment:
            return None
        servers.append(f"{scheme}://{host if parts.port else f'{host}:{port}'}")
    user, colon, password = (who or "").partition(":")
    return Broker(
        servers=tuple(servers),
        stream=named or stream,
        user=unquote(user) if colon else None,
        password=unquote(password) if colon else None,
        token=unquote(user) if user and not colon else None,
    )


def outer_url(text: str) -> str | None:
    """The URL of a proxy in front of this worker, without a slash at its end; None if it can't be one."""
    url = _bare_url(text)
    return None if url is None or "@" in urlsplit(url).netloc else url.rstrip("/")


def proxy_url(text: str) -> str | None:
    """The URL of a proxy between this worker and the sites; None if it can't be one."""
    url = _bare_url(text)
    return None if url is None or urlsplit(url).path not in ("", "/") else url
