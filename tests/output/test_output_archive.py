"""The archive of pages, read by warcio and gzip as by its own reader, on disks that fail and after crashes."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio import ArchiveIterator

from tests.output.conftest import DAY_MS, START, make_segments
from tests.output.disk import Disk, calls_of, cut_off
from worker.errors import OutputError
from worker.model import Millis, Validators
from worker.output import Archive, OutputDirectory, Page, locked, page_at, verify, warc
from worker.record import Raw

BAD = 0xBAD


def made(id: int, *, at: int = START, size: int = 3000) -> Page:
    """A page whose text no other has; the same for the same arguments."""
    text = random.Random(id).randbytes(size).hex()
    return Page(
        record_id=f"{id:032x}",
        url=f"https://a.example/{id}?q=%C3%A9",
        status=200,
        content_type="text/html; charset=utf-8",
        validators=Validators(etag='"1"', last_modified="Mon, 23 Nov 2026 04:05:06 GMT"),
        fetched_at=Millis(at + id % 1000),
        body=f"<p>page {id}</p>{text}".encode(),
    )


def opened(out: Path, file_bytes: int = 100_000_000) -> Archive:
    OutputDirectory.open(out, schema=b"{}")
    return Archive.open(out, software="feedmill/1", file_bytes=file_bytes)


def added(archive: Archive, page: Page) -> Raw:
    raw = archive.add(page)
    assert raw is not None
    return raw


def warcs(out: Path) -> list[Path]:
    return sorted((out / "archive").glob("date=*/*.warc.gz"))


def kinds(path: Path) -> list[tuple[str, str | None]]:
    """Type and URL of each record of a file, by a reader that is not ours, digests checked."""
    with path.open("rb") as file:
        found = []
        for record in ArchiveIterator(file, check_digests="raise"):
            record.content_stream().read()
            found.append((record.rec_type, record.rec_headers.get_header("WARC-Target-URI")))
        return found


def assert_held(out: Path, held: dict[int, Raw]) -> None:
    """Each is where it was said to be, and every file is what others take for WARC."""
    for id, raw in held.items():
        assert page_at(out, raw) == made(id)
    assert {url for path in warcs(out) for _, url in kinds(path)} >= {made(id).url for id in held}


def test_a_page_is_written_as_others_read_it(out: Path) -> None:
    """WARC 1.1: what the file is, then the response with its headers, digests, address and date."""
    page = made(1)
    raw = added(opened(out), page)
    (path,) = warcs(out)
    assert raw["file"] == path.relative_to(out).as_posix() == "archive/date=2026-11-23/20261123T040506Z-00001.warc.gz"
    with path.open("rb") as file:
        info, response = ((record, record.content_stream().read()) for record in ArchiveIterator(file))
    assert b"software: feedmill/1\r\nformat: WARC File Format 1.1\r\n" in info[1]
    assert info[0].rec_headers.get_header("WARC-Filename") == path.name
    headers = response[0].rec_headers
    assert (headers.protocol, response[0].rec_type, response[1]) == ("WARC/1.1", "response", page.body)
    assert headers.get_header("WARC-Date") == "2026-11-23T04:05:06.001Z"
    assert headers.get_header("WARC-Target-URI") == page.url
    assert headers.get_header("WARC-Record-ID").startswith("<urn:uuid:")
    assert headers.get_header("WARC-Payload-Digest").startswith("sha1:")
    assert response[0].http_headers.get_statuscode() == "200"
    assert response[0].http_headers.get_header("ETag") == '"1"'
    with path.open("rb") as file:
        file.seek(raw["offset"])
        alone = io.BytesIO(file.read(raw["length"]))
    assert [record.rec_headers.get_header("WARC-Target-URI") for record in ArchiveIterator(alone)] == [page.url]


PAGES = st.builds(
    Page,
    record_id=st.just("0" * 32),
    url=st.sampled_from(["http://a/", "https://example.org/" + "x" * 3000]),
    status=st.sampled_from([200, 203, 299]),
    content_type=st.none() | st.text('abc/;="\r\n\0 ', max_size=20),
    validators=st.builds(Validators, etag=st.none() | st.just('"x"')),
    fetched_at=st.just(Millis(START)),
    body=st.binary(max_size=200),
)


@given(PAGES)
def test_any_page_comes_back_and_can_be_blanked_in_its_place(page: Page) -> None:
    """However small it is; what would break the headers' lines does not."""
    member = warc.response(page)
    read = warc.page(member)
    assert read is not None
    assert replace(read, content_type=None) == replace(page, content_type=None)
    assert warc.head(member[: warc.HEAD]) == warc.Head(length=len(member), record_id=page.record_id)
    blank = warc.blank(member)
    assert len(blank) == len(member)
    assert warc.page(blank) is None
    assert warc.head(blank[: warc.HEAD]) == warc.Head(length=len(member), record_id=None)
    assert [record.rec_type for record in ArchiveIterator(io.BytesIO(blank))] == ["metadata"]


