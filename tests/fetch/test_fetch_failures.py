from __future__ import annotations

import inspect
import socket
import ssl

import h11
import httpcore
import httpx
import pytest

from worker.fetch.failures import FOREIGN, FetchError, connect_reason, failure_of, one_line, tls_reason

# Of httpcore's pool and its protocols, which are not used.
MISUSE = {
    *(httpcore.ConnectionNotAvailable, httpcore.LocalProtocolError, httpcore.ProtocolError, httpcore.ProxyError),
    httpcore.UnsupportedProtocol,
}
# Which h11 raises by the names of its two kinds.
ABSTRACT = {h11.ProtocolError}


def exceptions_of(module: object) -> list[type[Exception]]:
    return [c for _, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, Exception)]


LIBRARIES = [error for module in (h11, httpcore) for error in exceptions_of(module) if error not in MISUSE | ABSTRACT]
LIBRARIES.append(httpx.InvalidURL)  # of the others, its transport raises none
SYSTEM = [
    OSError,
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    TimeoutError,
    socket.gaierror,
    ssl.SSLError,
    ssl.SSLCertVerificationError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
]


@pytest.mark.parametrize("error", LIBRARIES + SYSTEM)
def test_every_exception_of_the_network_has_its_outcome(error: type[Exception]) -> None:
    """All that h11, httpcore, ssl and the system raise over a network is translated."""
    assert issubclass(error, FOREIGN)
    failure = failure_of(error("x"))
    assert failure.reason
    expected = {"Timeout": "timeout", "ConnectError": "connect", "SSL": "tls"}
    kind = next((kind for part, kind in expected.items() if part in error.__name__), "protocol")
    assert failure.kind == kind


@pytest.mark.parametrize("error", sorted(MISUSE, key=str))
def test_misuse_of_a_library_is_not_hidden(error: type[Exception]) -> None:
    """Defects of ours are raised, not taken for the network's."""
    assert not issubclass(error, FOREIGN)


def test_what_the_room_found_itself_is_the_outcome_as_it_stands() -> None:
    """A FetchError carries its failure."""
    error = FetchError("address", "10.0.0.1 is not public")
    assert failure_of(error) is error.failure


@pytest.mark.parametrize("error", [h11.LocalProtocolError, httpx.InvalidURL])
def test_what_we_sent_is_never_quoted(error: type[Exception]) -> None:
    """h11 quotes the header that it refuses, which may be the owner's secret."""
    assert "hunter2" not in failure_of(error("Illegal header value b'Bearer hunter2'")).reason


def test_a_head_without_end_is_too_large() -> None:
    """h11's own limit is told from a breach of protocol."""
    assert failure_of(h11.RemoteProtocolError("Receive buffer too long")).kind == "too_large"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(httpcore.ConnectError(OSError(111, "x")), "Connection refused", id="httpcore's wrapping"),
        pytest.param(httpcore.ConnectError(OSError("x")), "no connection", id="no number"),
        pytest.param(httpcore.ConnectError(), "no connection", id="nothing said"),
    ],
)
def test_reasons_of_connects_are_the_systems(error: Exception, reason: str) -> None:
    """The innermost cause has the errno that says what happened."""
    assert connect_reason(error) == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(
            httpcore.ConnectError(ssl.SSLError(1, "x")), "TLS failed: no reason given", id="an error without its name"
        ),
        pytest.param(httpcore.ConnectError(EOFError()), "the connection broke during the TLS handshake", id="hang-up"),
    ],
)
def test_reasons_of_tls_are_short(error: Exception, reason: str) -> None:
    """OpenSSL's codes and source lines are left out; the tests of the client show the real ones."""
    assert tls_reason(error) == reason


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a\r\n b\t\x1b[31mc\x00\u202e", "a b [31mc", id="controls"),
        pytest.param("Größe 三", "Größe 三", id="letters of all scripts stay"),
        pytest.param("x" * 300, "x" * 199 + "…", id="long"),
        pytest.param(" \n" * 100_000 + "x", "", id="spaces without end"),
    ],
)
def test_texts_of_strangers_become_a_line(text: str, line: str) -> None:
    """A server's text can't break a log line, a terminal, or a limit."""
    assert one_line(text) == line
