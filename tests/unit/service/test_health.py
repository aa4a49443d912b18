"""The health report: frame rate, latency, load and hardware."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.domain.health import LoadReport
from edge_fer.service.health import Health, _percentile

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path, "proc/self/statm", "90000 25600 9000 1 0 30000 0\n")
    return tmp_path


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def feed(health: Health, count: int, *, start_s: float = 100.0, fps: float = 10.0, latency_s: float = 0.05) -> float:
    """Record `count` frames; returns the time of the last one."""
    done_s = start_s
    for number in range(count):
        done_s = start_s + number / fps
        health.record_frame(captured_s=done_s - latency_s, done_s=done_s, faces=2)
    return done_s


def test_before_the_first_frame_figures_are_missing(root: Path) -> None:
    """No rate, no latency, no age."""
    report = Health(root=root).report(50.0)
    assert (report.fps, report.latency_p50_ms, report.latency_p95_ms, report.frame_age_s) == (0, None, None, None)
    assert (report.frames, report.faces, report.temperature_c, report.throttled) == (0, 0, None, None)


def test_rate_and_latency_of_a_steady_camera(root: Path) -> None:
    """20 s at 10 frames per second with 50 ms each."""
    health = Health(root=root)
    last_s = feed(health, 200)
    report = health.report(last_s)
    assert report.fps == pytest.approx(10, rel=0.02)
    assert report.latency_p50_ms == pytest.approx(50)
    assert report.latency_p95_ms == pytest.approx(50)
    assert (report.frames, report.faces) == (200, 2)
    assert report.frame_age_s == pytest.approx(0.05)


def test_the_rate_falls_when_frames_stop(root: Path) -> None:
    """Half a window after the last frame to half; after a whole one it is zero, and latencies are gone."""
    health = Health(window_s=10, root=root)
    last_s = feed(health, 200)
    assert health.report(last_s + 5).fps == pytest.approx(5, rel=0.05)
    later = health.report(last_s + 11)
    assert (later.fps, later.latency_p50_ms, later.frames) == (0, None, 200)
    assert later.frame_age_s == pytest.approx(11.05)


def test_the_rate_of_the_first_second_is_not_exaggerated(root: Path) -> None:
    """Two frames within a millisecond are 2 frames per second, not 2000."""
    health = Health(root=root)
    feed(health, 2, fps=1000)
    assert health.report(100.001).fps == 2


def test_a_file_played_fast_has_no_negative_latency(root: Path) -> None:
    """Its frames' own times are ahead of the clock."""
    health = Health(root=root)
    health.record_frame(captured_s=200.0, done_s=100.0, faces=0)
    report = health.report(100.0)
    assert (report.latency_p50_ms, report.frame_age_s) == (0, 0)


def test_a_lost_camera_sees_no_faces(root: Path) -> None:
    """The count of frames stays."""
    health = Health(root=root)
    feed(health, 3)
    health.record_camera_lost()
    assert (health.report(101.0).faces, health.report(101.0).frames) == (0, 3)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_are_values_in_order(values: list[float]) -> None:
    """Nearest rank: median ≤ p95, both among the values, and at least half are not above the median."""
    values.sort()
    p50, p95 = _percentile(values, 0.5), _percentile(values, 0.95)
    assert p50 is not None
    assert p95 is not None
    assert p50 in values
    assert p95 in values
    assert p50 <= p95
    assert sum(value <= p50 for value in values) * 2 >= len(values)


def test_hardware_is_in_the_report(root: Path) -> None:
    """Memory, temperature and throttling, as tests/unit/test_hardware.py has them in detail."""
    put(root, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    put(root, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(root, THROTTLED, "5\n")
    report = Health(root=root).report(0)
    assert (report.temperature_c, report.throttled) == (48.312, True)
    assert report.rss_bytes == 25600 * os.sysconf("SC_PAGE_SIZE")


def test_throttling_is_looked_up_every_five_seconds(root: Path) -> None:
    """Cheap enough to ask for every frame; a board that does not report it is not throttled."""
    health = Health(root=root)
    assert not health.is_throttled(100.0)
    put(root, THROTTLED, "5\n")
    assert not health.is_throttled(104.9)
    assert health.is_throttled(105.0)
    put(root, THROTTLED, "50000\n")
    assert health.is_throttled(109.9)
    assert not health.is_throttled(110.0)


def test_the_load_of_the_last_frame_is_in_the_report(root: Path) -> None:
    """With the warnings."""
    health = Health(root=root)
    health.record_load(LoadReport(("newcomers are looked for half as often",), 0.4), ("all sad",))
    report = health.report(0)
    assert report.degradations == ("newcomers are looked for half as often",)
    assert (report.emotion_age_s, report.warnings) == (0.4, ("all sad",))
