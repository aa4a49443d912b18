"""Where a frame's time goes on this hardware: percentiles per stage, inside and outside the models."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.faces import Frame
from edge_fer.errors import CameraError
from edge_fer.hardware import rss_bytes, temperature_c
from edge_fer.pipeline.pipeline import Pipeline
from edge_fer.pipeline.timings import Timings

TOLERANCE = 1.3
"""Factor, in either direction, beyond which a figure is flagged against a reference.

Source: the two-sided 30 % of Coral's benchmark references; one board varies by less from day to day.
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds per frame."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class HardwareInfo:
    """The machine that the figures were measured on.

    Attributes:
        governor: CPU frequency governor of the first core; None where the system has none.
        temperature_c: Of the processor at the end of the measurement; None where the system does not report it.
    """

    cpu: str
    cores: int
    machine: str
    governor: str | None
    temperature_c: float | None


@dataclass(frozen=True, slots=True)
class BenchReport:
    """One measurement.

    Attributes:
        stages: Stage → time; stages that do not run in a frame count as 0 there.
        total: The whole pipeline.
        invoke: Inside the models.
        outside: The rest: our own code.
        outside_share: Of the mean frame.
        faces_per_s: Faces observed per second of work.
    """

    hardware: HardwareInfo
    frames: int
    stages: Mapping[str, Spread]
    total: Spread
    invoke: Spread
    outside: Spread
    outside_share: float
    mean_ms: float
    faces_per_s: float
    rss_mb: float


def measure(pipeline: Pipeline, frames: Iterable[Frame]) -> BenchReport:
    """Run frames through a pipeline and report. The first frame, which plans and allocates, does not count.

    Raises:
        CameraError: Fewer than two frames.
        InferenceError: A model failed.
    """
    timings: list[Timings] = []
    faces = 0
    for frame in frames:
        observations = pipeline.process(frame)
        faces += sum(each.track.detection is not None for each in observations) if timings else 0
        timings.append(pipeline.timings)
    if len(timings) < 2:
        raise CameraError(
            f"a measurement needs two frames or more, got {len(timings)}", "use a longer video, or more --frames"
        )
    timings = timings[1:]
    total_s = np.array([timing.total_s for timing in timings])
    invoke_s = np.array([timing.invoke_s for timing in timings])
    return BenchReport(
        hardware=hardware_info(),
        frames=len(timings),
        stages={name: _spread(np.array([timing.stages[name] for timing in timings])) for name in timings[0].stages},
        total=_spread(total_s),
        invoke=_spread(invoke_s),
        outside=_spread(total_s - invoke_s),
        outside_share=float((total_s - invoke_s).sum() / total_s.sum()),
        mean_ms=float(total_s.mean() * 1e3),
        faces_per_s=float(faces / total_s.sum()),
        rss_mb=rss_bytes() / 1e6,
    )


def figures(report: BenchReport) -> dict[str, float]:
    """The figures that a reference holds: name → value, in milliseconds or megabytes."""
    spreads = {**report.stages, "total": report.total, "invoke": report.invoke, "outside": report.outside}
    flat = {f"{name}_p50_ms": spread.p50_ms for name, spread in spreads.items()}
    return flat | {"mean_ms": report.mean_ms, "rss_mb": report.rss_mb}


def ratios_to(report: BenchReport, reference: Mapping[str, float]) -> dict[str, float]:
    """Ratios to the reference, of the figures that both have and that are long enough to stand out from noise."""
    now = figures(report)
    return {name: now[name] / value for name, value in reference.items() if name in now and value >= 0.05}


def is_regression(ratio: float) -> bool:
    """Whether a ratio needs attention: slower, or suspiciously faster."""
    return not 1 / TOLERANCE <= ratio <= TOLERANCE


def as_json(report: BenchReport) -> dict[str, object]:
    """The report as JSON values, with the figures that make it a reference."""
    return {**asdict(report), "figures": figures(report)}


def hardware_info(root: Path = Path("/")) -> HardwareInfo:
    """This machine; `root` is where /proc and /sys are found."""
    return HardwareInfo(
        cpu=_cpu(root),
        cores=os.cpu_count() or 1,
        machine=platform.machine(),
        governor=_governor(root),
        temperature_c=temperature_c(root),
    )


def _spread(seconds: NDArray[np.float64]) -> Spread:
    p50, p95 = np.percentile(seconds * 1e3, (50, 95))
    return Spread(float(p50), float(p95))


def _cpu(root: Path) -> str:
    """From the device tree on a Raspberry Pi, from cpuinfo on a PC."""
    try:
        return (root / "proc/device-tree/model").read_text().rstrip("\0\n")
    except OSError:
        pass
    for line in (root / "proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _governor(root: Path) -> str | None:
    try:
        return (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None
