"""How the cost of a search grows with faces, frame size and smallest face, and the floor under it by arithmetic.

    python -m benchmarks.scaling [--json FILE] [--plot FILE.png]

All points are measured in turn, round by round, and the reported medians are of processor time: on a busy machine, too,
that is what a core of one's own would take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks import ROOT, floor, scenes
from benchmarks.peers import environments
from edge_fer.arguments import at_least_one
from edge_fer.config.schema import DEFAULT_MODELS, DetectorConfig
from edge_fer.vision.mtcnn import Mtcnn

_SWEEPS: dict[str, tuple[tuple[scenes.Size, int, int], ...]] = {
    "faces": tuple(((1280, 720), 40, faces) for faces in (1, 2, 4, 7, 10, 15, 20, 30)),
    "frame width px": tuple(
        ((width, height), 40, 4) for width, height in ((320, 240), (640, 480), (960, 540), (1280, 720), (1920, 1080))
    ),
    "min face px": tuple(((640, 480), min_face, 4) for min_face in (20, 24, 30, 40, 50, 60)),
}
"""What is varied → frame size, smallest face, faces."""


@dataclass(frozen=True, slots=True)
class Point:
    """One setting, and what a search costs there; times in milliseconds of processor time.

    Attributes:
        varied: What changes from point to point.
        at: Its value.
        invoke_ms: Inside the networks.
        floor_ms: Of the arithmetic, see `floor`.
        crops: Network's name → crops in one search.
    """

    varied: str
    at: int
    width_px: int
    height_px: int
    min_face_px: int
    faces: int
    found: int
    median_ms: float
    p95_ms: float
    invoke_ms: float
    floor_ms: float
    crops: dict[str, int]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least_one, default=15)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="draw the results here, a .png")
    arguments = parser.parse_args(argv)
    cv2.setNumThreads(1)
    peak = floor.peak()
    points = measure(peak, arguments.rounds)
    _say(f"One thread reaches {peak}.\n")
    for varied in _SWEEPS:
        _say(table([point for point in points if point.varied == varied]) + "\n")
    results = {"peak": asdict(peak), "points": [asdict(point) for point in points]}
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if arguments.plot:
        command = [str(environments.ensure("plot", _say)), "-m", "benchmarks.scaling_plot", str(arguments.plot)]
        subprocess.run(command, input=json.dumps(results), text=True, check=True, cwd=ROOT)
    return 0


def measure(peak: floor.Peak, rounds: int) -> tuple[Point, ...]:
    """Every point, in `rounds` rounds over all of them after one that warms up."""
    trials = tuple(_trials())
    for _ in range(rounds):
        for trial in trials:
            trial.run()
    return tuple(trial.point(peak) for trial in trials)


def table(points: Sequence[Point]) -> str:
    """A Markdown table of one sweep."""
    first = points[0]
    fixed = {
        "frame width px": f"min face {first.min_face_px}, {first.faces} faces",
        "min face px": f"{first.width_px}×{first.height_px}, {first.faces} faces",
        "faces": f"{first.width_px}×{first.height_px}, min face {first.min_face_px}",
    }[first.varied]
    lines = [
        f"**{first.varied}** ({fixed})",
        "",
        f"| {first.varied} | CPU ms | p95 | in networks | floor | × floor | R-Net crops | O-Net crops | found |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for point in points:
        times = f"{point.median_ms:.2f} | {point.p95_ms:.2f} | {point.invoke_ms:.2f} | {point.floor_ms:.2f}"
        crops = " | ".join(str(point.crops.get(name, 0)) for name in ("mtcnn-rnet", "mtcnn-onet"))
        ratio = point.median_ms / point.floor_ms
        lines.append(f"| {point.at} | {times} | {ratio:.1f} | {crops} | {point.found} of {point.faces} |")
    return "\n".join(lines)


class _Trial:
    """One setting with a detector of its own, whose buffers so stay as they are."""

    def __init__(self, varied: str, size: scenes.Size, min_face_px: int, faces: int) -> None:
        self._key = (varied, *size, min_face_px, faces)
        self._scene = scenes.still(scenes.SHIPPED, size, faces, seed=0)
        self._detector = Mtcnn(DEFAULT_MODELS, DetectorConfig(min_face_px=min_face_px))
        with floor.counting() as self._work:
            self._found = len(self._detector.detect(self._scene.rgb))
        self._cpu_s: list[float] = []
        self._outside_s: list[float] = []

    def run(self) -> None:
        """Search once unmeasured, since the plans of so many frame sizes are not all kept, and once measured."""
        self._detector.detect(self._scene.rgb)
        invoke_s = self._invoke_s()
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        self._detector.detect(self._scene.rgb)
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        self._cpu_s.append(cpu_s)
        self._outside_s.append(cpu_s * (1 - (self._invoke_s() - invoke_s) / wall_s))

    def point(self, peak: floor.Peak) -> Point:
        varied, width, height, min_face, faces = self._key
        at = {"faces": faces, "frame width px": width, "min face px": min_face}[varied]
        median_ms = float(np.median(self._cpu_s)) * 1e3
        return Point(
            *(varied, at, width, height, min_face, faces, self._found, median_ms),
            p95_ms=float(np.percentile(self._cpu_s, 95)) * 1e3,
            invoke_ms=median_ms - float(np.median(self._outside_s)) * 1e3,
            floor_ms=self._work.floor_ms(peak),
            crops=self._work.crops,
        )

    def _invoke_s(self) -> float:
        return sum(model.invoke_s for model in self._detector.models)


def _trials() -> Iterator[_Trial]:
    for varied, settings in _SWEEPS.items():
        for size, min_face_px, faces in settings:
            yield _Trial(varied, size, min_face_px, faces)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
