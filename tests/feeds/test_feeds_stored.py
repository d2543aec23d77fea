"""How an entry is kept between its poll and its ingestion."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from worker.feeds import decode_entry, encode_entry
from worker.model import Attachment, Author, Entry, Millis

text = st.none() | st.text()
size = st.none() | st.integers(0, 2**53)
entries = st.builds(
    Entry,
    guid=text,
    url=text,
    external_url=text,
    title=text,
    summary=text,
    content=text,
    authors=st.lists(st.builds(Author, name=st.text(), url=text)).map(tuple),
    tags=st.lists(st.text()).map(tuple),
    published=st.none() | st.integers(0, 2**53).map(Millis),
    updated=st.none() | st.integers(0, 2**53).map(Millis),
    language=text,
    image=text,
    attachments=st.lists(
        st.builds(Attachment, url=st.text(), mime_type=st.text(), size_in_bytes=size, duration_in_seconds=size)
    ).map(tuple),
)


@given(entries)
def test_every_entry_comes_back_as_it_was(entry):
    """Types, order and empty strings included."""
    assert decode_entry(encode_entry(entry)) == entry


def test_the_form_is_pinned():
    """What is stored now must be read by every later version."""
    entry = Entry(guid="1", title="é", authors=(Author(name="A"),), tags=("t",), published=Millis(5))
    stored = '{"guid":"1","title":"é","authors":[{"name":"A","url":null}],"tags":["t"],"published":5}'
    assert encode_entry(entry) == stored.encode()
    assert decode_entry(stored.encode()) == entry


def test_other_versions_are_read():
    """A missing key has its default, an unknown one is passed over, on every level."""
    assert decode_entry(b"{}") == Entry()
    stored = {
        "guid": "1",
        "mood": "x",
        "authors": [{"name": "A", "mood": 1}],
        "attachments": [{"url": "u", "mime_type": "a/b", "mood": 1}],
    }
    assert decode_entry(json.dumps(stored).encode()) == Entry(
        guid="1", authors=(Author(name="A"),), attachments=(Attachment(url="u", mime_type="a/b"),)
    )


def test_storing_and_naming_need_no_parser():
    """The main process imports worker.feeds; what parses is loaded where parsing is done."""
    script = (
        "import sys, worker.feeds as f; f.decode_entry(f.encode_entry(f.decode_entry(b'{}')));"
        "assert callable(f.parse); sys.exit(' '.join({'feedparser', 'lxml', 'nh3'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
