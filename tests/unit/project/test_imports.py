"""Imports between packages point one way, and the run time imports neither the converters nor TensorFlow."""

from __future__ import annotations

import ast
import re
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
    "waker": set(),
    "tflite": set(),
    "protocol": {"domain", "config", "tflite"},
    "vision": {"domain", "config", "tflite"},
    "identity": {"domain", "config", "tflite", "vision"},
    "emotion": {"domain", "config", "tflite", "vision"},
    "pipeline": {"domain", "config", "tflite", "vision", "identity", "emotion"},
    "sources": {"domain", "config"},
    "mqtt": {"domain", "config", "waker", "protocol"},
    "preview": {"domain"},
    "service": {
        *("domain", "config", "tflite", "hardware", "waker", "identity", "emotion", "pipeline"),
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
"""Package, or module at the top → those that it may import. All may import `edge_fer` (the version) and `errors`."""

OPEN_TO_ALL = {"edge_fer", "edge_fer.errors"}
FORBIDDEN = ("converters", "training", "tensorflow", "tf_keras", "keras", "torch")


def module_name(path: Path) -> str:
    """Dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    """The package, or the module at the top, that a module belongs to."""
    return module.split(".")[1]


FILES = {module_name(path): path for path in sorted((ROOT / "edge_fer").rglob("*.py"))}
WITH_RULES = [name for name in FILES if name not in OPEN_TO_ALL]


def imported(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: use absolute imports"
            assert node.module
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in FILES else node.module)
    return found


def test_every_package_has_a_rule() -> None:
    """A new one needs a decision about what it may import."""
    assert sorted({package_of(name) for name in WITH_RULES}) == sorted(MAY_IMPORT)


@pytest.mark.parametrize("name", WITH_RULES)
def test_imports_follow_the_rules(name: str) -> None:
    """A file imports from its own package and from those that this may import."""
    allowed = {package_of(name), *MAY_IMPORT[package_of(name)]}
    others = (imported(FILES[name]) & set(FILES)) - OPEN_TO_ALL
    assert sorted(other for other in others if package_of(other) not in allowed) == []


def test_the_architecture_page_lists_every_package() -> None:
    """docs/architecture.md, in its table of packages."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Packages") : text.index("## Threads")]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted({*MAY_IMPORT, "errors"} - {"__main__"})


def test_there_is_no_cycle() -> None:
    """Neither between packages nor between files."""
    packages = TopologicalSorter(MAY_IMPORT)
    files = TopologicalSorter({name: (imported(path) & set(FILES)) - {name} for name, path in FILES.items()})
    for graph in (packages, files):
        try:
            graph.prepare()
        except CycleError as error:
            pytest.fail(f"cycle: {error.args[1]}")


@pytest.mark.parametrize("name", FILES)
def test_nothing_imports_what_a_device_lacks(name: str) -> None:
    """Neither converters nor TensorFlow, not even inside a function."""
    assert [other for other in imported(FILES[name]) if other.split(".")[0] in FORBIDDEN] == []


def test_the_daemon_loads_neither_tensorflow_nor_the_demo() -> None:
    """Checked in a fresh interpreter that imports the daemon and every command."""
    code = "import sys, edge_fer.service.daemon, edge_fer.cli; print(*sys.modules, sep='\\n')"
    output = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = output.split()
    assert "edge_fer.pipeline.pipeline" in loaded
    unwanted = (*FORBIDDEN, "amqtt", "jsonschema", "rich")
    packages = ("edge_fer.demo", "edge_fer.samples", "edge_fer.diagnostics", "edge_fer.preview")
    assert [name for name in loaded if name.split(".")[0] in unwanted or name.startswith(packages)] == []
