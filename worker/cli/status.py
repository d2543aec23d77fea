"""status."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from worker import app
from worker.cli.naming import feeds_named
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_to_look, with_known_feeds
from worker.cli.printing import clean, console, plain, print_json
from worker.errors import OutputError
from worker.log import told
from worker.model import ROLES, Feed, FeedId, Member, Millis
from worker.outputs import unstreamed_since
from worker.record import rfc3339
from worker.schedule import Silence, silence
from worker.settings import Settings
from worker.store import (
    FeedStatus,
    HostStatus,
    HubStatus,
    Totals,
    is_alive,
    read_hosts,
    read_hubs,
    read_members,
    read_reload,
    read_status,
)
from worker.urls import without_credentials
from worker.words import ago, counted, span


def status(
    names: Annotated[
        list[str] | None, typer.Argument(help="Feeds, by id or URL; without any, all.", metavar="[FEED]...")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    failing: Annotated[bool, typer.Option("--failing", help="Only feeds that fail.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists the feeds: last poll, next poll, new entries, last error; of feeds that are named, also their hubs.

    Reads the state beside a running worker; tells also what the worker can't do now, and why: too little room, an
    output that takes nothing; what became of the configuration that was saved last, where it was refused, or not all of
    it is in force yet; and of workers that share a state, which there are.

    Example: feedmill status --failing
    """
    settings = load_to_look(config)
    feeds, totals = read_status(settings.state)
    listed = {feed.id: feed for feed in settings.feeds}
    feeds = [public(feed, listed.get(feed.id)) for feed in feeds]
    wanted = {feed.id for feed in feeds_named(with_known_feeds(settings), names)} if names else None
    shown = [feed for feed in feeds if (feed.errors or not failing) and (wanted is None or feed.id in wanted)]
    hubs = read_hubs(settings.state, now=app.now())
    hosts = read_hosts(settings.state, now=app.now())
    reload = read_reload(settings.state)
    members = read_members(settings.state)
    troubles = app.troubles(settings)
    silent = silences(feeds, settings.feeds, app.now())
    if as_json:
        since = {one.feed_id: rfc3339(one.since) for one in silent.values()}
        rows = [with_hub({**plain(feed), "silent_since": since.get(feed.id)}, hubs.get(feed.id)) for feed in shown]
        said: dict[str, Any] = {"feeds": rows, "hosts": [plain(host) for host in hosts]}
        said["workers"] = [_plain(one, app.now()) for one in members]
        said["troubles"] = troubles
        said["stream"] = _stream(settings)
        print_json({**said, "reload": reload, "totals": dataclasses.asdict(totals)})
        return
    if shown:
        console.print(_table(shown, silent, hubs, app.now()))
    for feed in shown if names else ():
        if feed.id in hubs:
            console.print(
                Text("the hub of ") + clean(feed.id) + ": " + hub_line(hubs[feed.id], app.now()), soft_wrap=True
            )
    if hosts:
        console.print(_hosts(hosts, app.now()))
    if members:
        console.print(_workers(members, app.now()))
    console.print(_sentence(totals))
    for trouble in troubles:
        console.print(Text(trouble[:1].upper()) + clean(trouble[1:], 2000), soft_wrap=True, style="red")
    stream = _stream(settings)
    if stream is not None:
        console.print(_stream_line(stream), soft_wrap=True)
    if reload is not None:
        came, *mistakes = reload.split("\n")
        console.print(Text("configuration: ") + clean(came, 2000), soft_wrap=True)
        for mistake in mistakes:
            console.print(Text("  ") + clean(mistake, 2000), soft_wrap=True)
    if settings.web.listen is not None and settings.web.listen.port:
        console.print(f"More, while it runs: http://{settings.web.listen}", soft_wrap=True)


def _stream(settings: Settings) -> dict[str, Any] | None:
    """How far records are in their stream; None where they go to none."""
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


