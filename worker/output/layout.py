"""The folders of an output directory, besides the manifest."""

RECORDS, SCHEMAS, STAGING = "records", "schema", ".staging"
