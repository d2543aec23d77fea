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
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, start_log
from worker.cli.printing import console, print_json, print_line, print_note, summary
from worker.cli.progress import display
from worker.cli.systemd import notify
from worker.configuration.reload import Reload
from worker.demo.folder import vacate
from worker.model import ALL_ROLES, ROLES, Role
from worker.settings import Settings
from worker.store import read_feeds
from worker.telemetry.meters import Meters, Tally
from worker.wiring import app
from worker.words import counted

GARBAGE = 20_000
"""New objects before the garbage collector looks for cycles. Python's default of 700 is less than one feed brings, and
costs a thirtieth of the time."""

FILES, FILES_A_FETCH = 200, 3
"""Open files needed: by state, output, CPU processes and the status page; and per fetch, for its connection and two
that are kept alive."""

log = structlog.stdlib.get_logger("feedmill")


def once(
    config: ConfigFile = DEFAULT_CONFIG,
    every: Annotated[bool, typer.Option("--all", help="Poll all feeds, whether due or not.")] = False,
    as_json: AsJson = False,
) -> None:
    """Polls the feeds that are due, ingests new entries, and exits when their records are sealed.

    Use it from cron, or to try a configuration. Exits with 1 if no feed could be polled.

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
        print_line(_nothing(settings) if tally == Tally() else summary(tally))
        if stopped:
            print_line("Stopped before the end: what is left comes with the next run.")
        print_line(f"Records are in {settings.output.dir}")
    else:
        log.info("once.stopped" if stopped else "once.finished", **dataclasses.asdict(tally))
    if tally.polls and tally.failed_polls + tally.throttled == tally.polls:
        raise typer.Exit(1)


def _nothing(settings: Settings) -> str:
    """What to print if nothing is due."""
    feeds, now = read_feeds(settings.state), app.now()
    waiting = sum(feed.errors > 0 and (feed.next_poll_at or 0) > now for feed in feeds)
    if not waiting:
        return "Nothing is due; --all polls anyway."
    failed = f"{counted(waiting, 'feed')} that failed {'waits' if waiting == 1 else 'wait'} for another try"
    return f"Nothing is due; {failed}: feedmill status --failing. feedmill poll FEED tries one now, --all polls all."


async def _once(settings: Settings, every: bool) -> tuple[Tally, bool]:
    """What was done, and whether it was stopped early."""
    with stop_on_signal() as stop:
        work = partial(app.work, settings, stop=stop, until_idle=True, poll_all=every, held=lambda: _vacate(settings))
        if not console.is_terminal:
            return await work(), stop.is_set()
        async with display() as shown:
            start_log(settings)  # anew: the display has put itself in the place of standard error
            feeds = len(settings.feeds) if every else None
            return await work(started=lambda meters: shown.follow(feeds, meters)), stop.is_set()


def _roles(text: str) -> frozenset[Role]:
    found = frozenset(role for role in ROLES if role in text.split(","))
    if not found or len(found) != len(text.split(",")):
        raise typer.BadParameter(f"{text!r}: expected one or more of {','.join(ROLES)}, each once")
    return found


def run(
    config: ConfigFile = DEFAULT_CONFIG,
    roles: Annotated[
        str, typer.Option("--roles", help="What this process does, if several share one state.")
    ] = ",".join(ROLES),
) -> None:
    """Polls feeds whenever they are due, until SIGTERM or Ctrl-C, which end it cleanly within ten seconds.

    The status page is at web.listen, by default http://127.0.0.1:8787.
    The configuration is loaded again when it is saved, or at once on SIGHUP. One with mistakes is refused;
    status tells. Under systemd it reports when it is ready, and feeds the watchdog.
    If several processes share a state, any number may run, each with all roles or some: schedule hands out what is due,
    fetch does it, publish seals the records.

    Example: feedmill run --config /etc/feedmill/worker.yaml
    """
    doing = _roles(roles)
    settings = app.read(config)
    start_log(settings)
    if doing != ALL_ROLES and not settings.is_shared:
        raise typer.BadParameter(
            "with a SQLite state, one process has all roles; to divide them, use state: postgresql://…"
        )
    if settings.bus is None and ("schedule" in doing) != ("fetch" in doing):
        raise typer.BadParameter("with bus: local, schedule and fetch go together; to divide them, use bus: nats://…")
    gc.set_threshold(GARBAGE)
    _allow_files(settings.fetch.concurrency)
    tally = asyncio.run(_run(settings, config, doing))
    log.info("run.stopped", **dataclasses.asdict(tally))


async def _run(settings: Settings, config: Path, roles: frozenset[Role]) -> Tally:
    def started(_: Meters) -> None:
        notify("READY=1")
        log.info("run.started", feeds=len(settings.feeds), state=str(settings.state), output=str(settings.output.dir))

    def began() -> None:
        # sd_notify(3): the time tells systemd this reload from an earlier one.
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
    """Raises the limit of open files, as far as allowed, to what so many fetches at once need. If files run out, feeds
    seem unreachable, and are polled less often."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES + FILES_A_FETCH * concurrency
    infinite = resource.RLIM_INFINITY
    if soft != infinite and soft < wanted:
        allowed = wanted if hard == infinite else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < wanted:
            log.warning("files.few", limit=allowed, wanted=wanted, hint="raise ulimit -n, or lower fetch.concurrency")


def _vacate(settings: Settings) -> None:
    """Moves records of a demo out of the output directory, and says where they are."""
    aside = vacate(settings.output.dir)
    if aside is None:
        return
    if console.is_terminal:
        print_note(f"{settings.output.dir} held the demo's records: they are in {aside} now")
    else:
        log.warning("output.demo_moved", was=str(settings.output.dir), now=str(aside))


@contextmanager
def stop_on_signal(reload: asyncio.Event | None = None) -> Iterator[asyncio.Event]:
    """An event that is set on SIGTERM, SIGINT and SIGHUP. Needs a running event loop.

    With `reload`, SIGHUP sets that instead, unless it came because the terminal was closed.
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
