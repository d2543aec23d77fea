"""An output directory of ten million records: `python -m tests.benchmarks.manifest [SEGMENTS]` prints how long it takes
to open, to find a cursor and to plan.

The manifest is whole: a line for each segment of a thousand records, a hundred segments a day, each merged once it is
over. Of the records only those files are made that are read.

    10,000,000 records, 10,000 segments, a manifest of 4.6 MB

                                                       ms   CPU ms
    the writer opens it                              24.7      2.5
    the record after one in segment 10,000            3.1      3.1
    the record after one in segment 5,001            61.2     24.6
    the record after one in segment 1               363.4     49.7
    a new segment is published                      269.5     29.3
    what is to be compacted                         801.5    146.0
    verify --quick                                 2935.4    423.0

(With seven others at work on two processors: the CPU's column is the one to go by.)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from tests.output.conftest import DAY_MS, START, make_row
from worker.model import Millis
from worker.output import Keeping, OutputDirectory, Segment, cursor, read_records, segment_path, verify
from worker.output.manifest.manifest import FileLine, ManifestLine, encode
from worker.output.segment import line as record_line
from worker.output.segment import merged_path
from worker.record import SCHEMA, Record, rfc3339

RECORDS = 1000
"""Of a segment."""
A_DAY = 100
WRITER = "w1"
T = TypeVar("T")


def segment_of(number: int) -> tuple[str, int, Millis]:
    """Path, first seq and time of one."""
    day, place = divmod(number, A_DAY)
    at = Millis(START + (day - 200) * DAY_MS + place * 60_000)
    first = 1 + number * RECORDS
    return segment_path(at=at, date=rfc3339(at)[:10], writer=WRITER, first_seq=first), first, at


def made(number: int) -> Segment:
    path, first, _ = segment_of(number)
    rows = tuple(make_row(seq, f"text {seq}", id=seq) for seq in range(first, first + RECORDS))
    return Segment(path=path, writer=WRITER, first_seq=first, rows=rows)


def lines(count: int) -> Iterator[tuple[str, FileLine]]:
    """The manifest's lines but for their chain, each with the day of its file."""
    for number in range(count):
        path, first, at = segment_of(number)
        yield rfc3339(at)[:10], file_line("segment", path, first, RECORDS, at)
        if number % A_DAY == A_DAY - 1 and number < count - 1:
            paths = [segment_of(n)[0] for n in range(number - A_DAY + 1, number + 1)]
            begin = segment_of(number - A_DAY + 1)[1]
            merged = merged_path(paths[0], first + RECORDS - 1, pack=False)
            records = A_DAY * RECORDS
            yield rfc3339(at)[:10], file_line("replace", merged, begin, records, at, drops=tuple(paths))


def file_line(kind: str, path: str, first: int, records: int, at: Millis, drops: tuple[str, ...] = ()) -> FileLine:
    return FileLine(
        kind="replace" if kind == "replace" else "segment",
        path=path,
        records=records,
        bytes=records * 600,
        sha256="0" * 64,
        first_seq=first,
        last_seq=first + records - 1,
        writer=WRITER,
        schema=SCHEMA,
        sealed_at=rfc3339(Millis(at // 1000 * 1000)),
        drops=drops,
        prev="",
    )


def write(out: Path, count: int) -> None:
    OutputDirectory.open(out, schema=b"{}")
    prev, file, opened = "", "", None
    for day, line in lines(count):
        if day != file:
            if opened is not None:
                opened.close()
            file, opened = day, (out / "manifest" / f"{day}.jsonl").open("wb")
        assert opened is not None
        chained: ManifestLine = FileLine(**{**{name: getattr(line, name) for name in FileLine.__slots__}, "prev": prev})
        raw = encode(chained)
        prev = sha256(raw).hexdigest()
        opened.write(raw + b"\n")
    if opened is not None:
        opened.close()


def first_after(out: Path, number: int) -> Record:
    """By the cursor of a record in the middle of that segment, which is there as it was before it was merged."""
    segment = made(number)
    path = out / segment.path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(record_line(row, WRITER) for row in segment.rows))
    seq = segment.first_seq + RECORDS // 2
    known = {"_ingest": {"writer": WRITER, "seq": seq}}
    since = cursor(known)  # type: ignore[arg-type]
    found = measured(f"the record after one in segment {number + 1:,}", lambda: next(read_records(out, since)))
    assert found["_ingest"]["seq"] == seq + 1
    return found


def measured(what: str, call: Callable[[], T]) -> T:
    wall, cpu = perf_counter(), process_time()
    result = call()
    print(f"    {what:44}{(perf_counter() - wall) * 1000:9.1f}{(process_time() - cpu) * 1000:9.1f}")  # noqa: T201
    return result


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        write(out, count)
        size = sum(path.stat().st_size for path in (out / "manifest").iterdir())
        print(f"    {count * RECORDS:,} records, {count:,} segments, a manifest of {size / 1e6:.1f} MB\n")  # noqa: T201
        print(f"    {'':44}{'ms':>9}{'CPU ms':>9}")  # noqa: T201
        directory = measured("the writer opens it", lambda: OutputDirectory.open(out, schema=b"{}"))
        for number in (count - 1, count // 2, 0):
            first_after(out, number)
        measured("a new segment is published", lambda: directory.publish(made(count)))
        keeping = Keeping(merge=True, pack=False, grace_ms=3_600_000, keep_ms=None)
        now = Millis(segment_of(count)[2])
        measured("what is to be compacted", lambda: directory.due(keeping, now=now))
        measured("verify --quick", lambda: verify(out, quick=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
