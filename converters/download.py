"""Fetch a published weights file: with a progress bar, resumed where it was cut, whole or not at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from rich.progress import DownloadColumn, TransferSpeedColumn

from converters.progress import bar
from edge_fer.errors import SourceError
from edge_fer.tflite.manifest import sha256_of

_PIECE = 1 << 18
_TIMEOUT_S = 30.0


def fetch(url: str, path: Path) -> str:
    """Download to `path` and give its sha256; a file that is there already is kept.

    What arrives is written to ``path.part``, which a later call resumes; it becomes `path` when it is whole.

    Raises:
        SourceError: No such file there, no connection, or the connection broke; says how much is here.
    """
    if not path.is_file():
        part = path.with_name(path.name + ".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        _fetch_part(url, part)
        part.replace(path)
    return sha256_of(path)


def _fetch_part(url: str, part: Path) -> None:
    here = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={here}-"} if here else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
            total = _total(answer, here if resumed else 0)
            _receive(answer, part, total, append=resumed)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # the part is longer than the file
            part.unlink()
            raise SourceError(f"{url}: what was here is not a part of it", "run the same command again") from error
        raise SourceError(f"{url}: the server says {error.code} {error.reason}", _by_hand(url)) from error
    except (OSError, http.client.HTTPException) as error:
        got = part.stat().st_size if part.exists() else 0
        raise SourceError(
            f"{url}: the connection failed after {got:,} bytes: {error}", "run the same command again to resume"
        ) from error
    got = part.stat().st_size
    if total is not None and got != total:
        raise SourceError(
            f"{url}: {got:,} bytes arrived, {total:,} were announced", "run the same command again to resume"
        )


def _total(answer: Any, here: int) -> int | None:
    length = answer.headers.get("Content-Length")
    return None if length is None else here + int(length)


def _receive(answer: Any, part: Path, total: int | None, *, append: bool) -> None:
    with part.open("ab" if append else "wb") as file, bar(DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(part.stem, total=total, completed=file.tell())
        while piece := answer.read(_PIECE):
            file.write(piece)
            progress.advance(task, len(piece))


def _by_hand(url: str) -> str:
    return f"look for {url.rsplit('/', 1)[-1]} by hand and give it as a file"
