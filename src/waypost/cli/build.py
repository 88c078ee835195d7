"""``waypost codes build``: the reference as a folder of pages that any web server can serve. Knows no page."""

from __future__ import annotations

from pathlib import Path

from waypost.cli import output
from waypost.cli.exits import Exit, FailureError, UsageError


def build(directory: str, *, url: str, json_wanted: bool) -> int:
    """Write the pages."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - most uses of `waypost codes` need neither

    from waypost.web.reference.building import build as written  # noqa: PLC0415 - likewise

    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise UsageError(f"--url {url} is no address of a site: write it like https://codes.example.org")
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise FailureError(f"{directory} is a file: name a folder", Exit.CANNOT_CREATE)
    try:
        pages = written(folder, url=url)
    except OSError as error:
        raise FailureError(f"{error.filename or directory}: {error.strerror or error}", Exit.CANNOT_CREATE) from error
    if json_wanted:
        output.json_out({"directory": directory, "pages": pages})
    else:
        output.line(f"{pages} pages in {directory}; begin at {folder / 'index.html'}")
    return Exit.OK
