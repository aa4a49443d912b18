"""The figures of a benchmark: what is measured, compared and flagged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_fer.diagnostics import bench
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.pipeline.timings import Timings


class FakePipeline:
    """Claims the given milliseconds for each frame, half of them inside the models, and sees no faces."""

    def __init__(self, *totals_ms: float) -> None:
        self._totals_ms = iter(totals_ms)
        self.timings = Timings()

    def process(self, _frame: Frame) -> tuple[()]:
        total_s = next(self._totals_ms) / 1000
        self.timings = Timings(total_s=total_s, invoke_s=total_s / 2)
        self.timings.stages["detect"] = total_s
        return ()


def frames(count: int) -> Iterator[Frame]:
    for seq in range(count):
        yield Frame(np.zeros((4, 4, 3), np.uint8), seq, seq / 10, datetime.now(timezone.utc))


def measured(*totals_ms: float) -> bench.BenchReport:
    pipeline: Any = FakePipeline(*totals_ms)
    return bench.measure(pipeline, frames(len(totals_ms)))


def test_the_first_frame_does_not_count() -> None:
    """It plans and allocates; the medians are those of the other frames."""
    report = measured(1000, 4, 4, 6)
    assert report.frames == 3
    assert report.total.p50_ms == pytest.approx(4)
    assert report.mean_ms == pytest.approx(14 / 3)
    assert report.stages["detect"].p50_ms == pytest.approx(4)


def test_the_time_outside_the_models() -> None:
    """Total minus invoke, and its share of the mean frame."""
    report = measured(0, 4, 8)
    assert report.outside.p50_ms == pytest.approx(3)
    assert report.outside_share == pytest.approx(0.5)


def test_one_frame_is_not_a_measurement() -> None:
    """An error, instead of a division by zero."""
    with pytest.raises(CameraError, match="two frames or more, got 1"):
        measured(5)


def test_a_report_is_its_own_reference() -> None:
    """All ratios are 1; times too short to compare are left out."""
    report = measured(0, 4, 8)
    ratios = bench.ratios_to(report, bench.figures(report))
    assert ratios
    assert all(ratio == pytest.approx(1) for ratio in ratios.values())
    assert "track_p50_ms" not in ratios  # 0 ms


@pytest.mark.parametrize(("ratio", "flagged"), [(1.0, False), (1.29, False), (0.78, False), (1.31, True), (0.7, True)])
def test_figures_are_flagged_in_both_directions(ratio: float, flagged: bool) -> None:
    """Slower is a regression, much faster is a failed measurement."""
    assert bench.is_regression(ratio) is flagged


def test_json_has_what_a_reference_needs() -> None:
    """The figures, and the machine that they were measured on."""
    stored = bench.as_json(measured(0, 4, 8))
    assert stored["figures"] == bench.figures(measured(0, 4, 8)) | {"rss_mb": pytest.approx(stored["rss_mb"], rel=0.5)}
    stored_hardware: Any = stored["hardware"]
    assert set(stored_hardware) == {"cpu", "cores", "machine", "governor", "temperature_c"}


def test_the_hardware_of_a_raspberry_pi(tmp_path: Path) -> None:
    """Model from the device tree, CPU governor and temperature."""
    for name, text in {
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "61234\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    hardware = bench.hardware_info(tmp_path)
    assert (hardware.cpu, hardware.governor, hardware.temperature_c) == (
        "Raspberry Pi 5 Model B Rev 1.0",
        "ondemand",
        61.234,
    )


def test_the_hardware_of_a_pc(tmp_path: Path) -> None:
    """Its processor; governor and temperature may be unknown."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast Chip 9\n")
    hardware = bench.hardware_info(tmp_path)
    assert (hardware.cpu, hardware.governor, hardware.temperature_c) == ("Fast Chip 9", None, None)
