"""Rows → segments and manifest, and reading them back.

`OutputDirectory` is the writer's side, `read_records` the readers'. An output directory holds

    records/date=YYYY-MM-DD/<utc>-<writer>-<first seq>.jsonl    sealed, never changed again
    manifest/YYYY-MM-DD.jsonl                                   a line a segment, chained by hashes
    schema/record-1.json
    .staging/                                                   the writer's alone
"""

from worker.output.directory import OutputDirectory, Published
from worker.output.last import last_segment, names_segment
from worker.output.manifest import ManifestLine
from worker.output.reading import cursor, read_records
from worker.output.segment import Row, Segment, line, segment_path

__all__ = [
    "ManifestLine",
    "OutputDirectory",
    "Published",
    "Row",
    "Segment",
    "cursor",
    "last_segment",
    "line",
    "names_segment",
    "read_records",
    "segment_path",
]
