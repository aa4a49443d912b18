"""What /proc and /sys say about this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_fer import hardware


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_memory_is_resident_pages(tmp_path: Path) -> None:
    """The second number of statm, in pages; and that of this process is plausible."""
    write(tmp_path, "proc/self/statm", "90000 25600 9000 1 0 30000 0\n")
    assert hardware.rss_bytes(tmp_path) == 25600 * os.sysconf("SC_PAGE_SIZE")
    assert 5e6 < hardware.rss_bytes() < 5e9


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
def test_temperature_of_the_processor(
    tmp_path: Path, zones: dict[str, tuple[str, str]], expected: float | None
) -> None:
    """A Raspberry Pi's only zone, a Jetson's by name, another machine's first one, and none."""
    for zone, (kind, temperature) in zones.items():
        write(tmp_path, f"sys/class/thermal/{zone}/type", kind + "\n")
        write(tmp_path, f"sys/class/thermal/{zone}/temp", temperature + "\n")
    assert hardware.temperature_c(tmp_path) == expected


def test_a_sensor_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    """As one that is switched off; here, its file is a folder."""
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal")
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").mkdir()
    assert hardware.temperature_c(tmp_path) is None


@pytest.mark.parametrize(("bits", "expected"), [("0", False), ("50000", False), ("50005", True), ("8", True)])
def test_throttling_counts_only_now(tmp_path: Path, bits: str, expected: bool) -> None:
    """The high bits say that it happened since boot."""
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", bits + "\n")
    assert hardware.throttled(tmp_path) is expected


def test_other_boards_do_not_report_throttling(tmp_path: Path) -> None:
    """Which is not the same as not throttled."""
    assert hardware.throttled(tmp_path) is None
