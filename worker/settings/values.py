"""The types of single values: what a file may say for them, and what comes of it.

Each raises `expected`, which says what is wanted and never what was found: that may come from the environment, so it
is shown by `problems`, as it stands in the file.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from worker import urls
from worker.model import Broker, Server, State, object_path
from worker.settings import quantities
from worker.settings.addresses import Address, address
from worker.settings.endpoints import BUS, Endpoint, broker, collector_url, endpoint, outer_url

VARIABLE = r"\$\{"
"""What editors must let pass in the place of any value: `${VARIABLE}`."""

_LONGEST_S = 100 * 365 * 86400.0  # beyond, the sum with an instant would leave what a date can hold
_MOST_ARTICLES = 1000  # they are held in memory
_MOST_SHARDS = 256
_T = TypeVar("_T")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def expected(what: str, *, hint: str = "", choices: tuple[str, ...] = ()) -> PydanticCustomError:
    """The error of a value that is not `what`; the nearest of `choices` is offered."""
    return PydanticCustomError("expected", "expected {what}", {"what": what, "hint": hint, "choices": choices})


def exclusive(both: str) -> PydanticCustomError:
    """The error of a mapping that has two keys that rule each other out."""
    return PydanticCustomError("exclusive", "{both} exclude each other", {"both": both, "hint": "keep one of them"})


def _text_as(
    what: str, value_of: Callable[[str], _T | None], *, hint: str = "", number_hint: str = ""
) -> BeforeValidator:
    """Takes a text that `value_of` makes something of; `number_hint` is for numbers in its place."""

    def validate(value: object) -> _T:
        result = value_of(value) if isinstance(value, str) else None
        if result is None:
            is_number = re.fullmatch(r"[0-9.]+", str(value)) if isinstance(value, str | int | float) else None
            raise expected(what, hint=(is_number and number_hint) or hint)
        return result

    return BeforeValidator(validate)


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$|{VARIABLE}"})


# --- quantities -----------------------------------------------------------------------------------------------------


def _seconds(text: str) -> float | None:
    seconds = quantities.seconds(text)
    if seconds is not None and seconds > _LONGEST_S:
        raise expected("a duration of a hundred years at most")
    return seconds


def _above_zero(seconds: float) -> float:
    if seconds == 0:
        raise expected("a duration above 0s")
    return seconds


def _whole(value: object) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):  # `${WORKERS}` is a text until it gets here
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise expected("a whole number from 1 on")
    return value


def _up_to(most: int) -> Callable[[object], int]:
    def parsed(value: object) -> int:
        try:
            count = _whole(value)
        except PydanticCustomError:
            count = 0
        if not 1 <= count <= most:
            raise expected(f"a whole number from 1 to {most}")
        return count

    return parsed


def _flag(value: object) -> bool:
    if not isinstance(value, bool) and value not in ("true", "false"):  # a text where it comes from `${VARIABLE}`
        raise expected("true or false")
    return value in (True, "true")


def _part(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise expected("a number from 0 to 1")
    return float(value)


def _workers(value: object) -> object:
    try:
        return value if value == "auto" else _whole(value)
    except PydanticCustomError:
        raise expected("auto, or a whole number from 1 on") from None


_COUNT_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": VARIABLE}]}


def _up_to_schema(most: int) -> dict[str, Any]:
    whole = {"type": "integer", "minimum": 1, "maximum": most}
    return {"anyOf": [whole, {"type": "string", "pattern": VARIABLE}]}


Seconds = Annotated[
    float,
    _text_as("a duration such as 30s or 5m", _seconds, number_hint="add a unit: ms, s, m, h or d"),
    _schema(quantities.DURATION),
]
PositiveSeconds = Annotated[Seconds, AfterValidator(_above_zero)]
SizeBytes = Annotated[
    int,
    _text_as(
        "a size such as 20MB",
        lambda text: quantities.size_bytes(text) or None,
        hint="units are B, kB, MB and GB",
        number_hint="add a unit: B, kB, MB or GB",
    ),
    _schema(quantities.SIZE),
]
Count = Annotated[int, BeforeValidator(_whole), WithJsonSchema(_COUNT_SCHEMA)]
Articles = Annotated[int, BeforeValidator(_up_to(_MOST_ARTICLES)), WithJsonSchema(_up_to_schema(_MOST_ARTICLES))]
Shards = Annotated[int, BeforeValidator(_up_to(_MOST_SHARDS)), WithJsonSchema(_up_to_schema(_MOST_SHARDS))]
Fraction = Annotated[
    float,
    BeforeValidator(_part),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": VARIABLE}]}
    ),
]
Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": VARIABLE}]}),
]
Workers = Annotated[
    int | Literal["auto"],
    BeforeValidator(_workers),
    WithJsonSchema({"anyOf": [{"const": "auto"}, *_COUNT_SCHEMA["anyOf"]]}),
]

# --- places ---------------------------------------------------------------------------------------------------------


def state(text: str) -> State | None:
    """`sqlite:///PATH` or `postgresql://…`; None for anything else."""
    path = text.removeprefix("sqlite:///")
    if path != text:
        return Path(path) if path not in ("", ":memory:") else None
    return Server(text) if _is_postgresql(text) else None


def _is_postgresql(text: str) -> bool:
    """A database has to be named: libpq would take the one of the user's name."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    named = parts.path.strip("/") or "dbname=" in parts.query
    return parts.scheme in ("postgresql", "postgres") and bool(named) and not parts.fragment and text.isprintable()


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


