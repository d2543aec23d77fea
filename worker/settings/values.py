"""Types of single values: what a file may contain for them, and what it becomes.

Each raises `expected`, which says what is allowed but never what was found, because that may come from the environment;
`problems` shows it as written in the file.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from worker.settings import quantities
from worker.settings.addresses import Address, address

VARIABLE = r"\$\{"
"""A pattern that editors must accept in place of any value: `${VARIABLE}`."""

_LONGEST_S = 100 * 365 * 86400.0  # longer ones, added to a time, would exceed the range of dates
_MOST_ARTICLES = 1000  # they are held in memory
_MOST_SHARDS = 256
_T = TypeVar("_T")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def expected(what: str, *, hint: str = "", choices: tuple[str, ...] = ()) -> PydanticCustomError:
    """The error for a value that is not `what`; the most similar of `choices` is suggested."""
    return PydanticCustomError("expected", "expected {what}", {"what": what, "hint": hint, "choices": choices})


def amiss(what: str, *, hint: str = "") -> PydanticCustomError:
    """The error for a section whose keys are each valid but that is not `what`."""
    return PydanticCustomError("amiss", "expected {what}", {"what": what, "hint": hint})


def exclusive(both: str) -> PydanticCustomError:
    """The error for a mapping with two keys that exclude each other."""
    return PydanticCustomError("exclusive", "{both} exclude each other", {"both": both, "hint": "keep one of them"})


def text_as(
    what: str, value_of: Callable[[str], _T | None], *, hint: str = "", number_hint: str = ""
) -> BeforeValidator:
    """Accepts a text that `value_of` can convert; `number_hint` is shown if there is a number instead."""

    def validate(value: object) -> _T:
        result = value_of(value) if isinstance(value, str) else None
        if result is None:
            is_number = re.fullmatch(r"[0-9.]+", str(value)) if isinstance(value, str | int | float) else None
            raise expected(what, hint=(is_number and number_hint) or hint)
        return result

    return BeforeValidator(validate)


def schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$|{VARIABLE}"})


def or_variable(*schemas: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*schemas, {"type": "string", "pattern": VARIABLE}]})


def matching(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text) else None


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


def _whole(value: object, most: int | None = None) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):  # a text if it comes from `${WORKERS}`
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        raise expected("a whole number from 1 " + ("on" if most is None else f"to {most}"))
    return value


def _up_to(most: int) -> tuple[BeforeValidator, WithJsonSchema]:
    whole = {"type": "integer", "minimum": 1, "maximum": most}
    return BeforeValidator(lambda value: _whole(value, most)), or_variable(whole)


def _flag(value: object) -> bool:
    if not isinstance(value, bool) and value not in ("true", "false"):  # a text if it comes from `${VARIABLE}`
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


Seconds = Annotated[
    float,
    text_as(
        "a duration such as 30s or 5m",
        _seconds,
        hint="units are ms, s, m, h and d",
        number_hint="add a unit: ms, s, m, h or d",
    ),
    schema(quantities.DURATION),
]
PositiveSeconds = Annotated[Seconds, AfterValidator(_above_zero)]
SizeBytes = Annotated[
    int,
    text_as(
        "a size such as 20MB",
        lambda text: quantities.size_bytes(text) or None,
        hint="units are B, kB, MB and GB",
        number_hint="add a unit: B, kB, MB or GB",
    ),
    schema(quantities.SIZE),
]
Count = Annotated[int, BeforeValidator(lambda value: _whole(value)), or_variable({"type": "integer", "minimum": 1})]
Articles = Annotated[int, *_up_to(_MOST_ARTICLES)]
Shards = Annotated[int, *_up_to(_MOST_SHARDS)]
Fraction = Annotated[float, BeforeValidator(_part), or_variable({"type": "number", "minimum": 0, "maximum": 1})]
Flag = Annotated[bool, BeforeValidator(_flag), or_variable({"type": "boolean"})]
Workers = Annotated[
    int | Literal["auto"],
    BeforeValidator(_workers),
    or_variable({"const": "auto"}, {"type": "integer", "minimum": 1}),
]

# --- feeds ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def _cron_line(text: str) -> str | None:
    """A line of crontab(5) with its weekdays as names, because the number 0 means Sunday to cron and Monday to
    APScheduler 3 (agronholm/apscheduler#286)."""
    fields = text.split()
    if len(fields) == 5:
        fields[4] = ",".join(_weekday_names(part) for part in fields[4].split(","))
    line = " ".join(fields)
    try:
        trigger = CronTrigger.from_crontab(line, timezone=UTC)
    except ValueError:
        return None
    # With a weekday besides the date, either is enough (crontab(5)).
    if fields[4].startswith("*") and trigger.get_next_fire_time(None, datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise expected("a cron line that comes due", hint="no month has that day")
    return line


def _weekday_names(part: str) -> str:
    """`1-5` → `mon,tue,wed,thu,fri`; 0 and 7 are Sunday; anything that is not a number stays."""
    part = re.sub(r"^\*/", "0-6/", part)  # cron counts every second day from Sunday, APScheduler from Monday
    found = re.fullmatch(r"([0-7])(?:-([0-7]))?(?:/([1-7]))?", part)
    if found is None:
        return part
    first, last, step = found.groups()
    last = last or ("6" if step else first)
    days = range(int(first), int(last) + 1, int(step or 1))
    return ",".join(_WEEKDAYS[day % 7] for day in days) or part


CronLine = Annotated[
    str, text_as('a cron line such as "*/20 6-22 * * *"', _cron_line, hint="minute, hour, day, month, weekday")
]
WebAddress = Annotated[
    Address,
    text_as("an http or https URL", address, hint="such as https://example.org/feed.xml"),
    WithJsonSchema({"type": "string", "pattern": f"^(feed:)?https?://|^feed://|{VARIABLE}"}),
]
ExplicitId = Annotated[
    str,
    text_as(
        "an id of letters, digits and . _ -, 100 at most, the first no sign",
        matching("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
    ),
    schema("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"),
]
HeaderName = Annotated[
    str, text_as("the name of a header, such as Authorization", matching("[A-Za-z0-9!#$%&'*+.^_`|~-]+"))
]
"""A token (RFC 9110 section 5.6.2)."""
HeaderValue = Annotated[
    str,
    text_as("a text in ASCII for the value of a header", lambda text: matching(r"[\t -~]*")(text.strip())),
]
"""RFC 9110 section 5.5. White space around a value is not part of it, such as a line end that comes with a secret."""
