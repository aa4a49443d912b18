"""Rates, percentiles and the files of /proc and /sys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.service.health import Health, _percentile


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path, "proc/self/statm", "90000 25600 9000 1 0 30000 0\n")
    return tmp_path


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def feed(health: Health, count: int, *, start_s: float = 100.0, fps: float = 10.0, latency_s: float = 0.05) -> float:
    """Report `count` frames; returns the time of the last one."""
    done_s = start_s
    for number in range(count):
        done_s = start_s + number / fps
        health.frame_done(captured_s=done_s - latency_s, done_s=done_s, faces=2)
    return done_s


def test_before_the_first_frame_nothing_is_invented(root: Path) -> None:
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
    """Half a window after the last frame the rate is half; after a whole one it is zero and latencies are gone."""
    health = Health(window_s=10, root=root)
    last_s = feed(health, 200)
    assert health.report(last_s + 5).fps == pytest.approx(5, rel=0.05)
    silent = health.report(last_s + 11)
    assert (silent.fps, silent.latency_p50_ms, silent.frames) == (0, None, 200)
    assert silent.frame_age_s == pytest.approx(11.05)


def test_the_first_second_does_not_exaggerate(root: Path) -> None:
    """Two frames within a millisecond are not 2000 frames per second."""
    health = Health(root=root)
    feed(health, 2, fps=1000)
    assert health.report(100.001).fps == 2


def test_a_file_played_fast_has_no_negative_latency(root: Path) -> None:
    """Its frames' own times lie ahead of the clock."""
    health = Health(root=root)
    health.frame_done(captured_s=200.0, done_s=100.0, faces=0)
    report = health.report(100.0)
    assert (report.latency_p50_ms, report.frame_age_s) == (0, 0)


def test_a_lost_camera_sees_nobody(root: Path) -> None:
    """Faces go to zero, the count of frames stays."""
    health = Health(root=root)
    feed(health, 3)
    health.camera_lost()
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


def test_memory_is_resident_pages(root: Path) -> None:
    """The second number of statm, in pages; and the real one is believable."""
    assert Health(root=root).report(0).rss_bytes == 25600 * os.sysconf("SC_PAGE_SIZE")
    assert 5e6 < Health().report(0).rss_bytes < 5e9


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ({"thermal_zone0": ("cpu-thermal", "48312")}, 48.312),
        ({"thermal_zone0": ("gpu-thermal", "30000"), "thermal_zone1": ("CPU-therm", "61500")}, 61.5),
        ({"thermal_zone0": ("acpitz", "-5000")}, -5.0),
        ({"thermal_zone0": ("cpu-thermal", "")}, None),
        ({}, None),
    ],
)
def test_temperature_of_the_processor(root: Path, zones: dict[str, tuple[str, str]], expected: float | None) -> None:
    """The Pi's only zone, the Jetson's by name, another machine's first one, and none."""
    for zone, (kind, temperature) in zones.items():
        put(root, f"sys/class/thermal/{zone}/type", kind + "\n")
        put(root, f"sys/class/thermal/{zone}/temp", temperature + "\n")
    assert Health(root=root).report(0).temperature_c == expected


def test_a_sensor_that_is_switched_off_is_no_error(root: Path) -> None:
    """Reading its file fails; here, because it is a folder."""
    put(root, "sys/class/thermal/thermal_zone0/type", "cpu-thermal")
    (root / "sys/class/thermal/thermal_zone0/temp").mkdir()
    assert Health(root=root).report(0).temperature_c is None


@pytest.mark.parametrize(("bits", "expected"), [("0", False), ("50000", False), ("50005", True), ("8", True)])
def test_throttling_counts_only_now(root: Path, bits: str, expected: bool) -> None:
    """The high bits say that it happened since boot."""
    put(root, "sys/devices/platform/soc/soc:firmware/get_throttled", bits + "\n")
    assert Health(root=root).report(0).throttled is expected
