"""status."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from worker.cli.naming import feeds_named
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_to_look, with_known_feeds
from worker.cli.printing import clean, console, plain, print_json, print_line, print_table
from worker.cli.standing import hub_line, public, state_of, with_hub
from worker.errors import OutputError
from worker.model import ROLES, Feed, FeedId, Member, Millis
from worker.record import rfc3339
from worker.schedule import Silence, silence
from worker.settings import Endpoint, Settings
from worker.store import (
    FeedStatus,
    HostStatus,
    HubStatus,
    Totals,
    is_alive,
    is_worked_on,
    read_hosts,
    read_hubs,
    read_members,
    read_reload,
    read_status,
)
from worker.urls import canonical_if_any
from worker.wiring import app
from worker.wiring.outputs import unstreamed_since
from worker.words import ago, counted, due, span


def status(
    names: Annotated[
        list[str] | None, typer.Argument(help="Feeds, by id or URL; by default all.", metavar="[FEED]...")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    failing: Annotated[bool, typer.Option("--failing", help="Only feeds whose last poll failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists the feeds: last poll, next poll, new entries, last error; for feeds that are named, also their hubs.

    Also says whether a worker is running; what it can't do now and why, such as a full disk or an output that can't be
    written; whether the last change of the configuration was refused, or is not yet fully in force; and which workers
    share the state. A worker may run meanwhile.

    Example: feedmill status --failing
    """
    seen = _look(load_to_look(config), names, failing=failing)
    if as_json:
        print_json(_as_json(seen))
    else:
        _print(seen, hubs=bool(names))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Seen:
    """All that is told, at one instant."""

    now: Millis
    feeds: list[FeedStatus]
    silent: Mapping[FeedId, Silence]
    hubs: Mapping[FeedId, HubStatus]
    hosts: list[HostStatus]
    twins: list[tuple[FeedId, FeedId]]
    members: list[Member]
    running: bool
    """Whether anybody works on the state."""
    totals: Totals
    troubles: list[str]
    stream: dict[str, Any] | None
    reload: str | None
    page: Endpoint | None


def _look(settings: Settings, names: list[str] | None, *, failing: bool) -> _Seen:
    now = app.now()
    hosts = read_hosts(settings.state, now=now)  # at once: each that is asked meanwhile would seem to be held
    members = read_members(settings.state)
    known, totals = read_status(settings.state)
    feeds = [*public(settings, known).values()]
    wanted = {feed.id for feed in feeds_named(with_known_feeds(settings), names)} if names else None
    return _Seen(
        now=now,
        feeds=[feed for feed in feeds if (feed.errors or not failing) and (wanted is None or feed.id in wanted)],
        silent=_silences(feeds, settings.feeds, now),
        hubs=read_hubs(settings.state, now=now),
        hosts=hosts,
        twins=_twins(known),
        members=members,
        running=is_worked_on(settings.state) or any(is_alive(one, now) for one in members),
        totals=totals,
        troubles=app.troubles(settings),
        stream=_stream(settings),
        reload=read_reload(settings.state),
        page=settings.web.listen,
    )


def _as_json(seen: _Seen) -> dict[str, Any]:
    since = {one.feed_id: rfc3339(one.since) for one in seen.silent.values()}
    return {
        "feeds": [
            with_hub({**plain(feed), "silent_since": since.get(feed.id)}, seen.hubs.get(feed.id)) for feed in seen.feeds
        ],
        "hosts": [plain(host) for host in seen.hosts],
        "running": seen.running,
        "workers": [_plain(one, seen.now) for one in seen.members],
        "troubles": seen.troubles,
        "stream": seen.stream,
        "reload": seen.reload,
        "totals": dataclasses.asdict(seen.totals),
    }


def _print(seen: _Seen, *, hubs: bool) -> None:
    """hubs: with a line on the hub of each feed."""
    if seen.feeds:
        print_table(_table(seen.feeds, seen.silent, seen.hubs, seen.now))
    for feed in seen.feeds if hubs else ():
        if (hub := seen.hubs.get(feed.id)) is not None:
            line = Text("the hub of ") + clean(feed.id) + ": " + hub_line(hub, seen.now)
            print_line(line)
    if seen.hosts:
        console.print(_hosts(seen.hosts, seen.now))
    for moved, listed in seen.twins[:5]:
        print_line(clean(moved), "has moved to where", clean(listed), "is polled, too: take one out of the lists")
    if seen.members:
        print_table(_workers(seen.members, seen.now))
    console.print(_sentence(seen.totals))
    for trouble in seen.troubles:
        console.print(Text(trouble[:1].upper()) + clean(trouble[1:], 2000), soft_wrap=True, style="red")
    if seen.stream is not None:
        print_line(_stream_line(seen.stream))
    if seen.reload is not None:
        came, *mistakes = seen.reload.split("\n")
        print_line(Text("configuration: ") + clean(came, 2000))
        for mistake in mistakes:
            print_line(Text("  ") + clean(mistake, 2000))
    if not seen.running:
        print_line("No worker is running")
    if seen.page is not None and seen.page.port:
        print_line(f"More, while it runs: http://{seen.page}")


