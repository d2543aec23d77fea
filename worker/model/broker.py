"""Where the broker is that hands work out between machines, and what else goes there."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record, as a stream has it."""

    subject: str
    """Behind the stream's name."""
    id: str
    """Of what is there once, however often it is sent."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A NATS server, or several of one cluster. What lets us in is shown nowhere."""

    servers: tuple[str, ...]
    """nats://host:port or tls://host:port, each without credentials."""
    stream: str = "feedmill"
    """The name of the stream, and what its subjects begin with: those who work on one state have the same."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{','.join(self.servers)}/{self.stream}"
