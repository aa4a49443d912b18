"""What a frame of the demo's clip costs, stage by stage: ``python -m benchmarks.clip`` (``make bench``).

Two pipelines take turns on the same frames, so that a busy machine slows both alike: one as configured, one that
searches every frame whole. Both know both people.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from edge_fer import camera, config, enrollment, pipeline
from edge_fer.demo import clip, scene
from edge_fer.demo.measure import Measurement
from edge_fer.demo.portraits import PORTRAITS
from edge_fer.types import Frame

VARIANTS: dict[str, dict[str, object]] = {
    "as configured": {},
    "every frame searched": {"detector.search_interval_s": 0.0},
}


def main() -> int:
    """Run both over the clip and print a table."""
    console = Console()
    frames = _frames(clip.ensure(Path("build/demo"), lambda *_: None))
    with tempfile.TemporaryDirectory() as folder:
        flags: dict[str, object] = {"identity.gallery": str(Path(folder) / "gallery.npz"), "models.threads": 1}
        for portrait in PORTRAITS:
            enrollment.enroll(config.load(None, flags), portrait.subject, [portrait.path])
        stages = {name: pipeline.build(config.load(None, {**flags, **extra})) for name, extra in VARIANTS.items()}
    measured = {name: Measurement() for name in VARIANTS}
    for frame in track(frames, "frames", console=console, transient=True):
        for name, process in stages.items():
            observations = process.process(frame)
            measured[name].add(frame.seq, scene.truth(frame.seq), observations, process.timings)
    console.print(table(measured))
    return 0


def table(measured: dict[str, Measurement]) -> Table:
    """One column for each variant; times in milliseconds for a frame, on one thread."""
    shown = Table(title=f"{scene.FRAMES} frames of {scene.WIDTH_PX} × {scene.HEIGHT_PX}, one thread, ms for a frame")
    shown.add_column("")
    for name in measured:
        shown.add_column(name, justify="right")
    runs = list(measured.values())
    shown.add_row("whole, p50", *(f"{run.total_ms(50):.2f}" for run in runs))
    shown.add_row("whole, p95", *(f"{run.total_ms(95):.2f}" for run in runs))
    shown.add_row("outside the models, p50", *(f"{run.overhead_ms(50):.2f}" for run in runs))
    stages = [run.stage_ms() for run in runs]
    for stage in stages[0]:
        shown.add_row(f"{stage}, mean", *(f"{spent[stage]:.2f}" for spent in stages))
    found = [min(visit.found_share for visit in run.visits) for run in runs]
    shown.add_row("faces found, worst visit", *(f"{share:.1%}" for share in found))
    return shown


def _frames(path: Path) -> list[Frame]:
    settings = config.load(None, {"camera.source": str(path), "camera.pace": "fast"})
    source = camera.open_source(settings.camera)
    try:
        return list(iter(source.read, None))
    finally:
        source.close()


if __name__ == "__main__":
    sys.exit(main())