def _stream(settings: Settings) -> dict[str, Any] | None:
    """How far the stream has the records; None if there is no stream."""
    if settings.output.stream is None:
        return None
    try:
        since, error = unstreamed_since(settings), None
    except (OutputError, ValueError) as found:
        since, error = None, str(found)
    return {"waiting_since": since and rfc3339(since), "error": error}


def _stream_line(stream: dict[str, Any]) -> Text:
    if stream["error"] is not None:
        return Text("the stream of records: ") + clean(stream["error"], 2000)
    if stream["waiting_since"] is None:
        return Text("the stream of records has all that is sealed")
    return Text(f"the stream of records is behind: it lacks what was made at {stream['waiting_since']} and since")


def _silences(feeds: list[FeedStatus], listed: Iterable[Feed], now: Millis) -> Mapping[FeedId, Silence]:
    """The feeds that have had nothing new for longer than expected, without those that are paused."""
    expected = {feed.id: feed.expect_s for feed in listed if feed.expect_s is not None}
    found = [
        silence(
            feed_id=feed.id,
            expect_ms=round(expected[feed.id] * 1000),
            added_at=feed.added_at,
            new_at=feed.new_at,
            polled_at=feed.polled_at,
            watched_from=Millis(0),
            now=now,
        )
        for feed in feeds
        if feed.id in expected and not feed.paused
    ]
    return {one.feed_id: one for one in found if one is not None}


def _table(
    feeds: list[FeedStatus], silent: Mapping[FeedId, Silence], hubs: Mapping[FeedId, HubStatus], now: Millis
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("feed", "last poll", "next poll"):
        table.add_column(name, no_wrap=name != "feed", overflow="fold")
    table.add_column("new", justify="right")
    table.add_column("all", justify="right")
    table.add_column("state", overflow="fold")
    for feed in feeds:
        table.add_row(
            clean(feed.id),
            ago(feed.polled_at, now),
            due(feed.next_poll_at, now),
            str(feed.new_last),
            str(feed.new_total),
            state_of(feed, now) + _hub_word(hubs.get(feed.id)) + _silent(silent.get(feed.id), now),
        )
    return table


def _hub_word(hub: HubStatus | None) -> str:
    """A remark on a hub that does not do its work."""
    match hub and hub.standing:
        case "lapsed":
            return "; its hub has let the subscription lapse"
        case "denied":
            return "; its hub does not tell of new entries"
        case _:
            return ""


def _silent(one: Silence | None, now: Millis) -> Text:
    if one is None:
        return Text("")
    return Text(f"; silent: something new was due {ago(one.since, now)}, as it is expected every {span(one.expect_ms)}")


def _twins(feeds: list[FeedStatus]) -> list[tuple[FeedId, FeedId]]:
    """Feeds that have moved to the address of another one, each with that: their site is asked twice."""
    polled = [feed for feed in feeds if feed.next_poll_at is not None]
    moved = {feed.id: canonical_if_any(feed.moved_to) for feed in polled if feed.moved_to}
    by_url = {canonical_if_any(feed.url): feed.id for feed in polled if feed.id not in moved} if moved else {}
    return [(feed_id, by_url[url]) for feed_id, url in moved.items() if url in by_url]


def _hosts(hosts: list[HostStatus], now: Millis) -> Text:
    """The first few hosts, in one line."""
    said = [
        f"{host.name} "
        + (
            f"(next {ago(host.not_before, now)})"
            if host.not_before - now > host.delay_ms
            else f"(each {span(host.delay_ms)})"
        )
        for host in hosts[:5]
    ]
    more = f" and {len(hosts) - 5} more" if len(hosts) > 5 else ""
    return Text("asked more slowly, as they wish: ") + clean(", ".join(said) + more)


def _plain(member: Member, now: Millis) -> dict[str, Any]:
    roles = [role for role in ROLES if role in member.roles]
    return {**plain(member), "roles": roles, "alive": is_alive(member, now)}


def _workers(members: list[Member], now: Millis) -> Table:
    """The workers that share the state."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("worker", "roles", "under way", "backlog", "since", "last sign of life"):
        table.add_column(name, overflow="fold", no_wrap=name == "worker")
    for one in members:
        table.add_row(
            clean(f"{one.name} {one.host}/{one.pid} {one.version}"),
            ", ".join(role for role in ROLES if role in one.roles),
            f"{one.under_way} of {one.most}" if "fetch" in one.roles else "",
            "" if one.backlog is None else str(one.backlog),
            ago(one.started_at, now),
            Text(ago(one.seen_at, now), style="" if is_alive(one, now) else "red")
            + clean(f"; {one.trouble}" if one.trouble else "", 2000),
        )
    return table


def _sentence(totals: Totals) -> str:
    near = f", {totals.near_duplicates} of them near-duplicates" if totals.near_duplicates else ""
    parts = [
        f"{counted(totals.feeds, 'feed')}, {totals.failing} failing",
        f"{counted(totals.articles, 'article')} written{near}, {counted(totals.duplicates, 'duplicate')} kept out",
        f"{totals.queued} queued",
    ]
    if totals.skipped:
        parts.append(f"{totals.skipped} left out by rules")
    if totals.unpublished:
        parts.append(f"{totals.unpublished} not sealed yet")
    if totals.quarantined:
        parts.append(f"{totals.quarantined} quarantined")
    return "; ".join(parts)