def test_files_are_begun_anew_when_full_and_each_day(out: Path) -> None:
    """And gone on with by the next process until then."""
    held = {}
    for id in range(7):
        archive = opened(out, file_bytes=10_000)
        held[id] = added(archive, made(id))
    assert [len(kinds(path)) for path in warcs(out)] == [4, 4, 2]  # the first of each says what it is
    later = added(archive, made(7, at=START + DAY_MS))
    assert later["file"] == "archive/date=2026-11-24/20261124T040506Z-00001.warc.gz"
    assert_held(out, held)


def test_all_is_on_disk_before_anyone_is_told(out: Path) -> None:
    """The bytes and every name that leads to them; by the next process again, which can't know how far the last one
    came."""
    disk = Disk()
    archive = opened(out)
    with disk.mounted():
        added(archive, made(1))
        added(archive, made(2))
    (path,) = warcs(out)
    names = ["date=2026-11-23", "archive", "out"]
    assert disk.synced == [path.name, *names, path.name]
    again = Disk()
    with again.mounted():
        Archive.open(out, software="feedmill/1")
    assert again.synced == [path.name, *names]


def test_threads_may_add_at_once(out: Path) -> None:
    """Each page is whole, where it is said to be."""
    archive = opened(out, file_bytes=50_000)
    with ThreadPoolExecutor(8) as pool:
        raws = list(pool.map(lambda id: added(archive, made(id)), range(60)))
    assert_held(out, dict(enumerate(raws)))


@pytest.mark.parametrize("left", [1, 9, 400, 3000], ids=lambda left: f"{left} bytes of it")
def test_what_a_crash_left_half_written_is_cut_off(out: Path, left: int) -> None:
    """The rest stays where it is, and the file is gone on with."""
    archive = opened(out)
    held = {id: added(archive, made(id)) for id in range(3)}
    torn = held.pop(2)
    (path,) = warcs(out)
    path.write_bytes(path.read_bytes()[: torn["offset"] + left])
    again = opened(out)
    assert path.stat().st_size == torn["offset"]
    held[3] = added(again, made(3))
    assert held[3]["offset"] == torn["offset"]
    assert_held(out, held)


def test_a_file_of_which_nothing_was_written_whole_is_removed(out: Path) -> None:
    """As is one whose last page has its length but not its bytes, cut: no file system promises more."""
    raw = added(opened(out), made(1))
    (path,) = warcs(out)
    path.write_bytes(path.read_bytes()[: raw["offset"] + 100] + bytes(raw["length"] - 100))
    opened(out)
    assert path.stat().st_size == raw["offset"]
    path.write_bytes(path.read_bytes()[:100])
    opened(out)
    assert warcs(out) == []


