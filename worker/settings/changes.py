"""Which new settings a running worker takes up, and which wait for its next start. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from worker.settings.settings import Settings

LIVE = frozenset({"feeds", "listed", "files", "lists", "is_blank", "has_lists", "schedule", "alerts", "log"})
LIVE_IN: Mapping[str, frozenset[str]] = {
    "fetch": frozenset({"per_host", "hosts", "proxy"}),
    "web": frozenset({"listen", "token"}),
}
"""Other settings concern what is held open (the state, the output directory, sockets, processes), or were passed on
when that was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    settings: Settings
    """The settings to be in force from now on."""
    waiting: tuple[str, ...]
    """Keys of worker.yaml whose new values wait for the next start."""


def taken_up(old: Settings, new: Settings) -> TakenUp:
    """What to do with `new` settings while the `old` ones are in force."""
    kept = {name: getattr(old, name) for name in Settings.model_fields if name not in LIVE}
    for name, keys in LIVE_IN.items():
        section = getattr(new, name)
        kept[name] = getattr(old, name).model_copy(update={key: getattr(section, key) for key in keys})
    if old.web.public_url != new.web.public_url:  # whether a token is required depends on it
        kept["web"] = old.web
    settings = new.model_copy(update=kept)
    return TakenUp(settings=settings, waiting=tuple(_differences(settings, new)))


def _differences(one: BaseModel, other: BaseModel, parent: str = "") -> Iterator[str]:
    for name, field in type(one).model_fields.items():
        if not parent and name in LIVE:
            continue
        key = f"{parent}{field.alias or name}"
        ours, theirs = getattr(one, name), getattr(other, name)
        if isinstance(ours, BaseModel) and type(ours) is type(theirs):
            yield from _differences(ours, theirs, f"{key}.")
        elif ours != theirs:
            yield key
