"""Types of values that name places: databases, folders, hosts, brokers, proxies, the worker itself."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator, WithJsonSchema

from worker import urls
from worker.model import Broker, Server, State, object_path
from worker.settings.endpoints import BUS, Endpoint, broker, collector_url, endpoint, outer_url, proxy_url
from worker.settings.values import VARIABLE, expected, matching, schema, text_as

_T = TypeVar("_T")


def state(text: str) -> State | None:
    """`sqlite:///PATH` or `postgresql://…`; None for anything else."""
    path = text.removeprefix("sqlite:///")
    if path != text:
        return Path(path) if path not in ("", ":memory:") else None
    return Server(text) if _is_postgresql(text) else None


def _is_postgresql(text: str) -> bool:
    """The URL must name a database, because libpq would otherwise use the one named like the user. A second @, or one
    after the host, is of a password: libpq would take its rest for the host, and we would show it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    named = parts.path.strip("/") or "dbname=" in parts.query
    strange = parts.fragment or "@" in parts.path or parts.netloc.count("@") > 1
    return parts.scheme in ("postgresql", "postgres") and bool(named) and not strange and text.isprintable()


def _folder(text: str) -> Path | None:
    if text.startswith("s3:"):
        return object_path(text)
    return Path(text) if text else None


def _host_name(text: str) -> str | None:
    if re.fullmatch(r"[^\s/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\]", text) is None:
        return None
    try:
        return urls.host_of(f"https://{text}/")
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _time_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):  # OSError: `Europe` is a folder
        raise expected("a time zone such as Europe/Berlin", choices=tuple(zoneinfo.available_timezones())) from None
    return text


def _none_or(what: str, value_of: Callable[[str], _T | None], *, hint: str = "") -> BeforeValidator:
    """None for null and for an empty text, which is what `${NAME:-}` may become."""

    def validate(value: object) -> _T | None:
        if value is None or value == "":
            return None
        result = value_of(value) if isinstance(value, str) else None
        if result is None:
            raise expected(what, hint=hint)
        return result

    return BeforeValidator(validate)


_IN_PASSWORDS = "a / or @ in a password is written %2F, %40"

StatePlace = Annotated[
    State,
    text_as("sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE", state, hint=_IN_PASSWORDS),
    schema("sqlite:///.+|postgres(ql)?://.+"),
]


RECORDS = "feedmill-records"
"""The name of the record stream, if the URL gives none."""


def _bus(value: object) -> Broker | None:
    """None for `local`."""
    return None if value == "local" else _broker(value, stream=BUS, what="local", path="")


def _record_stream(value: object) -> Broker | None:
    return None if value is None else _broker(value, stream=RECORDS, what="null", path="/news")


def _broker(value: object, *, stream: str, what: str, path: str) -> Broker:
    """what: what else is allowed. path: the end of the example."""
    place = broker(value, stream=stream) if isinstance(value, str) else None
    if place is None:
        example = f"nats://user:${{PASSWORD}}@nats.example:4222{path}"
        raise expected(f"{what}, or a broker such as {example}", hint=_IN_PASSWORDS)
    return place


StreamPlace = Annotated[
    Broker | None,
    BeforeValidator(_record_stream),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^(?:nats|tls)://.+$|{VARIABLE}"}, {"type": "null"}]}),
]
BusPlace = Annotated[Broker | None, BeforeValidator(_bus), schema("local|(?:nats|tls)://.+")]
Folder = Annotated[
    Path,
    text_as("the path of a folder, or s3://BUCKET/PREFIX", _folder),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
HostName = Annotated[
    str, text_as("a host name such as example.org", _host_name, hint="an entry covers its subdomains, too")
]
Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    text_as("an address or a network such as 10.0.0.0/8", _network, hint="bits behind the prefix are zero"),
    WithJsonSchema({"type": "string"}),
]
TimeZone = Annotated[str, text_as("a time zone such as Europe/Berlin", _time_zone)]
# It goes into a comment of the User-Agent (RFC 9110 section 10.1.5), where parentheses and backslashes have a meaning.
Contact = Annotated[str | None, _none_or("an e-mail address or a URL, in ASCII", matching(r"[!-'*-\[\]-~]+"))]

Proxy = Annotated[
    str | None,
    _none_or(
        "the http or https URL of a proxy",
        proxy_url,
        hint="such as http://user:${PASSWORD}@proxy.example:3128; a / in a password is written %2F",
    ),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^https?://|{VARIABLE}"}, {"type": "null"}]}),
]

_TEXT_OR_NULL = WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]})
Listen = Annotated[
    Endpoint | None,
    _none_or("an address and a port such as 127.0.0.1:8787", endpoint, hint="null for none"),
    _TEXT_OR_NULL,
]
OuterUrl = Annotated[
    str | None, _none_or("an http or https URL", outer_url, hint="such as https://feeds.example.org"), _TEXT_OR_NULL
]
Webhook = Annotated[
    str | None,
    _none_or("an http or https URL", urls.absolute, hint="such as https://hooks.example.org/…"),
    _TEXT_OR_NULL,
]
Collector = Annotated[
    str | None,
    _none_or("the http or https URL of a collector", collector_url, hint="such as http://localhost:4318"),
    _TEXT_OR_NULL,
]
Secret = Annotated[
    str | None,
    _none_or("a secret of eight characters or more, in ASCII", matching("[!-~]{8,}"), hint="such as ${TOKEN}"),
    _TEXT_OR_NULL,
]