def test_a_damaged_file_is_left_as_it_is(out: Path) -> None:
    """What is behind the damage may be whole. Nothing is added to it, and a takedown says that it can't be sure."""
    archive = opened(out)
    held = {id: added(archive, made(id)) for id in range(3)}
    (path,) = warcs(out)
    data = bytearray(path.read_bytes())
    data[held[1]["offset"]] ^= 1
    path.write_bytes(data)
    again = opened(out)
    assert path.read_bytes() == data
    assert added(again, made(3))["file"] != held[0]["file"]
    assert page_at(out, held[2]) == made(2)
    with pytest.raises(OutputError, match="can't be unpacked"):
        page_at(out, held[1])
    with pytest.raises(OutputError, match=f"damaged at byte {held[1]['offset']}"):
        again.forget(made(0).record_id)
    assert page_at(out, held[0]) is None


def filled(out: Path) -> tuple[Archive, dict[int, Raw], list[Raw]]:
    """An archive of three files with pages of the article `BAD` in two of them: its others, and those."""
    archive = opened(out, file_bytes=20_000)
    held, bad = {}, []
    for id in range(12):
        held[id] = added(archive, made(id))
        if id in (1, 2, 11):
            bad.append(added(archive, made(BAD)))
    assert len(warcs(out)) == 3
    return archive, held, bad


def is_there(out: Path) -> bool:
    """Whether any of its text or its address is in any file, unpacked or as it lies there."""
    page = made(BAD)
    for path in out.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data += gzip.decompress(data) if path.suffix == ".gz" else b""
            if page.body[:20] in data or page.url.encode() in data or page.record_id.encode() in data:
                return True
    return False


def test_a_takedown_leaves_no_trace_and_all_others_where_they_were(out: Path) -> None:
    """The member that held it is as long as it was, and empty."""
    archive, held, bad = filled(out)
    sizes = [path.stat().st_size for path in warcs(out)]
    assert is_there(out)
    assert archive.forget(made(BAD).record_id) == 3
    assert not is_there(out)
    assert [path.stat().st_size for path in warcs(out)] == sizes
    assert [page_at(out, raw) for raw in bad] == [None, None, None]
    assert_held(out, held)
    assert archive.forget(made(BAD).record_id) == 0
    held[12] = added(archive, made(12))
    assert_held(out, held)


def test_a_page_that_was_being_fetched_comes_too_late(out: Path) -> None:
    """It is not kept when its article was taken down meanwhile."""
    archive, _, _ = filled(out)
    archive.forget(made(BAD).record_id)
    assert archive.add(made(BAD)) is None
    assert not is_there(out)


FAILURES = ["fails once", "full from here", "done, but says it failed", "gone from here"]


@pytest.mark.parametrize("failure", FAILURES)
def test_what_can_not_be_written_is_not_there(tmp_path: Path, failure: str) -> None:
    """Whatever call fails, in a new file or one that is gone on with: what was told is held, and the next page is."""
    for begun in (0, 2):
        first = opened(tmp_path / f"try{begun}")
        for id in range(begun):
            first.add(made(id))
        for at in range(1, len(calls_of(lambda first=first: first.add(made(50)))) + 1):  # type: ignore[misc]
            out = tmp_path / f"{begun}-{at}"
            archive = opened(out)
            held = {id: added(archive, made(id)) for id in range(begun)}
            failed = False
            with Disk(failure, at).mounted():
                try:
                    held[50] = added(archive, made(50))
                except OutputError:
                    failed = True
            # What is only of later writes, and a folder above that is there after all, need not matter.
            assert failed or failure in ("full from here", "done, but says it failed")
            held[51] = added(archive, made(51))
            assert_held(out, held)
            assert sum(len(kinds(path)) for path in warcs(out)) == len(held) + 1
            held[52] = added(opened(out), made(52))
            assert_held(out, held)


