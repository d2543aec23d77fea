"""Logs: lines from structlog and the standard library, through one formatter. For people on a terminal, JSON elsewhere.

No secret gets out: credentials are cut from every URL, and configured secrets from every text, wherever they occur.
Nothing from the network reaches a terminal unescaped: control characters are replaced.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Collection, Mapping, MutableMapping
from contextlib import suppress
from typing import Literal, TextIO

import orjson
import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor

_CREDENTIALS = re.compile(r"(?<=//)[^/\s?#]*@")  # to the last "@" of an authority: a password may hold one
# Keys in the URLs of feeds: `?api_key=…`
_KEYS = re.compile(r"([?&;][\w-]*(?:key|token|secret|passw(?:or)?d|auth|sig|signature)=)[^&;#\s\"'<>]+", re.IGNORECASE)
# All except tab and line feed; also characters that reorder text, and lone surrogates, which can't be encoded.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MIN_SECRET = 6  # shorter ones would blank out every other word
MAX_TEXT = 2000
MAX_TRACEBACK = 20_000


def configure(
    *,
    level: str = "info",
    form: Literal["auto", "console", "json"] = "auto",
    stream: TextIO | None = None,
    secrets: Collection[str] = (),
) -> None:
    """Sets up logging for the process; may be called again. `secrets` are texts that must never appear."""
    out = sys.stderr if stream is None else stream
    console = form == "console" or (form == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    clean = _Clean(frozenset(s for s in secrets if len(s) >= MIN_SECRET), console=console)
    global _in_force  # global like the handlers of logging
    _in_force = clean
    # Local variables may contain secrets, so tracebacks show only code and lines.
    failure = ExceptionRenderer(ExceptionDictTransformer(show_locals=False)) if not console else None
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *([failure] if failure else [structlog.processors.format_exc_info]),
        clean,
        structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else _json,
    ]
    handler = _Handler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # httpx logs every request with its credentials; the others log what they are about to do.
    for noisy in ("httpx", "httpcore", "apscheduler", "alembic", "asyncio", "trafilatura", "charset_normalizer"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide(secrets: Collection[str]) -> None:
    """Makes `told` leave out these texts, in a process that does not log."""
    global _in_force
    _in_force = _Clean(frozenset(s for s in secrets if len(s) >= MIN_SECRET), console=False)


def told(text: str) -> str:
    """`text` as it would be logged: without credentials, keys and configured secrets, and of bounded length."""
    return _in_force.text(text, MAX_TEXT)


class Sparing:
    """Whether to log a problem: one that is not the last one again, or if that was `again_s` seconds ago."""

    def __init__(self, again_s: float = 60.0) -> None:
        self._again_s = again_s
        self._last: str | None = None
        self._at_s = 0.0

    def is_news(self, problem: str = "") -> bool:
        """Ask only to log it at once, because it counts as logged then."""
        now_s = time.monotonic()
        if problem == self._last and now_s - self._at_s < self._again_s:
            return False
        self._last, self._at_s = problem, now_s
        return True

    def over(self) -> bool:
        """The problem is solved, so it is news when it comes back. Returns whether there was one."""
        was, self._last = self._last is not None, None
        return was


class _Handler(logging.StreamHandler[TextIO]):
    """If a line can't be formatted, reports only where it came from. (logging itself would print message and arguments
    unescaped.)"""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        args = type(sys.exc_info()[1]).__name__, record.pathname, record.lineno
        lost = logging.LogRecord(record.name, logging.ERROR, *args[1:], "log.line_lost: %s at %s:%d", args, None)
        with suppress(OSError, ValueError):  # the stream itself is gone
            self.stream.write(self.format(lost) + self.terminator)


class _Clean:
    """Removes credentials and secrets from every text of an event, bounds its length, and replaces control
    characters."""

    def __init__(self, secrets: frozenset[str], *, console: bool) -> None:
        longest_first = sorted(secrets, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if secrets else None
        self._console = console

    def __call__(self, _: object, __: str, event: EventDict) -> EventDict:
        traces = ("exception", "stack")
        cleaned: EventDict = {
            key: self._value(value, MAX_TRACEBACK if key in traces else MAX_TEXT) for key, value in event.items()
        }
        if self._console:
            # A line break here could forge a line; in values, the renderer escapes it.
            cleaned["event"] = str(cleaned.get("event", "")).replace("\n", " ")
        return cleaned

    def _value(self, value: object, most: int) -> object:
        if isinstance(value, str):
            return self.text(value, most)
        if isinstance(value, Mapping):
            return {self.text(str(key), most): self._value(item, most) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(item, most) for item in value]
        if value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() < 64):
            return value
        return self.text(str(value), most)

    def text(self, text: str, most: int) -> str:
        text = _KEYS.sub(r"\1***", _CREDENTIALS.sub("", text))
        if self._secrets is not None:
            text = self._secrets.sub("***", text)
        text = _CONTROL.sub("\ufffd", text)
        return text if len(text) <= most else text[:most] + "…"


_in_force = _Clean(frozenset(), console=False)


def _json(_: object, __: str, event: MutableMapping[str, object]) -> str:
    ordered = {"timestamp": event.pop("timestamp", None), "level": event.pop("level", None)}
    return orjson.dumps({**ordered, "event": event.pop("event", None), **event}, default=str).decode()
