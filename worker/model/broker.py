"""Where the broker is that hands out work between machines, and other messages for it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record on its way into a stream."""

    subject: str
    """Without the stream's name, which comes before it."""
    id: str
    """A message with the same id is in the stream only once, however often it is sent."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A NATS server, or several of one cluster. Credentials are never shown."""

    servers: tuple[str, ...]
    """nats://host:port or tls://host:port, each without credentials."""
    stream: str = "feedmill"
    """The name of the stream, and the beginning of its subjects. All processes on one state have the same."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{','.join(self.servers)}/{self.stream}"