@pytest.mark.parametrize("begun", [0, 2], ids=["a new file", "one that is gone on with"])
def test_adding_may_be_killed_at_any_instant(tmp_path: Path, begun: int) -> None:
    """What was told before is where it was; what is left of the page is cut off, and the next one is added."""
    archive = opened(tmp_path / "try")
    for id in range(begun):
        added(archive, made(id))
    count = len(calls_of(lambda: archive.add(made(50))))
    for at in range(1, count + 1):
        out = tmp_path / str(at)
        archive = opened(out)
        held = {id: added(archive, made(id)) for id in range(begun)}
        cut_off(lambda archive=archive: archive.add(made(50)), "killed", at)
        held[51] = added(opened(out), made(51))
        assert_held(out, held)


def test_a_takedown_may_be_killed_at_any_instant(tmp_path: Path) -> None:
    """All others are where they were, before it is done again and after."""
    archive, _, _ = filled(tmp_path / "try")
    id = made(BAD).record_id
    count = len(calls_of(lambda: archive.forget(id)))
    assert count >= 8
    for at in range(1, count + 1):
        out = tmp_path / str(at)
        archive, held, _ = filled(out)
        cut_off(lambda archive=archive: archive.forget(id), "killed", at)
        assert_held(out, held)
        opened(out).forget(id)
        assert not is_there(out)
        assert_held(out, held)
        assert verify(out).is_sound


def test_days_go_when_they_are_past(out: Path) -> None:
    """With output.keep; one day later than the records, which may be of the day after their page."""
    archive = opened(out)
    raws = [added(archive, made(day, at=START + day * DAY_MS)) for day in range(4)]
    archive.expire(now=Millis(START + 4 * DAY_MS), keep_ms=DAY_MS)
    assert [page_at(out, raw) is None for raw in raws] == [True, False, False, False]
    assert not (out / "archive/date=2026-11-23").exists()


@pytest.mark.parametrize("file", ["../x.warc.gz", "/etc/passwd", "archive/date=2026-11-23/../../x-00001.warc.gz"])
def test_a_pointer_leads_nowhere_else(out: Path, file: str) -> None:
    """Records may have been written by others."""
    with pytest.raises(OutputError, match="no file of an archive"):
        page_at(out, {"file": file, "offset": 0, "length": 10})


def test_no_page_is_kept_in_an_empty_mount_point(out: Path) -> None:
    """It would be out of sight when the directory is mounted again, and its record would point to nothing."""
    archive = opened(out)
    added(archive, made(1))
    out.rename(out.with_name("elsewhere"))
    out.mkdir()
    with pytest.raises(OutputError, match="is it not mounted"):
        archive.add(made(2))
    assert [*out.iterdir()] == []
    out.rmdir()
    out.with_name("elsewhere").rename(out)
    assert_held(out, {2: added(archive, made(2))})


