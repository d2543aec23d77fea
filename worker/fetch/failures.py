"""What goes wrong on the network, as outcomes: the only place where foreign exceptions are translated.

`FOREIGN` is everything that the network can make httpx, h11, ssl, the system and our streams (which use httpcore's
exceptions) raise; `failure_of` translates each. Anything else is a defect of ours, and is raised to the caller.
"""

from __future__ import annotations

import os
import ssl
from http import HTTPStatus

import h11
import httpcore
import httpx

from worker.model import FailureKind, FetchFailed

_LONGEST_REASON = 200  # characters


class FetchError(Exception):
    """A failure that this room detected itself, raised from below the request."""

    def __init__(self, kind: FailureKind, reason: str, *, silent: bool = False) -> None:
        """silent: nobody answered at all, which may be because this machine is offline."""
        self.failure, self.silent = FetchFailed(kind=kind, reason=one_line(reason)), silent
        super().__init__(self.failure.reason)


FOREIGN: tuple[type[Exception], ...] = (
    FetchError,
    httpx.InvalidURL,
    h11.ProtocolError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.RemoteProtocolError,
    OSError,  # including ssl.SSLError, which reads and writes let through, and TimeoutError
)


def failure_of(error: Exception, *, limit: str = "the time allowed") -> FetchFailed:
    """The outcome for `error`, which is one of `FOREIGN`. limit: how long the answer may take, in words."""
    kind: FailureKind = "protocol"
    match error:
        case FetchError():
            return error.failure
        case ssl.SSLError():
            kind, reason = "tls", tls_reason(error)
        case httpcore.TimeoutException() | TimeoutError():
            kind, reason = "timeout", f"no whole answer within {limit}"
        case httpcore.ConnectError():
            kind, reason = "connect", connect_reason(error)
        case h11.LocalProtocolError() | httpx.InvalidURL():
            # Their texts quote the header or the URL, which may hold a secret.
            reason = "the URL or a header can't be sent over HTTP"
        case h11.RemoteProtocolError() | httpcore.RemoteProtocolError() if "buffer too long" in str(error):
            # What h11 says if a head, or the header of a chunk, does not end within 100 KiB.
            kind, reason = "too_large", "the head of the answer is over 100 KiB"
        case h11.RemoteProtocolError() | httpcore.RemoteProtocolError():
            reason = str(error)
        case _:
            reason = "the connection broke before the answer was whole"
    return FetchFailed(kind=kind, reason=one_line(reason))


def tls_reason(error: BaseException) -> str:
    """`certificate verify failed: …`, or OpenSSL's name for the error, without its codes and lines."""
    cause = root(error)
    # Only errors from OpenSSL have these attributes; those that Python itself raises do not.
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {getattr(cause, 'verify_message', 'no reason given')}"
    if isinstance(cause, ssl.SSLError):
        name: str | None = getattr(cause, "reason", None)
        told = (name or "no reason given").replace("_", " ").lower()
        # What OpenSSL says to the answer of a server that speaks plain HTTP, or another protocol.
        return f"TLS failed: {told}" + (" (is it an http:// URL?)" if told == "wrong version number" else "")
    return "the connection broke during the TLS handshake"


def named(status: int) -> str:
    """Such as `404 Not Found`, with our names, not the server's."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def connect_reason(error: BaseException) -> str:
    """`Connection refused`, `Network is unreachable`, …"""
    cause = root(error)
    if isinstance(cause, OSError) and cause.errno is not None:
        return os.strerror(cause.errno)
    return "no connection"


def one_line(text: str) -> str:
    """`text`, which may come from a stranger, as one line of bounded length without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * _LONGEST_REASON]).split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


def root(error: BaseException) -> BaseException:
    """The original cause of `error`: our streams pass it on as the first argument or as `__cause__`."""
    while True:
        inner = error.__cause__ or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            return error
        error = inner
