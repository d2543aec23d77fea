"""The keys of `worker.yaml`: their types, their defaults, and one line of documentation each.

A default is written as it would be in the file. The attribute has the unit in its name, the key does not (`seal_after:
60s` → `seal_after_s == 60.0`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ValidationInfo, field_validator, model_validator

from worker.model import Broker, Effort, ObjectPath
from worker.settings.endpoints import is_loopback
from worker.settings.places import (
    RECORDS,
    BusPlace,
    Collector,
    Contact,
    Folder,
    HostName,
    Listen,
    Network,
    OuterUrl,
    Proxy,
    Secret,
    StatePlace,
    StreamPlace,
    TimeZone,
    Webhook,
)
from worker.settings.section import Section
from worker.settings.section import key as _key
from worker.settings.section import section as _section
from worker.settings.values import (
    Articles,
    Count,
    Flag,
    Fraction,
    PositiveSeconds,
    Seconds,
    Shards,
    SizeBytes,
    Workers,
    amiss,
    expected,
)


class Compact(Section):
    """What is done with the files of past days."""

    enabled: Flag = _key(True, "Merge them into one file per day.")
    zstd: Flag = _key(False, "Compress it with zstd (pip install 'feedmill[zstd]').")
    grace_s: Seconds = _key("1h", "The merged files stay this long, for readers that still use them.", name="grace")


class Output(Section):
    """Where records go, and when a file of them is finished."""

    dir: Folder = _key(
        "../out", "The folder that the records are written to; or s3://BUCKET/PREFIX (pip install 'feedmill[s3]')."
    )
    seal_after_s: Seconds = _key(
        "60s", "A file of records is finished this long after its first one.", name="seal_after"
    )
    seal_records: Count = _key(1000, "A file of records is finished when it has this many.")
    min_free_bytes: SizeBytes = _key(
        "500MB", "Nothing is polled while its disk, or the state's, has less free space.", name="min_free"
    )
    keep_s: PositiveSeconds | None = _key(
        None, "Records of a day are removed this long after its end; null: never.", name="keep"
    )
    latest: Flag = _key(False, "The newest revision of each article as a file: latest/<aa>/<id>.json.")
    feed_json: Articles | None = _key(
        None, "This many of the newest articles as a JSON Feed, feed.json: 1 to 1000; null: none."
    )
    archive: Literal["warc"] | None = _key(
        None, "warc: every fetched page as it came, in archive/ (pip install 'feedmill[archive]'); null: none."
    )
    shards: Shards = _key(
        1, "Number of folders shard=00, shard=01, … in dir, each written by one process at a time; 1 to 256; 1: none."
    )
    stream: StreamPlace = _key(
        None, "nats://user:${PW}@host:4222/NAME: each record is sent to that stream, too; null: none.", secret=True
    )
    compact: Compact = _section(Compact)

    @model_validator(mode="after")
    def _no_archive_of_shards(self) -> Output:
        if self.archive is not None and self.shards > 1:
            raise amiss("shards: 1 where archive is set", hint="pages are kept by the one process that fetches them")
        if self.archive is not None and isinstance(self.dir, ObjectPath):
            raise amiss("a folder as dir where archive is set", hint="pages are added to files, which no bucket has")
        return self


class PerHost(Section):
    """How each host is treated."""

    concurrency: Count = _key(1, "Fetches at the same time.")
    delay_s: Seconds = _key("1s", "Time from one fetch to the next; 0s for none.", name="delay")


class Host(PerHost):
    """How a host and its subdomains are treated; what is left out is as for every host."""

    proxy: Proxy = _key(None, "Instead of fetch.proxy; null: none, this host is asked directly.", secret=True)


class Fetch(Section):
    """How feeds and pages are fetched."""

    contact: Contact | None = _key(None, "Your address or site, sent to every host in the User-Agent.")
    concurrency: Count = _key(64, "Fetches at the same time, over all hosts.")
    per_host: PerHost = _section(PerHost)
    hosts: dict[HostName, Host] = _key({}, "Exceptions: {example.com: {delay: 5s, proxy: null}} (and subdomains).")
    proxy: Proxy = _key(
        None,
        "http://user:${PW}@host:3128; null: none. It has to check the addresses of names that only it can resolve.",
        secret=True,
    )
    timeout_s: PositiveSeconds = _key("30s", "Time limit for a whole fetch, from DNS to the last byte.", name="timeout")
    max_feed_bytes: SizeBytes = _key("20MB", "A larger feed, compressed or not, is not read.", name="max_feed")
    max_page_bytes: SizeBytes = _key("5MB", "A larger page, compressed or not, is not read.", name="max_page")
    allow_addresses: tuple[Network, ...] = _key(
        [], "Networks that may be connected to although they are not public: [10.0.0.0/8]."
    )
    robots: Flag = _key(True, "Obey robots.txt when fetching pages. (Feeds are fetched because you list them.)")
    retries_s: tuple[Seconds, ...] = _key(
        ["5m", "55m"], "Waits before a page that failed is tried again.", name="retries"
    )

    @property
    def reach(self) -> str:
        """A digest of the settings that may be the reason why a feed can't be fetched."""
        proxies = [self.proxy, *((name, host.proxy) for name, host in sorted(self.hosts.items()))]
        means = (self.allow_addresses, proxies, self.contact, self.timeout_s, self.max_feed_bytes)
        return hashlib.blake2b(repr(means).encode(), digest_size=16).hexdigest()

    def for_host(self, host: str) -> Host:
        """How `host` (lower case, A-labels) is treated, by the longest entry of `hosts` that is the host or a parent of
        it.

        What that entry does not set is taken from `per_host` and `proxy`.
        """
        every = Host.model_construct(
            concurrency=self.per_host.concurrency, delay_s=self.per_host.delay_s, proxy=self.proxy
        )
        exception = self._exception(host)
        if exception is None:
            return every
        return every.model_copy(update={key: getattr(exception, key) for key in exception.model_fields_set})

    def proxy_for(self, host: str) -> str | None:
        """The proxy of `for_host`, computed alone because each fetch needs it."""
        exception = self._exception(host)
        return self.proxy if exception is None or "proxy" not in exception.model_fields_set else exception.proxy

    def _exception(self, host: str) -> Host | None:
        while host and self.hosts:
            if (found := self.hosts.get(host)) is not None:
                return found
            host = host.partition(".")[2]
        return None


