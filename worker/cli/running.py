"""once, run."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from worker import app
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, start_log
from worker.cli.printing import console, errors, print_json, summary
from worker.cli.progress import display
from worker.cli.systemd import notify
from worker.configuration.reload import Reload
from worker.demo.folder import vacate
from worker.meters import Meters, Tally
from worker.model import ALL_ROLES, ROLES, Role
from worker.settings import Settings
from worker.store import read_feeds
from worker.words import counted

GARBAGE = 20_000
"""New objects that are left before those that hold each other are looked for; Python's 700 are fewer than come with one
feed, and cost a thirtieth of the time."""

FILES, FILES_A_FETCH = 200, 3
"""Open files: of state, output, CPU processes and the status page; for each fetch its connection, and two that are kept
for others."""

log = structlog.stdlib.get_logger("feedmill")


def once(
    config: ConfigFile = DEFAULT_CONFIG,
    every: Annotated[bool, typer.Option("--all", help="Poll every feed, due or not.")] = False,
    as_json: AsJson = False,
) -> None:
    """Polls the feeds that are due, ingests what is new, and ends when it is sealed.

    For cron, or to try a configuration. Ends with 1 where not one feed could be polled.

    Example: feedmill once --all
    """
    settings = app.read(config)
    start_log(settings)
    gc.set_threshold(GARBAGE)
    _allow_files(settings.fetch.concurrency)
    tally, stopped = asyncio.run(_once(settings, every))
    if as_json:
        print_json(dataclasses.asdict(tally))
    elif console.is_terminal:
        console.print(_nothing(settings) if tally == Tally() else summary(tally), soft_wrap=True)
        if stopped:
            console.print("Stopped before the end: what is left comes with the next run.")
        console.print(f"Records are in {settings.output.dir}", soft_wrap=True)
    else:
        log.info("once.stopped" if stopped else "once.finished", **dataclasses.asdict(tally))
    if tally.polls and tally.failed_polls + tally.throttled == tally.polls:
        raise typer.Exit(1)


def _nothing(settings: Settings) -> str:
    """What there is to say where nothing is due."""
    feeds, now = read_feeds(settings.state), app.now()
    waiting = sum(feed.errors > 0 and (feed.next_poll_at or 0) > now for feed in feeds)
    if not waiting:
        return "Nothing is due; --all polls anyway."
    failed = f"{counted(waiting, 'feed')} that failed {'waits' if waiting == 1 else 'wait'} for another try"
    return f"Nothing is due; {failed}: feedmill status --failing. feedmill poll FEED tries one now, --all polls all."


async def _once(settings: Settings, every: bool) -> tuple[Tally, bool]:
    """What was done, and whether it was stopped before its end."""

    with stop_on_signal() as stop:
        if not console.is_terminal:
            tally = await app.work(settings, stop=stop, until_idle=True, poll_all=every, held=lambda: _vacate(settings))
            return tally, stop.is_set()
        async with display() as shown:
            start_log(settings)  # anew: the display has put itself in the place of standard error
            feeds = len(settings.feeds) if every else None
            tally = await app.work(
                settings,
                stop=stop,
                until_idle=True,
                poll_all=every,
                held=lambda: _vacate(settings),
                started=lambda meters: shown.follow(feeds, meters),
            )
            return tally, stop.is_set()


def _roles(text: str) -> frozenset[Role]:
    found = frozenset(role for role in ROLES if role in text.split(","))
    if not found or len(found) != len(text.split(",")):
        raise typer.BadParameter(f"{text!r} is none: some of {','.join(ROLES)}, each once")
    return found


def run(
    config: ConfigFile = DEFAULT_CONFIG,
    roles: Annotated[
        str, typer.Option("--roles", help="What this process does, of what several do on one state.")
    ] = ",".join(ROLES),
) -> None:
    """Polls feeds as they fall due, for ever; SIGTERM or Ctrl-C ends it cleanly within ten seconds.

    Its status page is where web.listen says: http://127.0.0.1:8787, unless that was changed.
    A saved feed list is taken up while it runs, as is the whole configuration on SIGHUP; one with mistakes is refused,
    which status tells. Under systemd it says when it is ready, and feeds the watchdog.
    With a state that several processes share, any number of them may run, each with all roles or some: schedule hands
    out what is due, fetch does it, publish seals the records.

    Example: feedmill run --config /etc/feedmill/worker.yaml
    """
    doing = _roles(roles)
    settings = app.read(config)
    start_log(settings)
    if doing != ALL_ROLES and not settings.is_shared:
        raise typer.BadParameter("with a SQLite state one process does all; others need state: postgresql://…")
    if settings.bus is None and ("schedule" in doing) != ("fetch" in doing):
        raise typer.BadParameter("with bus: local who fetches schedules, too; bus: nats://… parts them")
    gc.set_threshold(GARBAGE)
    _allow_files(settings.fetch.concurrency)
    tally = asyncio.run(_run(settings, config, doing))
    log.info("run.stopped", **dataclasses.asdict(tally))


async def _run(settings: Settings, config: Path, roles: frozenset[Role]) -> Tally:
    def started(_: Meters) -> None:
        notify("READY=1")
        log.info("run.started", feeds=len(settings.feeds), state=str(settings.state), output=str(settings.output.dir))

    def began() -> None:
        # sd_notify(3): the time lets systemd tell this reload from one before.
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    reload = Reload(config=config, began=began, ended=lambda: notify("READY=1"))
    with stop_on_signal(reload.asked) as stop:
        return await app.work(
            settings,
            stop=stop,
            listen=True,
            reload=reload,
            roles=roles,
            held=lambda: _vacate(settings),
            started=started,
            alive=lambda: notify("WATCHDOG=1"),
        )


def _allow_files(concurrency: int) -> None:
    """Lets this process have as many files open as so many fetches need at once, as far as it may. Where it has none
    left a feed seems to be unreachable, and is asked less often."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES + FILES_A_FETCH * concurrency
    infinite = resource.RLIM_INFINITY
    if soft != infinite and soft < wanted:
        allowed = wanted if hard == infinite else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < wanted:
            log.warning("files.few", limit=allowed, wanted=wanted, hint="raise ulimit -n, or lower fetch.concurrency")


def _vacate(settings: Settings) -> None:
    """What a demo left where records are to be is kept, elsewhere; it is said."""
    aside = vacate(settings.output.dir)
    if aside is None:
        return
    if console.is_terminal:
        errors.print(f"{settings.output.dir} held the demo's records: they are in {aside} now", soft_wrap=True)
    else:
        log.warning("output.demo_moved", was=str(settings.output.dir), now=str(aside))


@contextmanager
def stop_on_signal(reload: asyncio.Event | None = None) -> Iterator[asyncio.Event]:
    """An event that SIGTERM, SIGINT and SIGHUP set; to be used inside a running loop.

    With `reload`, SIGHUP sets that instead, unless it tells that the terminal is gone.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    had_terminal = sys.stderr.isatty()

    def asked(name: str) -> None:
        log.info("run.stopping", signal=name)
        notify("STOPPING=1")
        stop.set()

    def hung_up() -> None:
        if reload is None or (had_terminal and not sys.stderr.isatty()):
            asked("SIGHUP")
        else:
            reload.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number.name)
    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
