"""Rows → segments and manifest, reading them back, and proving them whole.

`OutputDirectory` is the writer's side, `read_records` the readers', `verify` the judge's. An output directory holds

    records/date=YYYY-MM-DD/<utc>-<writer>-<first seq>.jsonl                  sealed, never changed again
    records/date=YYYY-MM-DD/<utc>-<writer>-<first seq>_<last seq>.jsonl[.zst]  several of a closed day in one;
                                                        .<edition>.jsonl[.zst]  less what had to be taken down
    manifest/YYYY-MM-DD.jsonl          a line a file, or what became of it, chained by hashes
    latest/<aa>/<id>.json              the newest revision of each article, where it is wanted
    feed.json                          the newest articles as a JSON Feed, where it is wanted
    removed/<which>.keys               what articles were known by whose records were removed
    archive/date=YYYY-MM-DD/<utc>-<number>.warc.gz  the pages as they were fetched, where they are wanted
    schema/record-1.json
    .staging/  .lock                   the writer's alone
    consumers/<name>                   the cursor of a consumer that keeps it here

or is made of shards, shard=00/, shard=01/, …, each of which holds all of that but consumers/.

layout.py     these places;  files.py  what is done to files;  objects.py  … where they are a bucket's objects
lock.py       one process writes;  object_lock.py  … to a bucket
directory.py  what that one process does with a directory;  shards.py  … with several
manifest.py   its lines;  chain.py  … added to;  inventory.py  … come to which files there are;  last.py  … and the last
segment.py    rows → bytes and name;  latest.py, recent.py  … and the newest of them by themselves
compaction.py what is to be done with closed days;  merging.py, packing.py  … and their bytes
takedown.py   files without an article;  removed.py  what the articles were known by that are gone
archive.py    pages as they were fetched;  warc.py  … in their form
reading.py    records for readers, of shards;  reader.py  … of one directory;  follow.py  … as they come
cursors.py    where a reader is;  consumers.py  … kept by name
holding.py    where an article's last record is;  newest.py  the records that came last
verify.py     whether all is as promised:  audit.py  the manifest;  contents.py  files;  pages.py  the archive
revisions.py  … and no record twice;  findings.py  what may be wrong
"""

from worker.output.archive import Archive, has_archive, page_at
from worker.output.compaction import Delete, Drop, Keeping, Merge, Step, is_expiry
from worker.output.consumers import CONSUMERS, commit, committed
from worker.output.cursors import cursor
from worker.output.directory import OutputDirectory, Published
from worker.output.findings import Finding
from worker.output.holding import file_with, record_of
from worker.output.last import last_segment, last_segments, names_segment
from worker.output.lock import locked
from worker.output.manifest import FileLine
from worker.output.newest import newest
from worker.output.reader import Line
from worker.output.reading import is_output, read_lines, read_records
from worker.output.removed import KeysOf, expired_keys, forgotten_keys, kept_out
from worker.output.segment import Row, Segment, line, segment_path
from worker.output.shards import make_shards, shards_in
from worker.output.takedown import ids_at
from worker.output.verify import Report, verify
from worker.output.warc import Page

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
    "Published",
    "Report",
    "Row",
    "Segment",
    "Step",
    "commit",
    "committed",
    "cursor",
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
