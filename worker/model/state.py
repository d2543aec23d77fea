"""The location of a state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_TOLD = frozenset({"host", "hostaddr", "port", "dbname", "user", "sslmode", "options"})
"""Parameters of a URL that are not secret."""


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL database, named by a URL for libpq
    (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS)."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        """The URL without passwords, so that it may be shown."""
        parts = urlsplit(self.url)
        account, at, where = parts.netloc.rpartition("@")
        told = [(name, value) for name, value in parse_qsl(parts.query) if name in _TOLD]
        user = account.partition(":")[0]
        query = f"?{urlencode(told, safe='/,')}" if told else ""
        return f"{parts.scheme}://{user}{at}{where}{parts.path}{query}"

    @property
    def secrets(self) -> frozenset[str]:
        """Its passwords, both as written and decoded."""
        parts = urlsplit(self.url)
        written = {parts.netloc.rpartition("@")[0].partition(":")[2]}
        written |= {value for name, value in parse_qsl(parts.query) if name not in _TOLD}
        return frozenset(written | {unquote(text) for text in written}) - {""}


State = Path | Server
"""A SQLite file, for one process; or a database for many."""
