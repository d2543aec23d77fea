"""Log lines, as they come out: what they hold, and what must never be in them."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import types
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import structlog

from worker import log
from worker.log import configure

PASSWORD, TOKEN = "pa55word", "t0ken-of-the-operator"
ADDRESS = f"https://user:{PASSWORD}@a.example/feed?x=1"
FORMS: tuple[Literal["console", "json"], ...] = ("console", "json")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Logs = Callable[..., io.StringIO]


@pytest.fixture
def logs() -> Iterator[Logs]:
    """Configures logging and gives what is written; puts all global state back at the end."""
    names = ["", *logging.root.manager.loggerDict]
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names}
    config = structlog.get_config()

    def start(stream: io.StringIO | None = None, **options: Any) -> io.StringIO:
        out = io.StringIO() if stream is None else stream
        configure(stream=out, **options)
        return out

    yield start
    for name in ["", *logging.root.manager.loggerDict]:
        level, handlers = before.get(name, (logging.NOTSET, []))
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers[:] = handlers
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def ours() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("feedmill.test")
    return logger


def theirs() -> logging.Logger:
    return logging.getLogger("a.library")


def fail(text: str) -> None:
    local = f"{TOKEN} local to the frame"
    try:
        raise KeyError(text)
    except KeyError as error:
        raise ValueError(text) from (error if local else None)


# --- what a line holds ----------------------------------------------------------------------------------------------


def test_lines_of_both_loggers_are_json_objects_of_one_kind(logs: Logs) -> None:
    """structlog's and the standard library's events have time, level, event and logger, in that order where it
    matters."""
    out = logs(form="json")
    ours().info("feed.polled", new=3, took_s=0.5, ok=True, error=None, tags=("a", "b"), host={"name": "a.example"})
    theirs().warning("%s of %d", "one", 2)
    one, two = lines(out)
    assert list(one)[:3] == list(two)[:3] == ["timestamp", "level", "event"]
    assert datetime.fromisoformat(one.pop("timestamp")).utcoffset() is not None
    assert one == {
        "level": "info",
        "event": "feed.polled",
        "logger": "feedmill.test",
        "new": 3,
        "took_s": 0.5,
        "ok": True,
        "error": None,
        "tags": ["a", "b"],
        "host": {"name": "a.example"},
    }
    assert (two["level"], two["event"], two["logger"]) == ("warning", "one of 2", "a.library")


@pytest.mark.parametrize("form", FORMS)
def test_what_is_bound_stands_on_every_line(logs: Logs, form: str) -> None:
    """The feed that is being polled is on the lines of libraries, too, and gone when it is unbound."""
    out = logs(form=form)
    with structlog.contextvars.bound_contextvars(feed="example"):
        ours().info("a")
        theirs().warning("b")
    ours().info("c")
    assert ["example" in line for line in out.getvalue().splitlines()] == [True, True, False]


def test_any_value_can_be_logged(logs: Logs) -> None:
    """Objects as their text, numbers of any size, sets, bytes, texts that are no UTF-8: no line is lost."""
    out = logs(form="json")
    ours().info(
        "x", path=Path("/a"), big=2**70, low=-(2**63) - 1, nan=float("nan"), some={1}, raw=b"\xff", odd="\ud800"
    )
    (line,) = lines(out)
    assert (line["path"], line["big"], line["low"], line["some"]) == ("/a", str(2**70), str(-(2**63) - 1), [1])
    assert (line["nan"], line["raw"], line["odd"]) == (None, "b'\\xff'", "\ufffd")


@pytest.mark.parametrize(
    ("level", "seen"),
    [("debug", "DIWE"), ("info", "IWE"), ("warning", "WE"), ("error", "E")],
    ids=["debug", "info", "warning", "error"],
)
def test_only_lines_of_the_level_come_out(logs: Logs, level: str, seen: str) -> None:
    """The level holds for both kinds of loggers."""
    out = logs(form="json", level=level)
    for logger in (ours(), theirs()):
        logger.debug("D")
        logger.info("I")
        logger.warning("W")
        logger.error("E")
    assert "".join(line["event"] for line in lines(out)) == seen * 2


def test_configuring_again_replaces_what_was(logs: Logs) -> None:
    """A second call adds no second handler, and loggers made before follow it."""
    logger = ours()
    first, second = logs(form="json", level="debug"), logs(form="json", level="error")
    logger.info("a")
    logger.error("b")
    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["b"]


def test_auto_means_console_on_a_terminal_and_json_elsewhere(logs: Logs) -> None:
    """Nobody has to say which; colours are for terminals alone."""
    terminal, file = logs(Terminal(), form="auto"), None
    ours().info("event.name", key="value")
    file = logs(form="auto")
    ours().info("event.name", key="value")
    assert "\x1b[" in terminal.getvalue()
    assert lines(file)[0]["key"] == "value"
    plain = logs(form="console")
    ours().info("event.name", key="value")
    assert "\x1b" not in plain.getvalue()
    assert re.search(r"info +\] event.name .*key=value", plain.getvalue())


def test_standard_error_is_where_lines_go(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is for what a command prints."""
    logs()
    configure(form="json")
    ours().info("here")
    captured = capsys.readouterr()
    assert (captured.out, json.loads(captured.err)["event"]) == ("", "here")


