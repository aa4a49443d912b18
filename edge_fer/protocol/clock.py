"""The wall clock as payloads carry it: timestamps, sortable ids, and whether the clock is synchronized."""

from __future__ import annotations

import ctypes
import functools
import re
import secrets
import time
from datetime import datetime, timezone
from pathlib import Path

_TIMESYNCD_FLAG = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronized."""

TIMESTAMP_PATTERN = r"^(19[7-9]|2[01][0-9])[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
"""ISO 8601 in UTC with milliseconds, from 1970, where a Pi without a clock begins, to 2199."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def iso_utc(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: object) -> datetime:
    """The instant that `iso_utc` wrote.

    Raises:
        ValueError: Another form, or no day of the calendar.
    """
    if not isinstance(text, str) or not re.fullmatch(TIMESTAMP_PATTERN, text):
        raise ValueError("not a time like 2026-11-20T09:14:03.412Z")
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read "Z"


def ulid() -> str:
    """26 characters that sort by time: 48 bits of milliseconds, 80 random bits.

    Four lines instead of a dependency: nothing here parses one, and python-ulid would be one more wheel to pin on five
    Python versions and three architectures.

    Source: https://github.com/ulid/spec
    """
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def clock_synced() -> bool:
    """Whether the wall clock is synchronized.

    The kernel knows (chrony, ntpd, PTP and timesyncd all report to it), but a sandboxed service may not be allowed to
    ask; then only systemd-timesyncd's flag file remains, and without it the answer is no.
    """
    if _TIMESYNCD_FLAG.exists():
        return True
    timex = ctypes.create_string_buffer(512)  # struct timex has 208 bytes; all zero means: change nothing
    state: int = _libc().adjtimex(timex)
    return 0 <= state < _TIME_ERROR


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)  # 30 µs, and every event asks