class Schedule(Section):
    """When feeds without every or cron are polled: worked out from how often they publish."""

    min_s: PositiveSeconds = _key("5m", "The shortest interval for such a feed.", name="min")
    max_s: PositiveSeconds = _key("24h", "The longest, also after polls that failed.", name="max")
    first_s: PositiveSeconds = _key("1h", "The interval until enough is known about a feed.", name="first")
    jitter: Fraction = _key(0.1, "Random share of an interval, 0 to 1.")
    timezone: TimeZone = _key("UTC", "Time zone of cron lines.")

    @model_validator(mode="after")
    def _min_below_max(self) -> Schedule:
        if self.min_s > self.max_s:
            raise amiss("min no longer than max")
        return self


class Extract(Section):
    """How articles are extracted from pages."""

    effort: Effort = _key("normal", "fast, normal, thorough: effort to extract a text; thorough takes twice the CPU.")
    workers: Workers = _key("auto", "Processes; auto: one for each processor.")
    timeout_s: PositiveSeconds = _key("10s", "A page that takes longer is given up.", name="timeout")
    memory_bytes: SizeBytes = _key("1GB", "Limit for each process; a page that takes more is given up.", name="memory")


# In YAML 1.1, which PyYAML reads, `off` means false.
Near = Annotated[Literal["link", "off", "drop"], BeforeValidator(lambda stated: "off" if stated is False else stated)]