# --- secrets --------------------------------------------------------------------------------------------------------

LEAKS: dict[str, Callable[[], object]] = {
    "an event": lambda: ours().error(f"got {ADDRESS}"),
    "a value": lambda: ours().error("x", url=ADDRESS),
    "a password with at signs": lambda: ours().error("x", url=f"https://u:@@{PASSWORD}@{PASSWORD}@a.example/"),
    "an address without a scheme": lambda: ours().error("x", url=f"//u:{PASSWORD}@a.example/"),
    "a user without a password": lambda: ours().error("x", url=f"https://{PASSWORD}@a.example/"),
    "two addresses in a text": lambda: ours().error("x", text=f"{ADDRESS} to {ADDRESS}"),
    "an address of the state": lambda: ours().error("x", state=f"postgresql+psycopg://u:{PASSWORD}@db/feeds"),
    "a nested value": lambda: ours().error("x", a={"b": [(ADDRESS,), {"c": {ADDRESS}}]}),
    "a nested key": lambda: ours().error("x", a={ADDRESS: 1}),
    "bytes": lambda: ours().error("x", url=ADDRESS.encode()),
    "an object": lambda: ours().error("x", a=types.SimpleNamespace(url=ADDRESS)),
    "an exception as a value": lambda: ours().error("x", error=ValueError(ADDRESS)),
    "positional arguments": lambda: ours().error("x %s", ADDRESS),
    "a bound value": lambda: ours().bind(url=ADDRESS).error("x"),
    "a library's message": lambda: theirs().error(ADDRESS),
    "a library's arguments": lambda: theirs().error("%s %r", ADDRESS, [ADDRESS]),
    "a library's mapping": lambda: theirs().error("%(url)s", {"url": ADDRESS}),
    "a library's message that can not be formatted": lambda: theirs().error("%d", ADDRESS),
    "an object whose text fails": lambda: ours().error(ADDRESS, a=Spiteful()),
}


class Spiteful:
    def __str__(self) -> str:
        raise RuntimeError(ADDRESS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS.keys())
def test_credentials_are_cut_wherever_they_are(
    logs: Logs, capsys: pytest.CaptureFixture[str], form: str, leak: Callable[[], object]
) -> None:
    """`user:password@` comes out nowhere, not even by logging's own report of a line that failed."""
    out = logs(form=form)
    leak()
    assert len(out.getvalue().splitlines()) == 1
    captured = capsys.readouterr()
    assert PASSWORD not in out.getvalue() + captured.err + captured.out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("logger", [ours, theirs], ids=["ours", "theirs"])