def _contact(value: object) -> object:
    """Nothing for an empty text, which is what `${CONTACT:-}` comes to. The rest goes into a comment of the
    User-Agent (RFC 9110 section 10.1.5), where parentheses and backslashes have a meaning."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[!-'*-\[\]-~]+", value):
        raise expected("an e-mail address or a URL, in ASCII")
    return value


StatePlace = Annotated[
    State,
    _text_as("sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE", state),
    _schema("sqlite:///.+|postgres(ql)?://.+"),
]


RECORDS = "feedmill-records"
"""The stream of records, where its URL names none."""


def _bus(value: object) -> Broker | None:
    """Nothing for `local`."""
    return None if value == "local" else _broker(value, stream=BUS, what="local", path="")


def _record_stream(value: object) -> Broker | None:
    return None if value is None else _broker(value, stream=RECORDS, what="null", path="/news")


def _broker(value: object, *, stream: str, what: str, path: str) -> Broker:
    """what, path: what else may stand there, and the end of an example."""
    place = broker(value, stream=stream) if isinstance(value, str) else None
    if place is None:
        hint = "a / or @ in a password is written %2F, %40"
        raise expected(f"{what}, or a broker such as nats://user:${{PASSWORD}}@nats.example:4222{path}", hint=hint)
    return place


StreamPlace = Annotated[
    Broker | None,
    BeforeValidator(_record_stream),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^(?:nats|tls)://.+$|{VARIABLE}"}, {"type": "null"}]}),
]
BusPlace = Annotated[Broker | None, BeforeValidator(_bus), _schema("local|(?:nats|tls)://.+")]
Folder = Annotated[
    Path,
    _text_as("the path of a folder, or s3://BUCKET/PREFIX", _folder),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
HostName = Annotated[
    str, _text_as("a host name such as example.org", _host_name, hint="an entry covers its subdomains, too")
]
Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    _text_as("an address or a network such as 10.0.0.0/8", _network, hint="bits behind the prefix are zero"),
    WithJsonSchema({"type": "string"}),
]
TimeZone = Annotated[str, _text_as("a time zone such as Europe/Berlin", _time_zone)]
Contact = Annotated[str | None, BeforeValidator(_contact)]

# --- proxies ------------------------------------------------------------------------------------------------------


def _proxy(value: object) -> str | None:
    """Nothing for an empty text, which is what `${PROXY:-}` comes to."""
    if value is None or value == "":
        return None
    hint = "such as http://user:${PASSWORD}@proxy.example:3128; a / in a password is written %2F"
    try:
        url = urls.absolute(value) if isinstance(value, str) else None
        parts = urlsplit(url or "")
        is_proxy = url is not None and parts.path in ("", "/") and not parts.query and not parts.fragment
    except ValueError:
        is_proxy = False
    if not is_proxy:
        raise expected("the http or https URL of a proxy", hint=hint)
    return url


Proxy = Annotated[
    str | None,
    BeforeValidator(_proxy),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^https?://|{VARIABLE}"}, {"type": "null"}]}),
]

# --- the worker's own web ---------------------------------------------------------------------------------------


def _none_or(what: str, value_of: Callable[[str], _T | None], *, hint: str) -> BeforeValidator:
    """Nothing for null and for an empty text, which is what `${NAME:-}` comes to."""

    def validate(value: object) -> _T | None:
        if value is None or value == "":
            return None
        result = value_of(value) if isinstance(value, str) else None
        if result is None:
            raise expected(what, hint=hint)
        return result

    return BeforeValidator(validate)


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
    _none_or(
        "a secret of eight characters or more, in ASCII",
        lambda text: text if re.fullmatch("[!-~]{8,}", text) else None,
        hint="such as ${TOKEN}",
    ),
    _TEXT_OR_NULL,
]

# --- feeds ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def _cron_line(text: str) -> str | None:
    """A line of crontab(5), its weekdays by name: the number 0 is Sunday to cron, Monday to APScheduler 3
    (agronholm/apscheduler#286)."""
    fields = text.split()
    if len(fields) == 5:
        fields[4] = ",".join(_weekday_names(part) for part in fields[4].split(","))
    line = " ".join(fields)
    try:
        trigger = CronTrigger.from_crontab(line, timezone=UTC)
    except ValueError:
        return None
    # A weekday beside the date is enough for it (crontab(5)).
    if fields[4].startswith("*") and trigger.get_next_fire_time(None, datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise expected("a cron line that comes due", hint="no month has that day")
    return line


def _weekday_names(part: str) -> str:
    """`1-5` → `mon,tue,wed,thu,fri`; 0 and 7 are Sunday; what is no number stays."""
    part = re.sub(r"^\*/", "0-6/", part)  # each second day counts from Sunday to cron, from Monday to APScheduler
    found = re.fullmatch(r"([0-7])(?:-([0-7]))?(?:/([1-7]))?", part)
    if found is None:
        return part
    first, last, step = found.groups()
    last = last or ("6" if step else first)
    days = range(int(first), int(last) + 1, int(step or 1))
    return ",".join(_WEEKDAYS[day % 7] for day in days) or part


def _matching(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text) else None


CronLine = Annotated[
    str, _text_as('a cron line such as "*/20 6-22 * * *"', _cron_line, hint="minute, hour, day, month, weekday")
]
WebAddress = Annotated[
    Address,
    _text_as("an http or https URL", address, hint="such as https://example.org/feed.xml"),
    WithJsonSchema({"type": "string", "pattern": f"^(feed:)?https?://|^feed://|{VARIABLE}"}),
]
ExplicitId = Annotated[
    str,
    _text_as(
        "an id of letters, digits and . _ -, 100 at most, the first no sign",
        _matching("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
    ),
    _schema("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
]
HeaderName = Annotated[
    str, _text_as("the name of a header, such as Authorization", _matching("[A-Za-z0-9!#$%&'*+.^_`|~-]+"))
]
"""A token (RFC 9110 section 5.6.2)."""
HeaderValue = Annotated[
    str,
    AfterValidator(str.strip),
    _text_as("a text in ASCII for the value of a header", lambda text: _matching(r"[\t -~]*")(text.strip())),
]
"""RFC 9110 section 5.5; white space around a value is not part of it, as the line end that a secret may come with."""
