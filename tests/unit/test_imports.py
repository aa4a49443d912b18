"""Imports point one way, and the run time knows neither the converters nor TensorFlow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS: tuple[tuple[str, ...], ...] = (
    # Nouns: they import nothing of ours.
    ("edge_fer", "edge_fer.errors", "edge_fer.types", "edge_fer.boxes", "edge_fer.topics", "edge_fer.arguments"),
    # Parts that know nouns only.
    ("edge_fer.config_values", "edge_fer.manifest", "edge_fer.outbox"),
    ("edge_fer.config",),
    ("edge_fer.latest", "edge_fer.worker", "edge_fer.signals", "edge_fer.systemd", "edge_fer.health"),
    ("edge_fer.credentials", "edge_fer.skew"),
    ("edge_fer.attention", "edge_fer.pyramid", "edge_fer.events", "edge_fer.draw", "edge_fer.payloads"),
    # Stages, and the ends of the pipeline.
    ("edge_fer.runtime", "edge_fer.align", "edge_fer.quality", "edge_fer.tracking", "edge_fer.gallery"),
    ("edge_fer.face_classifier",),
    ("edge_fer.mtcnn", "edge_fer.identity", "edge_fer.emotion", "edge_fer.scheduler"),
    ("edge_fer.camera", "edge_fer.broker", "edge_fer.gallery_watch"),
    ("edge_fer.pipeline", "edge_fer.enrollment", "edge_fer.capture", "edge_fer.mqtt"),
    ("edge_fer.inference", "edge_fer.bench", "edge_fer.doctor"),
    ("edge_fer.daemon",),
    # The demo stands beside the daemon and starts it as a process.
    ("edge_fer.demo", "edge_fer.demo.portraits", "edge_fer.demo.broker", "edge_fer.demo.server"),
    ("edge_fer.demo.scene",),
    ("edge_fer.demo.clip", "edge_fer.demo.measure"),
    ("edge_fer.demo.replay", "edge_fer.demo.verdict"),
    ("edge_fer.demo.process", "edge_fer.demo.show"),
    ("edge_fer.demo.run",),
    ("edge_fer.board",),
    # The command line.
    ("edge_fer.commands",),
    (
        "edge_fer.commands.bench",
        "edge_fer.commands.demo",
        "edge_fer.commands.doctor",
        "edge_fer.commands.enroll",
        "edge_fer.commands.identities",
        "edge_fer.commands.run",
        "edge_fer.commands.watch",
    ),
    ("edge_fer.cli",),
    ("edge_fer.__main__",),
)
"""Lowest first. A module imports from layers below its own; modules of one layer do not know each other."""

MAY_IMPORT_DEMO = ("edge_fer.demo", "edge_fer.commands.demo", "edge_fer.commands.bench")
FORBIDDEN = ("converters", "tensorflow", "tf_keras", "keras", "torch")


def module_name(path: Path) -> str:
    """Dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted((ROOT / "edge_fer").rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they point"
            assert node.module
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in FILES else node.module)
    return found


def test_every_module_has_a_layer() -> None:
    """A new file needs a decision about what it may know."""
    listed = [name for layer in LAYERS for name in layer]
    assert sorted(set(FILES) - set(listed)) == []
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name: str) -> None:
    """Only layers below are imported."""
    height = {module: index for index, layer in enumerate(LAYERS) for module in layer}
    upward = [other for other in imported(FILES[name]) & set(FILES) if height[other] >= height[name]]
    assert upward == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_imports_what_the_device_does_not_have(name: str) -> None:
    """Neither converters nor TensorFlow stand in any import, not even in one inside a function."""
    assert [other for other in imported(FILES[name]) if other.split(".")[0] in FORBIDDEN] == []


@pytest.mark.parametrize("name", FILES)
def test_only_verbs_that_play_the_clip_import_the_demo(name: str) -> None:
    """The daemon's process never holds the demo, nor its clip."""
    if not name.startswith(MAY_IMPORT_DEMO):
        assert [other for other in imported(FILES[name]) if other.startswith("edge_fer.demo")] == []


def test_the_daemon_loads_neither_tensorflow_nor_the_demo() -> None:
    """What a fresh interpreter holds after importing the daemon and every verb."""
    code = "import sys, edge_fer.daemon, edge_fer.cli; print(*sys.modules, sep='\\n')"
    output = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = output.split()
    assert "edge_fer.pipeline" in loaded
    unwanted = (*FORBIDDEN, "amqtt", "jsonschema", "rich")
    assert [name for name in loaded if name.split(".")[0] in unwanted or name.startswith("edge_fer.demo")] == []