def test_without_the_extra_it_says_what_to_install(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and not with the first page; where pages are only to be taken down, when there is one."""
    archive, _, _ = filled(out)
    monkeypatch.setitem(sys.modules, "warcio", None)
    with pytest.raises(OutputError, match=r"pip install 'feedmill\[archive\]'"):
        opened(out)
    archive = Archive.open(out, software="feedmill/1", adding=False)
    assert archive.forget("0" * 31 + "f") == 0
    with pytest.raises(OutputError, match=r"pip install 'feedmill\[archive\]'"):
        archive.forget(made(BAD).record_id)


# --- verify -------------------------------------------------------------------------------------------------------


def pointing(out: Path, held: Sequence[tuple[Page, Raw]]) -> None:
    """A segment with a record for each page."""
    rows = []
    (segment,) = make_segments(1, records=len(held))
    for row, (page, raw) in zip(segment.rows, held, strict=True):
        body = json.loads(row.body)
        body["id"] = page.record_id
        body["_ingest"] |= {"raw": raw, "final_url": page.url}
        rows.append(replace(row, body=json.dumps(body).encode()))
    OutputDirectory.open(out, schema=b"{}").publish(replace(segment, rows=tuple(rows)))


@pytest.fixture
def pointed(out: Path) -> list[Raw]:
    """Three records that point to their pages, in two files of the archive."""
    archive = opened(out, file_bytes=5_000)
    held = [(made(id), added(archive, made(id))) for id in range(3)]
    assert [raw["file"][-13:] for _, raw in held] == ["00001.warc.gz", "00001.warc.gz", "00002.warc.gz"]
    pointing(out, held)
    return [raw for _, raw in held]


def test_verify_reads_the_page_of_each_record(out: Path, pointed: list[Raw]) -> None:
    """And counts them; --quick reads none."""
    report = verify(out)
    assert (report.is_sound, report.records, report.pages) == (True, 3, 3)
    assert verify(out, quick=True).pages == 0


def overwritten(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def exchanged(out: Path, raw: Raw, page: Page) -> None:
    """Another page in the place of one, as long as that."""
    content = gzip.decompress(warc.response(page))
    overwritten(out / raw["file"], raw["offset"], warc.packed(content, raw["length"]))


def of_other_words(out: Path, raw: Raw) -> None:
    """The page with its last words changed, packed as it should be; only its digests tell."""
    content = gzip.decompress(page_bytes(out, raw))
    content = content.rstrip()[:-100] + b"0" * 100 + b"\r\n\r\n"  # zeros are packed into less
    overwritten(out / raw["file"], raw["offset"], warc.packed(content, raw["length"]))


def page_bytes(out: Path, raw: Raw) -> bytes:
    return (out / raw["file"]).read_bytes()[raw["offset"] :][: raw["length"]]


SEGMENT = "records/date=2026-11-23/20261123T040506Z-w1-000000000001.jsonl"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda out, raw: (out / raw["file"]).unlink(),
            [rf"archive/.*-00001\.warc\.gz: missing, though records point there; the first is {SEGMENT}:1"],
            id="a file gone",
        ),
        pytest.param(
            lambda out, raw: overwritten(out / raw["file"], raw["offset"] + 500, b"xyz"),
            [rf"{SEGMENT}:2: its page, archive/.*-00001\.warc\.gz, byte \d+: it can't be unpacked"],
            id="bytes of a page",
        ),
        pytest.param(of_other_words, [rf"{SEGMENT}:2: .*: its digest is wrong: .*"], id="its words"),
        pytest.param(
            lambda out, raw: exchanged(out, raw, replace(made(1), record_id="0" * 31 + "f", body=b"")),
            [rf"{SEGMENT}:2: .*: it is of article 0+f"],
            id="another article's",
        ),
        pytest.param(
            lambda out, raw: exchanged(out, raw, replace(made(1), url="https://b.example/", body=b"")),
            [rf"{SEGMENT}:2: .*: it is of https://b\.example/, the record of https://a\.example/1\?q=%C3%A9"],
            id="another page's",
        ),
        pytest.param(
            lambda out, raw: overwritten(out / raw["file"], raw["offset"], warc.blank(page_bytes(out, raw))),
            [rf"{SEGMENT}:2: .*: it was taken down, and the record was not"],
            id="taken down by half",
        ),
        pytest.param(
            lambda out, raw: overwritten(out / raw["file"], raw["offset"], bytes(60)),
            [
                rf"{SEGMENT}:2: .*: no member of \d+ bytes is there",
                r"archive/.*-00001\.warc\.gz: damaged at byte \d+: no page begins there",
            ],
            id="the head of a page",
        ),
        pytest.param(
            lambda out, _: (out / "archive/notes.txt").touch(),
            [r"archive/notes\.txt: not a file of feedmill's"],
            id="a file too many",
        ),
    ],
)
def test_verify_says_which_page_is_wrong(
    out: Path, pointed: list[Raw], spoil: Callable[[Path, Raw], object], said: list[str]
) -> None:
    """Of the second record's page; where, and in what way. Nothing of it is for --repair."""
    spoil(out, pointed[1])
    for repair in (False, True):
        findings = [str(finding) for finding in verify(out, repair=repair).findings]
        assert [re.fullmatch(pattern, text) is not None for pattern, text in zip(said, findings, strict=True)] == [
            True
        ] * len(said), findings


def test_a_pointer_out_of_the_archive_is_said_to_be_one(out: Path) -> None:
    """And not followed."""
    opened(out)
    pointing(out, [(made(0), {"file": "schema/record-1.json", "offset": 0, "length": 2})])
    (finding,) = verify(out).findings
    assert finding.message == "its page, schema/record-1.json, byte 0: that is no file of an archive"


@pytest.mark.parametrize("left", [5, 0], ids=["half a page", "half of the first"])
def test_what_a_crash_left_of_a_page_is_for_repair(out: Path, pointed: list[Raw], left: int) -> None:
    """It is cut off, as the next start would do it; beside a worker it is in that one's hand."""
    last = out / pointed[2]["file"]
    if left:
        whole = last.read_bytes()
        last.write_bytes(whole + warc.response(made(3))[:500])
    else:
        last = last.with_name("20261123T040507Z-00003.warc.gz")
        last.write_bytes(warc.description(name=last.name, software="x", at=Millis(START))[:50])
    with locked(out):
        assert verify(out).is_sound
    (finding,) = verify(out).findings
    assert (finding.file, finding.message) == (
        last.relative_to(out).as_posix(),
        "the file ends in the middle of a page",
    )
    report = verify(out, repair=True)
    assert (report.is_sound, len(report.mended)) == (True, 1)
    assert (last.read_bytes() == whole) if left else not last.exists()


def test_pages_can_not_be_verified_without_the_extra(
    out: Path, pointed: list[Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install, before hours are spent; --quick needs it not."""
    monkeypatch.setitem(sys.modules, "warcio", None)
    with pytest.raises(OutputError, match=r"pip install 'feedmill\[archive\]'"):
        verify(out)
    assert verify(out, quick=True).is_sound


def test_days_do_not_go_back_with_the_clock(out: Path) -> None:
    """Those of records do not, and pages must not go before what points to them; the file begun last is the last."""
    archive = opened(out, file_bytes=10_000)
    raws = [added(archive, made(id, at=START + days * DAY_MS)) for id, days in enumerate((9, 9, 9, 0, 0, 0))]
    assert {raw["file"].split("/")[1] for raw in raws} == {"date=2026-12-02"}
    last = out / raws[-1]["file"]
    assert last.name < max(path.name for path in warcs(out))
    last.write_bytes(last.read_bytes()[:-9])
    raws[-1] = added(opened(out), made(5))
    assert out / raws[-1]["file"] == last
    assert [kept and kept.body for kept in (page_at(out, raw) for raw in raws)] == [made(id).body for id in range(6)]


@pytest.mark.parametrize("gone", ["file", "day", "archive", "rest of the file"])
def test_what_somebody_else_did_to_the_newest_file_misleads_nobody(out: Path, gone: str) -> None:
    """Moved away, say, or cut off under the process that writes: a page is where its record says all the same."""
    archive = opened(out)
    added(archive, made(1))
    (path,) = warcs(out)
    match gone:
        case "file":
            path.unlink()
        case "day":
            path.parent.rename(out.parent / "day")
        case "archive":
            path.parents[1].rename(out.parent / "archive")
        case _:
            os.truncate(path, 700)
    for id in (2, 3):
        assert page_at(out, added(archive, made(id))) == made(id)


def test_no_directory_is_made_in_the_place_of_one_that_is_gone(out: Path) -> None:
    """It would be in the way of the right one, which is perhaps not mounted."""
    archive = opened(out)
    out.rename(out.parent / "moved")
    with pytest.raises(OutputError, match="was it removed, moved, or is it not mounted"):
        archive.add(made(1))
    assert not out.exists()
    (out.parent / "moved").rename(out)
    assert page_at(out, added(archive, made(1))) == made(1)
