"""Turns pydantic's errors into problems of the file: with the place, what is written there, and the most similar valid
key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from worker.errors import Problem
from worker.settings.yaml_file import Loc, YamlFile, dotted

_EXPECTED = {
    "string_type": ("expected text", "put it in quotes"),
    "tuple_type": ("expected a list", "a list is written [a, b], or with a dash before each item"),
    "dict_type": ("expected a mapping", "a mapping is written {key: value}, or with a line for each key"),
    "model_type": ("expected a mapping", "a mapping is written {key: value}, or with a line for each key"),
}


def problems_of(error: ValidationError, file: YamlFile, model: type[BaseModel], at: Loc = ()) -> Iterator[Problem]:
    """The problems of the value at `at`. `model` describes the whole file; its keys are suggested.

    No text comes from the values, which may contain secrets from the environment; what is shown is what the file says.
    """
    for detail in error.errors(include_url=False, include_input=False):
        loc: Loc = at + detail["loc"]
        if detail["type"] == "extra_forbidden":
            hint = _right_key(str(loc[-1]), loc[:-1], model)
            yield file.problem(loc, f'unknown key "{loc[-1]}"', hint=hint, at_key=True)
        elif detail["type"] == "missing":
            yield file.problem(loc, f'"{loc[-1]}" is missing')
        elif not file.is_reported(loc):
            yield _wrong_value(detail, file, loc, model)


def _wrong_value(detail: ErrorDetails, file: YamlFile, loc: Loc, model: type[BaseModel]) -> Problem:
    message, hint, choices = _said(detail)
    if detail["type"] == "model_type" and loc:
        keys = _keys_at(loc, model)
        hint += f"; {_keys_here(keys)}" if keys else ""
    if loc[-1:] == ("[key]",):
        shown = "" if "headers" in loc else f', not "{loc[-2]}"'
        return file.problem(loc[:-1], message + shown, hint=hint, at_key=True)
    if detail["type"] == "amiss" or not message.startswith("expected"):
        return file.problem(loc, message, hint=hint)
    return file.wrong(loc, message, hint=_did_you_mean(file.text(loc), choices) or hint)


def message_of(detail: ErrorDetails) -> str:
    """What is wrong with a value that is not in a file, with a hint."""
    message, hint, _ = _said(detail)
    return message + (f" ({hint})" if hint else "")


def _said(detail: ErrorDetails) -> tuple[str, str, Iterable[str]]:
    """What is wrong, a hint, and what would be right if there is only a choice of values."""
    context = detail.get("ctx", {})
    if detail["type"] == "literal_error":
        choices = re.findall("'([^']*)'", context["expected"])
        return f"expected one of {', '.join(choices)}", "", choices
    message, hint = _EXPECTED.get(detail["type"], (detail["msg"], str(context.get("hint", ""))))
    return message, hint, context.get("choices", ())


def _did_you_mean(text: str, choices: Iterable[str]) -> str:
    found = _nearest(text, choices)
    return f'did you mean "{found}"?' if found else ""


def _nearest(text: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    lower = {choice.lower(): choice for choice in choices}
    return next((lower[match] for match in difflib.get_close_matches(text.lower(), lower, n=1, cutoff=cutoff)), None)


def _right_key(key: str, parent: Loc, model: type[BaseModel]) -> str:
    """A hint: where `key` belongs, or which key it was probably meant to be, of the same mapping or another."""
    sections, own = dict(_sections(model)), _keys_at(parent, model)
    if found := _nearest(key, own, cutoff=0.85):
        return f'did you mean "{found}"?'
    places = [loc for loc, keys in sections.items() if key in keys]
    if places:
        within = [loc for loc in places if _matches(loc[: len(parent)], parent)]
        elsewhere = [loc for loc in places if len(loc) <= 2]  # not items of a feed's lists
        if not any(len(loc) == len(parent) + 1 for loc in within):
            within = elsewhere or within
        nearest = within or places
        return f"belongs {' or '.join(map(_place, nearest))}"
    if hint := _did_you_mean(key, own):
        return hint
    found = _nearest(key, (other for keys in sections.values() for other in keys))
    if found:
        return f'did you mean "{found}", {_place(next(loc for loc, keys in sections.items() if found in keys))}?'
    return _keys_here(own)


def _keys_at(place: Loc, model: type[BaseModel]) -> Mapping[str, object]:
    return next((keys for loc, keys in _sections(model) if _matches(loc, place)), {})


def _keys_here(keys: Iterable[str]) -> str:
    return f"the keys here are {', '.join(keys)}"


def _place(loc: Loc) -> str:
    names = tuple(part for part in loc if part != "*")
    return f"under {dotted(names)}:" if names else "at the top level"


def _matches(pattern: Loc, loc: Loc) -> bool:
    return len(pattern) == len(loc) and all(part in ("*", actual) for part, actual in zip(pattern, loc, strict=True))


def _sections(model: type[BaseModel], loc: Loc = ()) -> Iterator[tuple[Loc, Mapping[str, object]]]:
    """Every mapping that `model` describes, with its keys, by its place (`*` for any key or index)."""
    keys = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    yield loc, keys
    for key, annotation in keys.items():
        for inner in _models_in(annotation):
            yield from _sections(inner, (*loc, key) if annotation is inner else (*loc, key, "*"))


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) is None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
    else:
        for argument in get_args(annotation):
            yield from _models_in(argument)
