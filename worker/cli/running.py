"""once, run."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import structlog
import typer

from worker import app
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, load_and_log, start_log
from worker.cli.printing import console, print_json, summary
from worker.cli.progress import display
from worker.cli.systemd import notify
from worker.demo.run import vacate
from worker.settings import Settings
from worker.tally import Tally

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
    settings = load_and_log(config)
    tally, stopped = asyncio.run(_once(settings, every))
    if as_json:
        print_json(dataclasses.asdict(tally))
    elif console.is_terminal:
        console.print("Nothing is due; --all polls anyway." if tally == Tally() else summary(tally))
        if stopped:
            console.print("Stopped before the end: what is left comes with the next run.")
        console.print(f"Records are in {settings.output.dir}", soft_wrap=True)
    else:
        log.info("once.stopped" if stopped else "once.finished", **dataclasses.asdict(tally))
    if tally.polls and tally.failed_polls == tally.polls:
        raise typer.Exit(1)


async def _once(settings: Settings, every: bool) -> tuple[Tally, bool]:
    """What was done, and whether it was stopped before its end."""

    def held() -> None:
        vacate(settings.output.dir)

    with stop_on_signal() as stop:
        if not console.is_terminal:
            tally = await app.work(settings, stop=stop, until_idle=True, poll_all=every, held=held)
            return tally, stop.is_set()
        async with display() as shown:
            start_log(settings)  # anew: the display has put itself in the place of standard error
            feeds = len(settings.feeds) if every else None
            tally = await app.work(
                settings,
                stop=stop,
                until_idle=True,
                poll_all=every,
                held=held,
                started=lambda tally: shown.follow(feeds, tally),
            )
            return tally, stop.is_set()


def run(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Polls feeds as they fall due, for ever; SIGTERM or Ctrl-C ends it cleanly within ten seconds.

    Under systemd it says when it is ready, and feeds the watchdog.

    Example: feedmill run --config /etc/feedmill/worker.yaml
    """
    settings = load_and_log(config)
    tally = asyncio.run(_run(settings))
    log.info("run.stopped", **dataclasses.asdict(tally))


async def _run(settings: Settings) -> Tally:
    def started(_: Tally) -> None:
        notify("READY=1")
        log.info("run.started", feeds=len(settings.feeds), state=str(settings.state), output=str(settings.output.dir))

    with stop_on_signal() as stop:
        return await app.work(
            settings,
            stop=stop,
            listen=True,
            held=lambda: vacate(settings.output.dir),
            started=started,
            alive=lambda: notify("WATCHDOG=1"),
        )


@contextmanager
def stop_on_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM, SIGINT and SIGHUP set; to be used inside a running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(name: str) -> None:
        log.info("run.stopping", signal=name)
        notify("STOPPING=1")
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, asked, number.name)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