def silences(feeds: list[FeedStatus], listed: Iterable[Feed], now: Millis) -> Mapping[FeedId, Silence]:
    """The feeds that have brought nothing new for longer than is expected of them, but for those that are paused."""
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


def public(feed: FeedStatus, listed: Feed | None) -> FeedStatus:
    """As it may be told to anybody: in the state's own address of a feed, and in all that its server has made of that,
    may be what came from the environment."""
    moved_to, suggestion = (url and told(without_credentials(url)) for url in (feed.moved_to, feed.suggestion))
    error, flaw = (text and told(text) for text in (feed.error, feed.flaw))
    url = listed.public_url if listed else ""
    return dataclasses.replace(feed, url=url, moved_to=moved_to, suggestion=suggestion, error=error, flaw=flaw)


def with_hub(feed: dict[str, Any], hub: HubStatus | None) -> dict[str, Any]:
    """A feed as JSON has it, with its hub; null where it has none."""
    return {**feed, "hub": None if hub is None else plain(hub)}


def hub_line(hub: HubStatus, now: Millis) -> Text:
    """How a hub does, in a line."""
    match hub.standing:
        case "subscribed":
            heard = "" if hub.pushed_at is None else f", last {ago(hub.pushed_at, now)}"
            said = f" tells of new entries for another {span((hub.lease_until or now) - now)}{heard}"
        case "lapsed":
            said = f" told of new entries until {ago(hub.lease_until, now)}, and has not agreed again"
        case "asked":
            said = " is asked to tell of new entries, and has not agreed"
        case "denied":
            said = " does not tell of new entries"
    return clean(hub.url) + Text(said) + (Text(": ") + clean(hub.error) if hub.error else Text(""))


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
            ago(feed.next_poll_at, now),
            str(feed.new_last),
            str(feed.new_total),
            state_of(feed, now) + _hub_word(hubs.get(feed.id)) + _silent(silent.get(feed.id), now),
        )
    return table


def _hub_word(hub: HubStatus | None) -> str:
    """Of one that does not do what it is there for."""
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


def state_of(feed: FeedStatus, now: Millis) -> Text:
    """How a feed does, in some words; of one as it may be told, see `public`."""
    if feed.polled_at is None:
        return Text("paused, not polled yet" if feed.paused else "not polled yet")
    said = _error(feed, now) if feed.error else Text("ok" if feed.status != 304 else "ok, unchanged")
    if feed.flaw:
        said += Text("; its document is flawed: ") + clean(feed.flaw)
    if feed.paused:
        said += Text("; paused")
    if feed.retired:
        said += Text("; retired, not polled any more: take it out of the list, or give it another URL")
    if feed.gaps:
        said += Text(f"; {counted(feed.gaps, 'gap')}, about {feed.coverage:.0%} of its entries seen")
    if feed.moved_to:
        said += Text("; moved for good to ") + clean(feed.moved_to)
    if feed.suggestion:
        said += Text("; its site names ") + clean(feed.suggestion)
    return said


def _error(feed: FeedStatus, now: Millis) -> Text:
    """The last one, and how many polls in a row failed, in whatever way."""
    since = f", over {span(now - feed.failing_since)}" if feed.failing_since else ""
    row = f" ({counted(feed.errors, 'failure')} in a row{since})" if feed.errors > 1 else ""
    return clean(feed.error or "", 1000) + Text(row)


def _hosts(hosts: list[HostStatus], now: Millis) -> Text:
    """One line for the first few."""
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
    return Text("asked more slowly, as they want it: ") + clean(", ".join(said) + more)


def _plain(member: Member, now: Millis) -> dict[str, Any]:
    roles = [role for role in ROLES if role in member.roles]
    return {**plain(member), "roles": roles, "alive": is_alive(member, now)}


def _workers(members: list[Member], now: Millis) -> Table:
    """Those that work on a state together."""
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
