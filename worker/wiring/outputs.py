"""The configured output: its shards, opened when this process holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import orjson

from worker import __version__, record
from worker.model import Millis
from worker.output import Archive, Keeping, OutputDirectory, forgotten_keys, has_archive, locked, make_shards
from worker.pipeline import Publisher, Shards, Streaming, check_pairing, removal_keys, unsent_since
from worker.settings import Settings
from worker.store import OutboxSegment, Store


def shards_of(
    settings: Settings,
    store: Store,
    sealed: Callable[[OutboxSegment, str], None] = lambda _, __: None,
    streaming: Streaming | None = None,
) -> Shards:
    """The shards of the output, none of them held yet. sealed: see `Publisher`. streaming: follows each shard while it
    is held. Raises OutputError."""
    output, shared = settings.output, settings.is_shared
    make_shards(output.dir, output.shards)

    async def opened(shard: int, held: ExitStack) -> Publisher:
        name = record.shard_name(shard, output.shards)
        root = output.dir / name
        if not shared:
            await check_pairing(store, root, state=settings.state, shard=shard)
        keep_lock = await asyncio.to_thread(held.enter_context, locked(root))
        if shared:  # only now, because before the lock another process might have been publishing there
            await check_pairing(store, root, state=settings.state, shard=shard)
        directory = await asyncio.to_thread(output_directory, settings, root)
        await store.keep_out(await asyncio.to_thread(lambda: [*forgotten_keys(root)]))
        if streaming is not None:
            streaming.follow(root, name)
            held.callback(streaming.leave, root)
        return Publisher(
            store=store,
            directory=directory,
            archive=await asyncio.to_thread(archive_of, settings, root),
            seal_after_ms=round(output.seal_after_s * 1000),
            seal_records=output.seal_records,
            keeping=keeping(settings),
            sealed=sealed,
            keep_lock=keep_lock,
            shard=shard,
        )

    return Shards(output.dir, output.shards, opened, shared=shared)


def output_directory(settings: Settings, root: Path) -> OutputDirectory:
    """The output directory at `root`, or that of a shard, for the process that holds it. Raises OutputError."""
    schema = orjson.dumps(record.json_schema(), option=orjson.OPT_INDENT_2)
    output = settings.output
    return OutputDirectory.open(root, schema=schema, latest=output.latest, feed=output.feed_json, keys_of=removal_keys)


def archive_of(settings: Settings, root: Path) -> Archive | None:
    """The archive of the output directory at `root`, for the process that holds that; None if pages are not and never
    were archived. An archive that is no longer added to is still needed, because its pages are taken down and expire
    like their records. Raises OutputError."""
    software = f"feedmill/{__version__}"
    if settings.output.archive is None and not has_archive(root):
        return None
    return Archive.open(root, software=software, adding=settings.output.archive is not None)


def keeping(settings: Settings) -> Keeping:
    """What to do with the files of closed days."""
    output = settings.output
    return Keeping(
        merge=output.compact.enabled,
        pack=output.compact.zstd,
        grace_ms=round(output.compact.grace_s * 1000),
        keep_ms=None if output.keep_s is None else round(output.keep_s * 1000),
        remember_ms=round(settings.dedup.keep_s * 1000),
    )


def unstreamed_since(settings: Settings) -> Millis | None:
    """When the oldest record was made that is sealed but not in the stream; None if there is none. Raises OutputError,
    ValueError."""
    return unsent_since(settings.output.dir, record.shard_names(settings.output.shards))
