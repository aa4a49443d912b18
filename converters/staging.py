"""Whole files or none: everything is written beside its destination and moved at the end."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_fer.errors import ConversionError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder whose files move to `out` when the block ends without an error; else nothing there changes.

    Between the moves of a model and of its manifest the two do not fit, and the daemon refuses them.

    Raises:
        ConversionError: `out` cannot be written, or the disk is full.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".converting-") as name:
            folder = Path(name)
            yield folder
            for path in sorted(folder.iterdir()):
                path.replace(out / path.name)
    except OSError as error:
        reason = "the disk is full" if error.errno in _FULL else str(error.strerror or error)
        raise ConversionError(
            f"{out}: {reason}", "nothing was changed there; make room or give another --out"
        ) from error
