"""The settings of a worker."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from worker.model import Broker, Feed, FeedList, Server, State
from worker.settings.addresses import put_into
from worker.settings.schema import Alerts, Dedup, Extract, Fetch, Log, Output, Schedule, Telemetry, Web


class Settings(BaseModel):
    """Everything that was configured: worker.yaml with its paths resolved, and the feeds of all lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State
    """The SQLite file (absolute), or the PostgreSQL database."""
    bus: Broker | None
    """None: no bus; each process claims work for itself."""
    output: Output
    """Its `dir` is absolute."""
    fetch: Fetch
    schedule: Schedule
    extract: Extract
    dedup: Dedup
    web: Web
    alerts: Alerts
    telemetry: Telemetry
    log: Log
    feeds: tuple[Feed, ...]
    """List by list, in the order of `listed`."""
    listed: tuple[FeedList, ...] = ()
    files: tuple[Path, ...]
    """worker.yaml and every list."""
    is_blank: bool = False
    """Whether worker.yaml is empty, without even `{}`."""
    has_lists: bool = True
    """False: the feed lists were not read, so the feeds are unknown."""
    lists: tuple[str, ...] = ()
    """The names of feed lists in worker.yaml: files and globs."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may work on the same state and publish to the same output."""
        return isinstance(self.state, Server)

    @property
    def secrets(self) -> frozenset[str]:
        """Texts that must never be shown: the feeds' headers, what came into their URLs from the environment, the
        proxies' passwords, the status page's token, the webhook, credentials for the broker."""
        asked = {text for feed in self.feeds for text in put_into(feed.url, feed.public_url)}
        headers = {value for feed in self.feeds for value in feed.headers.values()}
        headers |= {value.rpartition(" ")[2] for value in headers}  # after "Bearer", "Basic"
        proxies = {self.fetch.proxy, *(host.proxy for host in self.fetch.hosts.values())}
        written = {urlsplit(url or "").password or "" for url in {*proxies, self.telemetry.traces}}
        own = {self.web.token or "", self.alerts.webhook or ""}
        for broker in (self.bus, self.output.stream):
            own |= {broker.password or "", broker.token or ""} if broker is not None else set()
        own |= self.state.secrets if isinstance(self.state, Server) else set()
        return frozenset(asked | headers | written | {unquote(password) for password in written} | own) - {""}
