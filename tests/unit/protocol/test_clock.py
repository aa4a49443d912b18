"""Times and ids as they go over the wire, and whether the clock is synchronized."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.protocol import clock
from edge_fer.protocol.clock import iso_utc, parse_timestamp, ulid


@given(at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.timezones()))
def test_times_are_utc_with_milliseconds(at: datetime) -> None:
    """Whatever zone the clock is in."""
    text = iso_utc(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert timedelta(0) <= at - datetime.fromisoformat(text.replace("Z", "+00:00")) < timedelta(milliseconds=1)


@given(at=st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(timezone.utc)))
def test_a_time_comes_back(at: datetime) -> None:
    """To the millisecond."""
    assert parse_timestamp(iso_utc(at)) == at.replace(microsecond=at.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2026-11-20T09:14:03Z",
            "2026-11-20 09:14:03.412Z",
            "2026-11-20T09:14:03.412+01:00",
            " 2026-11-20T09:14:03.412Z",
        ),
        *(
            "2026-02-30T09:14:03.412Z",
            "2026-11-20T25:14:03.412Z",
            "0001-01-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
        ),
        *("2026-11-20T09:14:03.412Z\n", "٢٠٢٦-11-20T09:14:03.412Z", "", 1763630043, None),
    ],
)
def test_a_time_of_another_form_is_refused(text: object) -> None:
    """One form only; no day that the calendar does not have, and no year that a local time could not be made of."""
    with pytest.raises(ValueError, match=r"time like|day|hour"):
        parse_timestamp(text)


def test_ulids_are_unique_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """26 Crockford digits; the time comes first. Source of the example: the specification."""
    assert len({ulid() for _ in range(1000)}) == 1000
    monkeypatch.setattr("time.time_ns", lambda: 1469918176385 * 1_000_000)
    assert ulid().startswith("01ARYZ6S41")
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", ulid())


def test_the_clock_is_synced_when_timesyncd_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The flag file alone is enough: a sandbox may forbid to ask the kernel."""
    flag = tmp_path / "synchronized"
    monkeypatch.setattr(clock, "_TIMESYNCD_FLAG", flag)
    assert isinstance(clock.clock_synced(), bool)
    flag.touch()
    assert clock.clock_synced() is True


@pytest.mark.parametrize(("answer", "synced"), [(0, True), (1, True), (5, False), (-1, False)])
def test_the_kernel_knows_whether_the_clock_is_synced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, answer: int, synced: bool
) -> None:
    """TIME_ERROR is 5; −1 is a sandbox that forbids to ask."""

    class Libc:
        def adjtimex(self, timex: object) -> int:
            return answer

    monkeypatch.setattr(clock, "_TIMESYNCD_FLAG", tmp_path / "absent")
    monkeypatch.setattr(clock, "_libc", Libc)
    assert clock.clock_synced() is synced
