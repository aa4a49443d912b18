"""The wall clock as payloads carry it: timestamps, sortable ids, and whether it can be believed."""

from __future__ import annotations

import ctypes
import secrets
import time
from datetime import datetime, timezone
from pathlib import Path

_TIMESYNCD_FLAG = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronized."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def iso_utc(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ulid() -> str:
    """26 characters that sort by time: 48 bits of milliseconds, 80 random bits.

    Four lines instead of a dependency: nothing here parses one, and python-ulid would be one more wheel to pin on five
    Python versions and three architectures.

    Source: https://github.com/ulid/spec
    """
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def clock_synced() -> bool:
    """Whether something keeps the wall clock right.

    The kernel knows (chrony, ntpd, PTP and timesyncd all tell it), but a sandboxed service may not be allowed to ask;
    then only systemd-timesyncd's flag file remains, and without it the answer is no.
    """
    if _TIMESYNCD_FLAG.exists():
        return True
    timex = ctypes.create_string_buffer(512)  # struct timex has 208 bytes; all zero means: change nothing
    state: int = ctypes.CDLL(None).adjtimex(timex)
    return 0 <= state < _TIME_ERROR
