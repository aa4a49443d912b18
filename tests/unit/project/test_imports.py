"""Imports point one way between rooms, and the run time knows neither the converters nor TensorFlow."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "config": set(),
    "hardware": set(),
    "arguments": set(),
    "tflite": set(),
    "protocol": {"domain", "config", "tflite"},
    "vision": {"domain", "config", "tflite"},
    "identity": {"domain", "config", "tflite", "vision"},
    "emotion": {"domain", "config", "tflite", "vision"},
    "pipeline": {"domain", "config", "tflite", "vision", "identity", "emotion"},
    "sources": {"domain", "config"},
    "mqtt": {"domain", "config", "protocol"},
    "preview": {"domain"},
    "service": {
        *("domain", "config", "tflite", "hardware", "identity", "emotion", "pipeline"),
        *("sources", "protocol", "mqtt"),
    },
    "samples": {"domain"},
    "diagnostics": {
        *("domain", "config", "tflite", "hardware", "identity", "pipeline"),
        *("sources", "protocol", "mqtt"),
    },
    "demo": {
        *("domain", "config", "vision", "identity", "pipeline", "sources"),
        *("protocol", "mqtt", "preview", "samples"),
    },
    "commands": {
        *("arguments", "domain", "config", "tflite", "identity", "pipeline", "sources", "protocol", "mqtt", "service"),
        *("samples", "diagnostics", "demo"),
    },
    "cli": {"commands"},
    "__main__": {"cli"},
}
"""Room → rooms that its files may import. `edge_fer` itself (the version) and `errors` are open to all."""

OPEN_TO_ALL = {"edge_fer", "edge_fer.errors"}
FORBIDDEN = ("converters", "training", "tensorflow", "tf_keras", "keras", "torch")


def module_name(path: Path) -> str:
    """Dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The folder, or the file at the top, that a module stands in."""
    return module.split(".")[1]


FILES = {module_name(path): path for path in sorted((ROOT / "edge_fer").rglob("*.py"))}
IN_ROOMS = [name for name in FILES if name not in OPEN_TO_ALL]


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


def test_every_room_has_its_rule() -> None:
    """A new room needs a decision about what it may know."""
    assert sorted({room(name) for name in IN_ROOMS}) == sorted(MAY_IMPORT)


@pytest.mark.parametrize("name", IN_ROOMS)
def test_imports_follow_the_rooms(name: str) -> None:
    """A file imports from its own room and from those that its room may know."""
    allowed = {room(name), *MAY_IMPORT[room(name)]}
    others = (imported(FILES[name]) & set(FILES)) - OPEN_TO_ALL
    assert sorted(other for other in others if room(other) not in allowed) == []


def test_there_is_no_cycle() -> None:
    """Neither between rooms nor between files."""
    rooms = TopologicalSorter(MAY_IMPORT)
    files = TopologicalSorter({name: (imported(path) & set(FILES)) - {name} for name, path in FILES.items()})
    for graph in (rooms, files):
        try:
            graph.prepare()
        except CycleError as error:
            pytest.fail(f"cycle: {error.args[1]}")


@pytest.mark.parametrize("name", FILES)
def test_nothing_imports_what_the_device_does_not_have(name: str) -> None:
    """Neither converters nor TensorFlow stand in any import, not even in one inside a function."""
    assert [other for other in imported(FILES[name]) if other.split(".")[0] in FORBIDDEN] == []


def test_the_daemon_loads_neither_tensorflow_nor_the_demo() -> None:
    """What a fresh interpreter holds after importing the daemon and every verb."""
    code = "import sys, edge_fer.service.daemon, edge_fer.cli; print(*sys.modules, sep='\\n')"
    output = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = output.split()
    assert "edge_fer.pipeline.pipeline" in loaded
    unwanted = (*FORBIDDEN, "amqtt", "jsonschema", "rich")
    rooms = ("edge_fer.demo", "edge_fer.samples", "edge_fer.diagnostics", "edge_fer.preview")
    assert [name for name in loaded if name.split(".")[0] in unwanted or name.startswith(rooms)] == []