class Dedup(Section):
    """What counts as seen before."""

    window_s: Seconds = _key("30d", "How long a text is remembered.", name="window")
    keep_s: Seconds = _key("400d", "How long an entry is remembered after it has left its feed.", name="keep")
    exact: Literal["drop", "link"] = _key(
        "drop", "A text seen before: drop, or link (a record without text that names the first)."
    )
    near: Near = _key(
        "link",
        "A text much like one seen before: link (a whole record that names the first), off (not looked for), drop.",
    )


class Web(Section):
    """The status page, /healthz, /readyz and /metrics of `feedmill run`."""

    listen: Listen = _key("127.0.0.1:8787", "Address and port; null: none.")
    token: Secret = _key(
        None, "Required for all but probes: as a bearer token, or as the password in a browser.", secret=True
    )
    public_url: OuterUrl = _key(None, "The URL at which hubs reach /websub/ from outside: https://feeds.example.org.")

    @model_validator(mode="after")
    def _closed_to_strangers(self) -> Web:
        if self.listen is None or self.token is not None:
            return self
        if not self.listen.is_loopback:
            raise amiss("a token, since listen is open to other machines", hint="token: ${FEEDMILL_TOKEN}")
        if self.public_url is not None and not is_loopback(urlsplit(self.public_url).hostname or ""):
            raise amiss("a token, since public_url lets the world in", hint="token: ${FEEDMILL_TOKEN}")
        return self


class Alerts(Section):
    """Who is notified when feeds fall silent (`expect`), and when they are back."""

    webhook: Webhook = _key(None, "An http or https URL that JSON is posted to; null: none.", secret=True)


class Telemetry(Section):
    """Traces of the worker's own work, article by article (pip install 'feedmill[otel]')."""

    traces: Collector = _key(
        None, "OTLP/HTTP collector for OpenTelemetry traces: http://localhost:4318; null: none.", secret=True
    )
    sample: Fraction = _key(1.0, "Share of articles that get a trace, 0 to 1.")


class Log(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = _key(
        "info", "The lowest level that is logged: debug … error."
    )
    format: Literal["auto", "console", "json"] = _key("auto", "auto: console on a terminal, json elsewhere.")


class WorkerFile(Section):
    """worker.yaml: what the service does. Every key may be left out; paths are relative to the file."""

    feeds: tuple[str, ...] = _key(["feeds.yaml"], "Feed lists: YAML or OPML files, or globs such as lists/**/*.yaml.")
    state: StatePlace = _key(
        "sqlite:///../state/feedmill.db",
        "The database of what was seen and what is due; postgresql://… for several machines.",
        secret=True,
    )
    bus: BusPlace = _key(
        "local",
        "nats://user:${PW}@host:4222 hands out work between machines; local: each process claims its own.",
        secret=True,
    )
    output: Output = _section(Output)
    fetch: Fetch = _section(Fetch)
    schedule: Schedule = _section(Schedule)
    extract: Extract = _section(Extract)
    dedup: Dedup = _section(Dedup)
    web: Web = _section(Web)
    alerts: Alerts = _section(Alerts)
    telemetry: Telemetry = _section(Telemetry)
    log: Log = _section(Log)

    @field_validator("bus")
    @classmethod
    def _bus_between_many(cls, bus: Broker | None, info: ValidationInfo) -> Broker | None:
        if bus is not None and isinstance(info.data.get("state"), Path):
            hint = "state: postgresql://…, or no bus"
            raise expected("local, since the process that has a SQLite state is alone with it", hint=hint)
        return bus

    @field_validator("output")
    @classmethod
    def _archive_of_one(cls, output: Output, info: ValidationInfo) -> Output:
        if output.archive is not None and not isinstance(info.data.get("state"), Path | None):
            hint = "pages are kept by the one process that fetches them"
            raise amiss("no archive where several workers share the state", hint=hint)
        return output

    @field_validator("output")
    @classmethod
    def _stream_of_its_own(cls, output: Output, info: ValidationInfo) -> Output:
        bus = info.data.get("bus")
        if output.stream is not None and bus is not None and output.stream.stream == bus.stream:
            raise amiss("a stream of another name than the bus has", hint=f"nats://…/{RECORDS}")
        return output
