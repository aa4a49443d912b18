"""Keeps one line of LiteRT's out of what a user reads on standard error.

TensorFlow Lite writes it whenever a process allocates its first tensors. Its lowest severity can be set from C++ only
(https://github.com/tensorflow/tensorflow/issues/58050), the wheels export no symbol for that, and TF_CPP_MIN_LOG_LEVEL
does not reach it. So the descriptor is redirected meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOTICE = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"

_STDERR = 2
_LOCK = threading.Lock()  # the descriptor belongs to the whole process: one redirection at a time


@contextmanager
def suppressed() -> Iterator[None]:
    """What is written to descriptor 2 inside the block comes out at its end, without the notice.

    That holds for lines of other threads and for an error in the block. Lost is only what a process writes that dies
    inside the block, or that another thread starts meanwhile.
    """
    with _LOCK:
        try:
            stderr = os.dup(_STDERR)
        except OSError:  # closed, so nobody reads the notice
            yield
            return
        with open(os.memfd_create("stderr"), "w+b") as held:  # noqa: PTH123 - a descriptor, no path
            os.dup2(held.fileno(), _STDERR)
            try:
                yield
            finally:
                os.dup2(stderr, _STDERR)
                os.close(stderr)
                held.seek(0)
                os.write(_STDERR, held.read().replace(NOTICE, b""))
