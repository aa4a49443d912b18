"""The figures of a benchmark: what is summed, what is ratios_to, what is flagged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_fer.cli import main
from edge_fer.diagnostics import bench
from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.pipeline.pipeline import Timings


class ScriptedPipeline:
    """Takes the given milliseconds for each frame, half of them inside the models, and sees nobody."""

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
    scripted: Any = ScriptedPipeline(*totals_ms)
    return bench.measure(scripted, frames(len(totals_ms)))


def test_the_first_frame_does_not_count() -> None:
    """It plans and allocates; the medians are those of the rest."""
    report = measured(1000, 4, 4, 6)
    assert report.frames == 3
    assert report.total.p50_ms == pytest.approx(4)
    assert report.mean_ms == pytest.approx(14 / 3)
    assert report.stages["detect"].p50_ms == pytest.approx(4)


def test_what_is_not_inside_the_models_is_ours() -> None:
    """Total less invoke, as share of the mean frame."""
    report = measured(0, 4, 8)
    assert report.outside.p50_ms == pytest.approx(3)
    assert report.outside_share == pytest.approx(0.5)


def test_one_frame_is_no_measurement() -> None:
    """Said, instead of dividing by zero."""
    with pytest.raises(CameraError, match="two frames or more, got 1"):
        measured(5)


def test_a_report_is_its_own_reference() -> None:
    """All ratios are one; what is too short to time is left out."""
    report = measured(0, 4, 8)
    ratios = bench.ratios_to(report, bench.figures(report))
    assert ratios
    assert all(ratio == pytest.approx(1) for ratio in ratios.values())
    assert "track_p50_ms" not in ratios  # 0 ms


@pytest.mark.parametrize(("ratio", "flagged"), [(1.0, False), (1.29, False), (0.78, False), (1.31, True), (0.7, True)])
def test_the_flag_has_two_sides(ratio: float, flagged: bool) -> None:
    """Slower is a loss, much faster is a measurement that went wrong."""
    assert bench.is_regression(ratio) is flagged


def test_json_holds_what_a_reference_needs() -> None:
    """Flat figures and the board that they were taken on."""
    stored = bench.as_json(measured(0, 4, 8))
    assert stored["figures"] == bench.figures(measured(0, 4, 8)) | {"rss_mb": pytest.approx(stored["rss_mb"], rel=0.5)}
    stored_hardware: Any = stored["hardware"]
    assert set(stored_hardware) == {"cpu", "cores", "machine", "governor", "temperature_c"}


def test_a_pi_is_called_by_its_name(tmp_path: Path) -> None:
    """The device tree's model, the governor and the temperature, where the system tells them."""
    for name, text in {
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "61234\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    board = bench.hardware_info(tmp_path)
    assert (board.cpu, board.governor, board.temperature_c) == ("Raspberry Pi 5 Model B Rev 1.0", "ondemand", 61.234)


def test_a_pc_is_called_by_its_processor(tmp_path: Path) -> None:
    """And says that it knows neither governor nor temperature."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast Chip 9\n")
    board = bench.hardware_info(tmp_path)
    assert (board.cpu, board.governor, board.temperature_c) == ("Fast Chip 9", None, None)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [(["--json", "nowhere/x.json"], 78, "cannot be written"), (["--frames", "1"], 74, "two frames or more")],
)
def test_the_verb_tells_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    """One line and the exit code, not a traceback."""
    for number in range(3):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 80, 3), np.uint8))
    assert main(["bench", "--source", str(tmp_path), *arguments]) == code
    assert told in capsys.readouterr().err
