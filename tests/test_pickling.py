"""What travels between the processes arrives as it was sent."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from worker.model import NO_RULES, Draft, Feed, FeedId, SeenEntry, Sketch

SKETCH = Sketch(size=3, bins=bytes(32), probes=(1, 2))
DRAFT = Draft(
    body=b"{}",
    text_key=None,
    title_key=b"title",
    revision_key=b"revision",
    hashed_key=b"hashed",
    undated_key=b"undated",
    sketch=SKETCH,
    extraction="ok",
)
SEEN = SeenEntry(
    look_up=(b"a", b"b"),
    own=b"a",
    alone=b"c",
    has_guid=True,
    url_key=None,
    title_key=b"",
    version=b"version",
    url="https://example.org/",
    page=None,
    host="",
    entry=b"entry",
    draft=DRAFT,
)


@pytest.mark.parametrize("sent", [SKETCH, DRAFT, SEEN, NO_RULES, Feed(id=FeedId("a"), url="https://example.org/feed")])
def test_a_value_arrives_with_all_its_fields_and_frozen(sent: object) -> None:
    arrived = pickle.loads(pickle.dumps(sent, 5))  # noqa: S301  # our own

    assert arrived == sent
    assert type(arrived) is type(sent)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(arrived, dataclasses.fields(arrived)[0].name, None)


def test_a_value_of_another_version_with_fewer_fields_is_refused() -> None:
    """Rather than to arrive with its values in other places."""
    with pytest.raises(ValueError, match="shorter"):
        Sketch.__new__(Sketch).__setstate__((1, b""))  # type: ignore[attr-defined]


def test_no_name_of_a_field_is_sent() -> None:
    """The values are all there is to it: no name of a field is among what is sent."""
    assert b"probes" not in pickle.dumps(SKETCH, 5)
