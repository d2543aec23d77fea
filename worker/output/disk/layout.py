"""The places in an output directory, besides the manifest."""

RECORDS, SCHEMAS, STAGING, LATEST, ARCHIVE = "records", "schema", ".staging", "latest", "archive"
FEED, REMOVED = "feed.json", "removed"


def latest_path(id: str) -> str:
    """Of the file that has the newest revision of an article."""
    return f"{LATEST}/{id[:2]}/{id}.json"
