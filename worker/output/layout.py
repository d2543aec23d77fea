"""The folders of an output directory, besides the manifest."""

RECORDS, SCHEMAS, STAGING, LATEST = "records", "schema", ".staging", "latest"
