"""The keys of a feed's rules: which part of its pages is text, where the pages are, which of its entries are wanted."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from worker import patterns
from worker.settings.section import Section, key
from worker.settings.values import Count, PositiveSeconds, expected

_NO_PERL = "RE2 has no lookarounds and no backreferences"
_NO_BROWSER = "no pseudo-elements, and no states of a browser"
_MAX_SELECTOR = 1000  # characters


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise expected("a pattern in RE2's syntax")
    try:
        patterns.check(value)
    except patterns.BadPattern as error:
        said = str(error).partition(": ")[0]  # the rest quotes the value
        raise expected("a pattern in RE2's syntax", hint=_NO_PERL if re.search("perl|escape", said) else said) from None
    return value


def _selector(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_SELECTOR:
        raise expected("a CSS selector", hint="such as div.story > p")
    # Imported only here, because most lists have no selectors, and it takes 15 ms.
    import cssselect

    try:
        xpath = cssselect.HTMLTranslator().css_to_xpath(value)
    except cssselect.SelectorSyntaxError as error:
        at = re.search(r"at (\d+)", str(error))
        raise expected("a CSS selector", hint=f"see character {int(at[1]) + 1}" if at else "") from None
    except cssselect.ExpressionError:
        raise expected("a CSS selector", hint=_NO_BROWSER) from None
    if "[0]" in xpath:  # cssselect translates :hover and the like to this
        raise expected("a CSS selector", hint=_NO_BROWSER)
    return value


def _language(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", value):
        raise expected("a language such as de or pt-BR; und for what is not stated")
    return value


def _tag(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise expected("a tag")
    return value


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_TEXT = {"type": "string", "minLength": 1}
_ONE_OR_MORE = (BeforeValidator(_several), WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}))
Selector = Annotated[str, BeforeValidator(_selector), WithJsonSchema(_TEXT)]
Pattern = Annotated[str, BeforeValidator(_pattern), WithJsonSchema(_TEXT)]
Patterns = Annotated[tuple[Pattern, ...], *_ONE_OR_MORE]
Tags = Annotated[tuple[Annotated[str, BeforeValidator(_tag)], ...], *_ONE_OR_MORE]
Languages = Annotated[tuple[Annotated[str, BeforeValidator(_language)], ...], *_ONE_OR_MORE]


class RewriteKeys(Section):
    """Another address for pages."""

    model_config = ConfigDict(json_schema_extra={"type": "object"})

    match: Pattern = Field(description="RE2 pattern; its first match in an entry's link is replaced.")
    to: str = Field(description="The replacement; \\1 stands for what the first group matched.")

    @model_validator(mode="after")
    def _groups_are_there(self) -> RewriteKeys:
        try:
            patterns.check_replacement(self.to, patterns.check(self.match))
        except patterns.BadPattern as error:
            raise PydanticCustomError("groups", "to does not go with match", {"hint": str(error)}) from None
        return self


class FilterKeys(Section):
    """Conditions on an entry, all of which have to hold; where there are several values, one has to match."""

    model_config = ConfigDict(json_schema_extra={"type": "object", "minProperties": 1})

    title: Patterns = key([], "Patterns in RE2's syntax, ignoring case, anywhere in the title.")
    url: Patterns = key([], "Patterns likewise, anywhere in the link.")
    tag: Tags = key([], "Tags of the feed, ignoring case.")
    language: Languages = key([], "As stated by the feed or else the page; de includes de-AT; und: stated by neither.")
    older_s: PositiveSeconds | None = key(None, "Older than this when first seen.", name="older")

    @model_validator(mode="after")
    def _says_something(self) -> FilterKeys:
        if not (self.title or self.url or self.tag or self.language or self.older_s):
            hint = "give it one of title, url, tag, language, older"
            raise PydanticCustomError("empty", "a filter that would hold for every entry", {"hint": hint})
        return self


class BacklogKeys(Section):
    """Which entries of the first poll are taken: {newest: 20, younger: 30d}; the rest never comes."""

    newest: Count | None = key(None, "At most so many entries; null: all.")
    younger_s: PositiveSeconds | None = key(None, "Only entries younger than this; null: of any age.", name="younger")
