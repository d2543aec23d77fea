"""Rows → segments and manifest; reading them back; checking that they are whole.

`OutputDirectory` is the writer's side, `read_records` the readers', `verify` the auditor's. An output directory holds

    records/date=YYYY-MM-DD/<utc>-<writer>-<first seq>.jsonl                  sealed, never changed again
    records/date=YYYY-MM-DD/<utc>-<writer>-<first seq>_<last seq>.jsonl[.zst]  several of a closed day, merged;
                                                        .<edition>.jsonl[.zst]  without what had to be taken down
    manifest/YYYY-MM-DD.jsonl          one line for each file, and for what became of it, chained by hashes
    latest/<aa>/<id>.json              the newest revision of each article, if wanted
    feed.json                          the newest articles as a JSON Feed, if wanted
    removed/<which>.keys               the keys of articles whose records were removed
    archive/date=YYYY-MM-DD/<utc>-<number>.warc.gz  the pages as they were fetched, if wanted
    schema/record-1.json
    .staging/  .lock                   for the writer only
    consumers/<name>                   the cursor of a consumer that keeps it here

or consists of shards, shard=00/, shard=01/, …, each of which holds all of that except consumers/.

verifying/   checks that a directory keeps these promises
writing/     what the one writing process does: publish, merge, take down
reading/     records for readers, and how far each has come
shards.py    a directory that several processes write to, each to its own part
manifest/    its lines, and which files exist according to them
archive.py   pages as they were fetched;  warc.py  their format
segment.py   rows → bytes and name
disk/        paths, files and locks, on a file system or in a bucket

Imports point down this list, as they do among the rooms of `worker`.
"""

from worker.output.archive import Archive, has_archive, page_at
from worker.output.disk.lock import locked
from worker.output.manifest.last import last_segment, last_segments, names_segment
from worker.output.manifest.manifest import FileLine
from worker.output.reading.consumers import CONSUMERS, commit, committed
from worker.output.reading.cursors import cursor
from worker.output.reading.holding import file_with, ids_at, record_of
from worker.output.reading.newest import newest
from worker.output.reading.reader import Line
from worker.output.reading.records import is_output, read_lines, read_records
from worker.output.segment import Row, Segment, date_of, line, segment_path
from worker.output.shards import make_shards, shards_in
from worker.output.verifying.findings import Finding
from worker.output.verifying.verify import Report, verify
from worker.output.warc import Page
from worker.output.writing.compaction import Delete, Drop, Keeping, Merge, Step, is_expiry
from worker.output.writing.directory import OutputDirectory
from worker.output.writing.removed import KeysOf, expired_keys, forgotten_keys, kept_out

__all__ = [
    "CONSUMERS",
    "Archive",
    "Delete",
    "Drop",
    "FileLine",
    "Finding",
    "Keeping",
    "KeysOf",
    "Line",
    "Merge",
    "OutputDirectory",
    "Page",
    "Report",
    "Row",
    "Segment",
    "Step",
    "commit",
    "committed",
    "cursor",
    "date_of",
    "expired_keys",
    "file_with",
    "forgotten_keys",
    "has_archive",
    "ids_at",
    "is_expiry",
    "is_output",
    "kept_out",
    "last_segment",
    "last_segments",
    "line",
    "locked",
    "make_shards",
    "names_segment",
    "newest",
    "page_at",
    "read_lines",
    "read_records",
    "record_of",
    "segment_path",
    "shards_in",
    "verify",
]
