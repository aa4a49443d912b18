"""How much the smoothing calms the labels, and what delay it costs.

    python -m benchmarks.flicker VIDEO...

For each video, the pipeline classifies every face in every frame. "Raw" is the best label of each single
classification; "reported" is what the pipeline gives, abstentions included. Changes are counted per minute of presence.
The delay is that of a face whose expression changes suddenly from one to another of the videos' typical distributions.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_fer.config import loading
from edge_fer.config.schema import Config
from edge_fer.domain.faces import EmotionState, TrackState
from edge_fer.emotion.classifier import CONFIDENCE, EmotionClassifier
from edge_fer.emotion.smoother import EmotionHistory, EmotionSmoother
from edge_fer.pipeline import building
from edge_fer.sources import opening
from edge_fer.tflite.model import Model

Scores = NDArray[np.float32]


def watch(settings: Config, reasons: Counter[str]) -> tuple[float, dict[int, list[Scores]], dict[int, list[str]]]:
    """Seconds of presence, and for each track the single classifications and the labels reported; counts `reasons`."""
    stages = building.build(settings)
    classifier = EmotionClassifier(
        Model(settings.models.dir / settings.models.emotion, threads=settings.models.thread_count), settings.emotion
    )
    source = opening.open_source(settings.camera)
    raw: dict[int, list[Scores]] = defaultdict(list)
    reported: dict[int, list[str]] = defaultdict(list)
    present_s, last_s = 0.0, None
    for frame in iter(source.read, None):
        seen = [face for face in stages.process(frame) if face.track.state is TrackState.CONFIRMED]
        present_s += len(seen) * (frame.captured_s - last_s) if last_s is not None else 0.0
        last_s = frame.captured_s
        for face in seen:
            number = face.track.track_id
            reported[number].append(face.emotion.label or "abstain")
            if face.emotion.reason:
                reasons[face.emotion.reason] += 1
            if face.track.detection and face.emotion.state is not EmotionState.DISABLED:
                raw[number].append(classifier.classify(frame.rgb, face.track.detection.landmarks))
    source.close()
    return present_s, raw, reported


def changes(labels: list[str] | list[int]) -> int:
    """How often a label differs from the one before."""
    return sum(a != b for a, b in itertools.pairwise(labels))


def step_delay_s(settings: Config, before: Scores, after: Scores, labels: tuple[str, ...]) -> float | None:
    """Seconds until the label follows a sudden change, at the refresh that is configured; None if it never does."""
    manifest = Model(settings.models.dir / settings.models.emotion).manifest
    smoother = EmotionSmoother(labels, manifest.thresholds[CONFIDENCE], settings.emotion)
    history, wanted = EmotionHistory(), int(after.argmax())
    refresh_s = settings.emotion.refresh_s
    for number in range(100):
        history = smoother.update(history, before, number * refresh_s)
    for number in range(100):
        history = smoother.update(history, after, (100 + number) * refresh_s)
        if history.label == wanted:
            return (number + 1) * refresh_s
    return None


def main() -> int:
    """Print a line for each video and the delays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    typical: dict[int, list[Scores]] = defaultdict(list)
    settings = loading.load(None)
    for path in parser.parse_args().videos:
        flags = {
            "camera.source": str(path),
            "camera.pace": "fast",
            "identity.enabled": False,
            "detector.min_face_px": 30,
        }
        settings = loading.load(None, {**flags, "pipeline.target_fps": 0.1})
        reasons: Counter[str] = Counter()
        present_s, raw, reported = watch(settings, reasons)
        minutes = present_s / 60
        before = sum(changes([int(scores.argmax()) for scores in series]) for series in raw.values()) / minutes
        after = sum(map(changes, reported.values())) / minutes
        count = sum(map(len, reported.values()))
        sys.stdout.write(
            f"{path.name}: {len(reported)} tracks, {present_s:.0f} s of presence: label changes per minute "
            f"{before:.0f} raw, {after:.1f} reported; "
            f"abstained in {reasons.total() / count:.0%} {dict(reasons) or ''}\n"
        )
        for scores in itertools.chain.from_iterable(raw.values()):
            typical[int(scores.argmax())].append(scores)
    labels = EmotionClassifier(Model(settings.models.dir / settings.models.emotion), settings.emotion).labels
    means = {
        label: np.asarray(np.mean(scores, axis=0), np.float32) for label, scores in typical.items() if len(scores) >= 20
    }
    delays = [
        step_delay_s(settings, means[a], means[b], labels)
        for a, b in itertools.permutations(means, 2)
        if means[b].argmax() == b
    ]
    followed = [delay for delay in delays if delay is not None]
    sys.stdout.write(
        f"delay after a sudden change, {len(delays)} pairs of typical distributions: "
        f"median {np.median(followed):.1f} s, longest {max(followed):.1f} s, "
        f"{len(delays) - len(followed)} not followed (abstained)\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
