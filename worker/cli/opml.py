"""import, export."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.listing import listed
from worker.cli.naming import feeds_with
from worker.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from worker.cli.printing import clean, print_json, print_line, print_note
from worker.errors import ConfigError, OutputError, Problem
from worker.model import NO_RULES
from worker.settings import imported, load, opml_document
from worker.store import is_there, read_status
from worker.words import counted


def import_(
    file: Annotated[Path, typer.Argument(help="The OPML file.", metavar="FILE")],
    into: Annotated[
        Path | None, typer.Option("--list", help="The feed list to change; by default the first YAML list.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be added; write nothing.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out outlines that can't be listed, and name them.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Adds the feeds of an OPML file, such as another reader's export, to the feed list. Folders become tags.

    Feeds that are listed already are left out. No feed is fetched. Adds all or none, unless --skip-bad is given; all
    problems are reported at once, with their lines.
    worker.yaml may also name an OPML file under feeds: and read it from where it is.

    Example: feedmill import subscriptions.opml
    """
    settings = load(config, os.environ, blank=True)
    found = imported(file, beside=settings.feeds)
    if found.problems and not skip_bad:
        hint = f"mend {'this outline' if found.bad == 1 else f'these {found.bad} outlines'}, or "
        hint += f"leave {'it' if found.bad == 1 else 'them'} out with --skip-bad"
        raise ConfigError([*found.problems, Problem(file=str(file), message="nothing was added", hint=hint)])
    listing = listed(config, settings, found.good, into=into)
    if listing.new and not dry_run:
        listing.write()
    if as_json:
        known_ids, left_out = [feed.id for feed in listing.known], [str(problem) for problem in found.problems]
        print_json({"added": [feed.id for feed in listing.new], "known": known_ids, "left_out": left_out})
        return
    for problem in found.problems:
        print_note(f"left out: {problem}")
    for feed in listing.new if dry_run else ():
        print_line(clean(feed.id), clean(feed.url), clean(", ".join(feed.tags)))
    verb = "would be added to" if dry_run else "added to"
    known = f"; {len(listing.known)} listed already" if listing.known else ""
    print_line(f"{counted(len(listing.new), 'feed')} {verb} {listing.path}{known}")


def export(
    file: Annotated[Path | None, typer.Argument(help="The file to write; by default standard output.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only feeds with this tag, or one below it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Writes the feeds as OPML, for other readers and for `feedmill import`. Tags become folders.

    Titles and sites come from the state if there is one. What may be secret is left out, namely headers, and feeds
    whose URLs have parts from the environment; so are rules, which OPML can't express. The command names these feeds.

    Example: feedmill export subscriptions.opml
    """
    settings = load(config, os.environ)
    known = {feed.id: feed for feed in read_status(settings.state)[0]} if is_there(settings.state) else {}
    wanted = settings.feeds if tag is None else feeds_with(settings, tag)
    feeds = [feed for feed in wanted if feed.public_url in ("", feed.url)]
    about = {feed_id: (status.title, status.site_url) for feed_id, status in known.items()}
    document = opml_document([(feed, *about.get(feed.id, (None, None))) for feed in feeds], title="feedmill")
    if file is None:
        sys.stdout.write(document.decode())
    else:
        try:
            with file.open("wb" if force else "xb") as written:
                written.write(document)
        except FileExistsError as error:
            raise OutputError(f"{file} exists; --force writes over it") from error
        except OSError as error:
            raise OutputError(f"can't write {file}: {error.strerror}") from error
    secret = [feed.id for feed in wanted if feed.public_url not in ("", feed.url)]
    if secret:
        print_note(f"left out, as their URLs may be secret: {', '.join(secret)}")
    ruled = [feed.id for feed in feeds if feed.rules != NO_RULES]
    for what, ids in (("headers", [feed.id for feed in feeds if feed.headers]), ("rules", ruled)):
        if ids:
            print_note(f"without their {what}: {', '.join(ids)}")
    if file is not None:
        print_line(f"{counted(len(feeds), 'feed')} written to {file}")
