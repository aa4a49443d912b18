"""A crowd at a real pace: is the frame rate held, how old are frames and emotions, what is given up?

    python -m benchmarks.crowd [--faces 30] [--size 1920x1080] [--fps 15] [--budget 0.7] [--seconds 25]

The pipeline alone on one thread per model, fed as the daemon feeds it: always the newest frame, older ones are dropped.
The people are the portraits that ship, swaying, as in the other benchmarks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from benchmarks import scenes
from edge_fer.arguments import above_zero, at_least_one
from edge_fer.config import loading
from edge_fer.domain.faces import Frame, Observation, TrackState
from edge_fer.errors import EdgeFerError
from edge_fer.pipeline import building
from edge_fer.pipeline.load_shedding import STEPS

_SETTLED_S = 3.0
"""Emotions' ages count from here on: everybody has come in."""


@dataclass
class Series:
    """What was seen, frame by frame."""

    age_s: list[float] = field(default_factory=list)
    work_s: list[float] = field(default_factory=list)
    emotion_age_s: list[float] = field(default_factory=list)
    last: tuple[Observation, ...] = ()


def newest(clip: Sequence[scenes.Scene], fps: float, seconds: float) -> Iterator[Frame]:
    """Frames as a camera's latest-frame slot gives them: each at its time, none twice, the newest first."""
    begun_s, given = time.monotonic(), -1
    while (now_s := time.monotonic() - begun_s) < seconds:
        number = int(now_s * fps)
        if number == given:
            time.sleep(0.001)
            continue
        given = number
        rgb = clip[number % len(clip)].rgb.copy()
        yield Frame(rgb, number, begun_s + number / fps, datetime.now(timezone.utc))


def main() -> int:
    """Print one account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=at_least_one, default=30)
    parser.add_argument("--size", type=scenes.frame_size, default=(1920, 1080), metavar="WxH")
    parser.add_argument("--fps", type=above_zero, default=15)
    parser.add_argument("--budget", type=above_zero, default=0.7)
    parser.add_argument("--seconds", type=above_zero, default=25)
    args = parser.parse_args()
    try:
        series, degradations = watched(args)
    except EdgeFerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    _tell(series, args, degradations)
    return int(np.percentile(series.age_s, 95) > 2 / args.fps)


def watched(args: argparse.Namespace) -> tuple[Series, tuple[str, ...]]:
    """What was seen of the crowd, and the steps given up in the end.

    Raises:
        ConfigError: The pace or the budget is out of bounds.
    """
    nobody = str(Path("build/crowd-gallery.npz"))
    flags = {"pipeline.target_fps": args.fps, "pipeline.cpu_budget": args.budget, "identity.gallery": nobody}
    stages = building.build(loading.load(None, {**flags, "models.threads": 1}))
    clip = list(scenes.moving(scenes.SHIPPED, args.size, args.faces, max(1, round(args.fps * 4)), seed=1))
    series = Series()
    for frame in newest(clip, args.fps, args.seconds):
        series.last = stages.process(frame)
        series.age_s.append(time.monotonic() - frame.captured_s)
        series.work_s.append(stages.timings.total_s)
        if frame.seq > _SETTLED_S * args.fps:
            series.emotion_age_s.append(stages.load.emotion_age_s)
    return series, stages.load.degradations


def _tell(series: Series, args: argparse.Namespace, degradations: tuple[str, ...]) -> None:
    present = [seen for seen in series.last if seen.track.state is TrackState.CONFIRMED]
    felt = sum(bool(seen.emotion.scores) for seen in present)
    work_ms, age_ms = (np.percentile(values, (50, 95)) * 1e3 for values in (series.work_s, series.age_s))
    size, pace = "x".join(map(str, args.size)), len(series.age_s) / args.seconds
    ages = series.emotion_age_s
    oldest = f"p95 {np.percentile(ages, 95):.2f} s" if ages else f"not looked at before {_SETTLED_S:.0f} s"
    sys.stdout.write(
        f"{args.faces} faces, {size}, {pace:.1f} of {args.fps:g} frames a second\n"
        f"  work a frame    p50 {work_ms[0]:.1f} ms, p95 {work_ms[1]:.1f} ms\n"
        f"  frame age       p50 {age_ms[0]:.0f} ms, p95 {age_ms[1]:.0f} ms; two intervals are {2e3 / args.fps:.0f} ms\n"
        f"  faces followed  {len(present)}, {felt} of them with emotions\n"
        f"  oldest emotion  {oldest}\n"
        f"  given up        {degradations[0] if degradations else 'nothing'} (of {len(STEPS) - 1} steps)\n"
    )


if __name__ == "__main__":
    sys.exit(main())
