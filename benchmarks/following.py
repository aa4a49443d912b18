"""What following faces between searches loses and saves, against searching every frame.

    python -m benchmarks.following VIDEO...

For each video and search interval: the share of faces of every-frame searching that are there too (IoU ≥ 0.5), how well
the boxes agree, how far landmarks lie apart in units of the face's side, visits, and milliseconds a frame.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_fer.arguments import at_least_one
from edge_fer.config import loading
from edge_fer.domain.faces import Detection, TrackState
from edge_fer.pipeline import building
from edge_fer.sources import opening
from edge_fer.vision import boxes

INTERVALS_S = (0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Run:
    """Detections of confirmed tracks in each frame, ids of the visits, mean milliseconds a frame."""

    frames: list[list[Detection]]
    visits: set[int]
    mean_ms: float
    invoke_ms: float


def run(video: Path, search_interval_s: float, min_face_px: int) -> Run:
    """The detector and tracker alone, on one thread."""
    settings = loading.load(
        None,
        {
            "camera.source": str(video),
            "camera.pace": "fast",
            "identity.enabled": False,
            "emotion.enabled": False,
            "models.threads": 1,
            "detector.min_face_px": min_face_px,
            "detector.search_interval_s": search_interval_s,
            "pipeline.target_fps": 0.1,
        },
    )
    stages, source = building.build(settings), opening.open_source(settings.camera)
    frames: list[list[Detection]] = []
    visits: set[int] = set()
    total_s: list[float] = []
    invoke_s: list[float] = []
    for frame in iter(source.read, None):
        seen = [face.track for face in stages.process(frame) if face.track.state is TrackState.CONFIRMED]
        frames.append([track.detection for track in seen if track.detection])
        visits |= {track.track_id for track in seen}
        total_s.append(stages.timings.total_s)
        invoke_s.append(stages.timings.invoke_s)
    source.close()
    return Run(frames, visits, float(np.mean(total_s) * 1e3), float(np.mean(invoke_s) * 1e3))


def compare(searched: Run, followed: Run) -> str:
    """One line: recall, agreement, cost."""
    ious: list[float] = []
    apart: list[float] = []
    wanted = sum(map(len, searched.frames))
    for a, b in zip(searched.frames, followed.frames, strict=True):
        if not (a and b):
            continue
        overlap = boxes.iou_matrix(np.stack([face.box.xyxy() for face in a]), np.stack([face.box.xyxy() for face in b]))
        for index in np.flatnonzero(overlap.max(axis=1) >= 0.5):
            other = b[int(overlap[index].argmax())]
            side = np.sqrt(a[index].box.width * a[index].box.height)
            ious.append(float(overlap[index].max()))
            apart.append(
                float(np.linalg.norm(a[index].landmarks.array() - other.landmarks.array(), axis=1).mean() / side)
            )
    return (
        f"recall {len(ious) / wanted:.4f} of {wanted}, IoU mean {np.mean(ious):.3f} p5 {np.percentile(ious, 5):.3f}, "
        f"landmarks {np.mean(apart):.4f} of a face apart, visits {len(searched.visits)} -> {len(followed.visits)}, "
        f"{searched.mean_ms:.2f} -> {followed.mean_ms:.2f} ms "
        f"({searched.invoke_ms:.2f} -> {followed.invoke_ms:.2f} in models)"
    )


def main() -> int:
    """Print a line for each video and interval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--min-face-px", type=at_least_one, default=24)
    args = parser.parse_args()
    for video in args.videos:
        searched = run(video, 0.0, args.min_face_px)
        for interval_s in INTERVALS_S:
            line = compare(searched, run(video, interval_s, args.min_face_px))
            sys.stdout.write(f"{video.name}, every {interval_s} s: {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