def test_exceptions_show_code_and_no_secrets(
    logs: Logs, form: str, logger: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Texts of exceptions and of their causes are cleaned, and no frame shows its locals."""
    out = logs(form=form, secrets=[TOKEN])
    try:
        fail(f"{ADDRESS} {TOKEN}\x1b[31m")
    except ValueError:
        logger().exception("failed")
    text = out.getvalue()
    assert "ValueError" in text
    assert "KeyError" in text
    assert "https://a.example/feed" in text
    assert not any(secret in text for secret in (PASSWORD, TOKEN, "local to the frame", "\x1b", "\\u001b"))
    assert capsys.readouterr().err == ""


def test_an_exception_in_json_is_structure(logs: Logs) -> None:
    """Type, text and frames are there to be searched, on one line."""
    out = logs(form="json")
    try:
        fail("text")
    except ValueError:
        ours().exception("failed")
    (line,) = lines(out)
    error, cause = line["exception"]
    assert (error["exc_type"], error["exc_value"], cause["exc_type"]) == ("ValueError", "text", "KeyError")
    assert error["frames"][-1]["name"] == "fail"
    assert "locals" not in error["frames"][-1]


@pytest.mark.parametrize("form", FORMS)
def test_configured_secrets_are_replaced(logs: Logs, form: str) -> None:
    """Wherever they turn up, the longest first; those too short to tell from words are let be."""
    out = logs(form=form, secrets=[TOKEN, f"Bearer {TOKEN}", "a.b*c(d", "red"])
    ours().error(f"sent Bearer {TOKEN}!", headers={"x": f"Bearer {TOKEN}", TOKEN: "a.b*c(d"}, colour="red")
    theirs().error("%s", TOKEN)
    text = out.getvalue()
    assert not any(secret in text for secret in (TOKEN, "Bearer", "a.b*c(d"))
    assert "sent ***!" in text
    assert "red" in text
    assert len("red") < log.MIN_SECRET


@pytest.mark.parametrize("level", ["info", "debug"])
@pytest.mark.parametrize("form", FORMS)
def test_what_httpx_says_of_its_requests_stays_out(logs: Logs, form: str, level: str) -> None:
    """Its INFO line has the credentials of each request in it; not even at level debug does it come out."""
    out = logs(form=form, level=level)
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        client.get(ADDRESS)
    assert out.getvalue() == ""
    logging.getLogger("httpx").warning("trouble with %s", ADDRESS)
    assert "trouble with https://a.example/feed" in out.getvalue()


def test_a_library_that_talks_much_is_no_louder_than_all(logs: Logs) -> None:
    """At level error its warnings stay out, too."""
    out = logs(form="json", level="error")
    logging.getLogger("httpx").warning("a")
    logging.getLogger("apscheduler.executors").error("b")
    assert [line["event"] for line in lines(out)] == ["b"]


# --- what strangers write -------------------------------------------------------------------------------------------

HOSTILE = {
    "colours": "\x1b[31mred",
    "a window's title": "\x1b]0;title\x07",
    "eight-bit sequences": "\x9b31m\x85",
    "backspaces": "abc\x08\x08\x08xyz",
    "a carriage return": "a\rb",
    "vertical tabs and form feeds": "a\x0bb\x0cc",
    "zero": "a\x00b",
    "delete": "a\x7fb",
    "text that runs backwards": "a\u202eb\u2066c",
    "line separators": "a\u2028b\u2029c",
    "a surrogate": "a\ud800b",
}
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_control_character_reaches_a_terminal(logs: Logs, form: str, text: str) -> None:
    """In events, values, keys of values, messages and exceptions: replaced, in either form."""
    out = logs(form=form)
    ours().info(text, title=text, nested={text: [text]})
    theirs().warning("%s", text)
    try:
        fail(text)
    except ValueError:
        theirs().exception(text)
    assert RAW.search(out.getvalue()) is None
    assert out.getvalue().count("\ufffd") + out.getvalue().count("\\ufffd") > 3


@pytest.mark.parametrize("form", FORMS)
def test_no_line_can_be_forged(logs: Logs, form: str) -> None:
    """A line break in what a stranger wrote starts no line of its own."""
    out = logs(form=form)
    forged = "x\n2026-11-23T00:00:00Z [error    ] forged"
    ours().info(forged)
    ours().info("x", title=forged, nested=[forged])
    theirs().warning(forged)
    assert len(out.getvalue().splitlines()) == 3


@pytest.mark.parametrize("form", FORMS)
def test_the_lines_of_a_traceback_stay(logs: Logs, form: str) -> None:
    """On a console a traceback is read; in JSON it is on the one line of its event."""
    out = logs(form=form)
    try:
        fail("text")
    except ValueError:
        ours().exception("failed")
    assert (len(out.getvalue().splitlines()) > 5) is (form == "console")


@pytest.mark.parametrize("form", FORMS)
def test_texts_are_bounded(logs: Logs, form: str) -> None:
    """No page fills the disk by way of a log line, with line breaks or without, in an exception or not."""
    out = logs(form=form)
    ours().info("a" * 10**6, title="b\n" * 10**6)
    try:
        fail("c" * 10**6)
    except ValueError:
        ours().exception("failed")
    assert len(out.getvalue()) < 3 * log.MAX_TEXT + 3 * log.MAX_TRACEBACK


def test_a_stream_that_is_gone_stops_nobody(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    """A closed pipe behind standard error must not end the worker, nor fill another."""
    out = logs(form="json")
    out.close()
    ours().info("x")
    assert capsys.readouterr().err == ""


def test_a_line_that_can_not_be_made_says_where_it_came_from(logs: Logs) -> None:
    """The defect is to be found, without what was to be logged."""
    out = logs(form="json")
    theirs().error("%d", "x")
    (line,) = lines(out)
    assert line["level"] == "error"
    assert line["logger"] == "a.library"
    assert line["event"].startswith(f"log.line_lost: TypeError at {Path(__file__)}:")
    assert sys.exc_info() == (None, None, None)
