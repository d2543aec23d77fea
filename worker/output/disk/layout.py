"""Names of files and folders in an output directory, except the manifest's."""

RECORDS, SCHEMAS, STAGING, LATEST, ARCHIVE = "records", "schema", ".staging", "latest", "archive"
FEED, REMOVED = "feed.json", "removed"


def latest_path(id: str) -> str:
    """The path of the file with the newest revision of an article."""
    return f"{LATEST}/{id[:2]}/{id}.json"
