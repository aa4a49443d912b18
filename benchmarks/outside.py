"""What lies outside the networks in a searched and in a followed frame, with 1, 4 and 10 moving faces.

    python -m benchmarks.outside [--rounds N]

Detection, tracks and quality alone, on one thread, 640×480 at 15 frames a second; medians. Each frame is copied right
before, so that it lies in the caches like one that a camera has just written.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks import scenes
from edge_fer.arguments import at_least_one
from edge_fer.config import loading
from edge_fer.domain.faces import Frame
from edge_fer.pipeline import building

FACES = (1, 4, 10)

_FPS, _FRAMES = 15, 60
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


@dataclass(frozen=True, slots=True)
class Cost:
    """One frame, in milliseconds.

    Attributes:
        searched: Whether the whole frame was searched, or faces only followed.
        cpu_ms: Processor time of the process.
        total_ms: By the clock.
        invoke_ms: Of that, inside the networks.
    """

    searched: bool
    cpu_ms: float
    total_ms: float
    invoke_ms: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outside", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=at_least_one, default=12, help="times that each clip of 4 s is played, after one"
    )
    arguments = parser.parse_args(argv)
    cv2.setNumThreads(1)
    lines = ["| frame, faces | CPU ms | in networks | outside | share |", "|---|---|---|---|---|"]
    for faces in FACES:
        costs = list(measure(faces, arguments.rounds))
        lines += [row(faces, [cost for cost in costs if cost.searched is searched]) for searched in (True, False)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def measure(faces: int, rounds: int) -> Iterator[Cost]:
    """Every frame of `rounds` rounds over one clip, after one that is not reported."""
    flags = {"models.threads": 1, "identity.enabled": False, "emotion.enabled": False}
    running = building.build(loading.load(None, {**flags, "pipeline.target_fps": 1}))  # a budget that gives nothing up
    clip = [scene.rgb for scene in scenes.moving(scenes.SHIPPED, (640, 480), faces, _FRAMES, seed=0)]
    for seq in range((rounds + 1) * _FRAMES):
        frame = Frame(clip[seq % _FRAMES].copy(), seq, seq / _FPS, _EPOCH)
        searches, cpu_s = running.models[0].invocations, time.process_time()
        running.process(frame)
        cpu_s = time.process_time() - cpu_s
        if seq >= _FRAMES:
            searched, timings = running.models[0].invocations > searches, running.timings
            yield Cost(searched, cpu_s * 1e3, timings.total_s * 1e3, timings.invoke_s * 1e3)


def row(faces: int, costs: Sequence[Cost]) -> str:
    """The medians of frames of one kind; the share is that of the two medians by the clock."""
    outside = float(np.median([cost.total_ms - cost.invoke_ms for cost in costs]))
    cpu, total, invoke = (
        float(np.median([getattr(cost, name) for cost in costs])) for name in ("cpu_ms", "total_ms", "invoke_ms")
    )
    kind = "searched" if costs[0].searched else "followed"
    return f"| {kind}, {faces} | {cpu:.2f} | {invoke:.2f} | {outside:.2f} | {outside / total:.0%} |"


if __name__ == "__main__":
    sys.exit(main())
