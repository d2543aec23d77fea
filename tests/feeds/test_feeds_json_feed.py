"""JSON Feed 1.0 and 1.1."""

from __future__ import annotations

import json

import pytest

from worker.model import Attachment, Author, Entry

V11 = "https://jsonfeed.org/version/1.1"


@pytest.fixture
def json_item(read):
    """The one entry of a JSON Feed."""

    def only(**fields: object) -> Entry:
        feed = read(
            json.dumps({"version": V11, "home_page_url": "https://example.org/", "items": [{"id": "1", **fields}]})
        )
        (entry,) = feed.entries
        return entry

    return only


def test_a_full_item_of_version_11(read):
    """Every field that the specification has and a record takes."""
    feed = read(
        json.dumps(
            {
                "version": V11,
                "title": "J & K",
                "home_page_url": "https://example.org/",
                "language": "en_gb",
                "authors": [{"name": "Feed"}],
                "items": [
                    {
                        "id": 7,
                        "url": "/7",
                        "external_url": "https://elsewhere.example/",
                        "title": "1 < 2",
                        "content_html": "<p>Hello, world</p>",
                        "content_text": "Hello",
                        "summary": "a & b",
                        "image": "/i.png",
                        "banner_image": "/b.png",
                        "date_published": "2026-11-20T10:00:00+02:00",
                        "date_modified": "2026-11-20T10:00:00Z",
                        "authors": [{"name": "Ann", "url": "/ann"}, {"name": "Ben"}, {"avatar": "x"}],
                        "tags": ["a", "A", "b", 3],
                        "language": "de",
                        "attachments": [
                            {
                                "url": "/a.mp3",
                                "mime_type": "audio/mpeg",
                                "size_in_bytes": 9,
                                "duration_in_seconds": 61.5,
                            }
                        ],
                    },
                    {"id": "https://example.org/8", "content_text": "One & <two>\nlines\n\nThen"},
                ],
            }
        )
    )
    assert (feed.version, feed.title, feed.site_url) == ("json11", "J & K", "https://example.org/")
    assert feed.language == "en-GB"
    assert feed.entries == (
        Entry(
            guid="7",
            url="https://example.org/7",
            external_url="https://elsewhere.example/",
            title="1 < 2",
            summary="<p>a &amp; b</p>",
            content="<p>Hello, world</p>",
            authors=(Author(name="Ann", url="https://example.org/ann"), Author(name="Ben")),
            tags=("a", "b"),
            published=1_795_161_600_000,
            updated=1_795_168_800_000,
            language="de",
            image="https://example.org/i.png",
            attachments=(
                Attachment(
                    url="https://example.org/a.mp3", mime_type="audio/mpeg", size_in_bytes=9, duration_in_seconds=61
                ),
            ),
        ),
        Entry(
            guid="https://example.org/8",
            url="https://example.org/8",
            content="<p>One &amp; &lt;two&gt;<br>lines</p><p>Then</p>",
            authors=(Author(name="Feed"),),
            language="en-GB",
        ),
    )
    assert len(feed.elements) == 2


def test_version_10_has_one_author(read):
    """`author` became `authors` in 1.1."""
    feed = read(
        '\ufeff {"version": "https://jsonfeed.org/version/1", '
        '"author": {"name": "Feed", "url": "https://example.org/f"}, '
        '"items": [{"id": "1", "author": {"name": "Ann"}}, {"id": "2"}, {"id": "3", "author": "Bare"}]}'
    )
    assert feed.version == "json10"
    assert [entry.authors for entry in feed.entries] == [
        (Author(name="Ann"),),
        (Author(name="Feed", url="https://example.org/f"),),
        (Author(name="Bare"),),
    ]


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        pytest.param("title", 5, {"title": None}, id="a number as title"),
        pytest.param("url", ["x"], {"url": None}, id="a list as url"),
        pytest.param("url", "javascript:x", {"url": None}, id="no http URL"),
        pytest.param("content_html", {"a": 1}, {"content": None}, id="an object as content"),
        pytest.param("authors", "Ann", {"authors": ()}, id="a string as list of authors"),
        pytest.param(
            "authors", [None, {"name": 3}, {"name": "Ann", "url": 5}], {"authors": (Author(name="Ann"),)}, id="bad"
        ),
        pytest.param("tags", {"a": 1}, {"tags": ()}, id="an object as tags"),
        pytest.param("date_published", 1_795_161_600, {"published": None}, id="a number as date"),
        pytest.param("date_published", "yesterday", {"published": None}, id="no date"),
        pytest.param("language", "English", {"language": None}, id="a language by name"),
        pytest.param("image", False, {"image": None}, id="false as image"),
        pytest.param("banner_image", "/b.png", {"image": "https://example.org/b.png"}, id="a banner alone"),
        pytest.param("attachments", [1, {"mime_type": "a/b"}, {"url": "/x"}], {}, id="attachments"),
        pytest.param("summary", None, {"summary": None}, id="null"),
    ],
)
def test_a_field_of_the_wrong_type_loses_nothing_but_itself(json_item, field, value, kept):
    """The entry is there, with all its other fields."""
    entry = json_item(**{field: value})
    assert entry.guid == "1"
    for name, expected in kept.items():
        assert getattr(entry, name) == expected


