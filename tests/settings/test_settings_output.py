"""`output`: where records go, and what does not go together."""

from __future__ import annotations

import pytest

from tests.settings.configs import Config
from worker.model import ObjectPath


def test_a_bucket_is_a_place(config: Config) -> None:
    """Not a folder beside the file."""
    place = config.write(worker="output: {dir: 's3://some-bucket/a/b'}").load().output.dir
    assert isinstance(place, ObjectPath)
    assert (str(place), place.bucket, place.key) == ("s3://some-bucket/a/b", "some-bucket", "a/b")
    assert (place / "x").parent == place


@pytest.mark.parametrize("place", ["s3://", "s3://UPPER/x", "s3:bucket", "s3://b/x//y", "s3://user@bucket/x"])
def test_what_is_no_bucket_is_refused(config: Config, place: str) -> None:
    (found,) = config.write(worker=f"output: {{dir: '{place}'}}").complaints()
    assert "output.dir: expected the path of a folder, or s3://BUCKET/PREFIX" in found


@pytest.mark.parametrize("shards", ["0", "257", "auto", "1.5"])
def test_shards_are_bounded(config: Config, shards: str) -> None:
    (found,) = config.write(worker=f"output: {{shards: {shards}}}").complaints()
    assert "output.shards: expected a whole number from 1 to 256" in found


@pytest.mark.parametrize(
    ("worker", "complaint"),
    [
        ("output: {archive: warc, shards: 2}", "expected shards: 1 where archive is set"),
        ("output: {archive: warc, dir: 's3://bucket'}", "expected a folder as dir where archive is set"),
        (
            "state: postgresql://h/db\noutput: {archive: warc}",
            "expected no archive where several workers share the state",
        ),
    ],
)
def test_an_archive_is_one_process_s(config: Config, worker: str, complaint: str) -> None:
    """Its pages are added to files by who fetches them."""
    (found,) = config.write(worker=worker).complaints()
    assert complaint in found