@pytest.mark.parametrize(
    ("size", "duration", "expected"),
    [
        pytest.param("12", "1:01", (12, 61), id="strings"),
        pytest.param(12.9, 60.5, (12, 60), id="fractions"),
        pytest.param(-1, 0, (None, None), id="nothing"),
        pytest.param(True, False, (None, None), id="booleans"),
        pytest.param(10**30, 10**30, (None, None), id="too large"),
        pytest.param(float("nan"), float("inf"), (None, None), id="no numbers"),
        pytest.param({}, "soon", (None, None), id="neither"),
    ],
)
def test_numbers_of_attachments(json_item, size, duration, expected):
    """What can't be a size or a duration is none."""
    (file,) = json_item(attachments=[{"url": "/x", "size_in_bytes": size, "duration_in_seconds": duration}]).attachments
    assert (file.size_in_bytes, file.duration_in_seconds) == expected
    assert file.mime_type == "application/octet-stream"


@pytest.mark.parametrize(
    ("written", "guid"),
    [
        pytest.param(5, "5", id="integer"),
        pytest.param(5.5, "5.5", id="fraction"),
        pytest.param(True, None, id="boolean"),
        pytest.param(None, None, id="null"),
        pytest.param([1], None, id="list"),
        pytest.param(" x ", "x", id="space"),
    ],
)
def test_ids(json_item, written, guid):
    """Numbers become strings (the specification); nothing else does."""
    assert json_item(id=written, title="t").guid == guid


@pytest.mark.parametrize(
    ("document", "content_type", "version"),
    [
        pytest.param({"version": "http://www.jsonfeed.org/version/1", "items": []}, None, "json10", id="another host"),
        pytest.param({"version": V11}, None, "json11", id="no items"),
        pytest.param({"items": []}, "application/feed+json; charset=utf-8", "json", id="declared by the response"),
    ],
)
def test_what_is_taken_for_a_json_feed(read, document, content_type, version):
    """By its version, else by its content type."""
    feed = read(json.dumps(document), content_type=content_type)
    assert (feed.version, feed.entries) == (version, ())


def test_known_items_are_not_read_again(read):
    """By a hash of the item that the order of its keys does not change."""
    items = [
        {"id": "1", "title": "a"},
        {"id": "2", "url": "https://example.org/x"},
        {"id": "2", "url": "https://example.org/x#f"},
    ]
    whole = read(json.dumps({"version": V11, "items": items}))
    reordered = [dict(reversed(item.items())) for item in items]
    rest = read(json.dumps({"version": V11, "title": "new", "items": reordered}), known=frozenset(whole.elements[:2]))
    assert rest.entries == whole.entries[2:]
    assert rest.elements == whole.elements
    assert rest.repeated_guids == whole.repeated_guids == {"2"}
    assert rest.repeated_urls == whole.repeated_urls == {"https://example.org/x"}


def test_items_that_are_none_are_counted(read):
    """And those that are too many, and those that say nothing."""
    feed = read(json.dumps({"version": V11, "items": [1, None, {"id": "1"}, {}, {"id": "2"}]}), max_entries=4)
    assert [entry.guid for entry in feed.entries] == ["1"]
    assert feed.problem == (
        "items that are no objects: 2; more than 4 entries: the last 1 were left out; entries left out: 1 empty"
    )


def test_control_characters_in_strings_are_tolerated(read):
    """Strict JSON has none; a line end in a title is no reason to lose a feed."""
    feed = read('{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "a\nb\x01"}]}')
    assert feed.entries[0].title == "a b"
