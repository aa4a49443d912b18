"""What a device installs: the wheel in an empty environment, with the versions of requirements/."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from edge_fer import __version__

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "EDGE_FER"))
}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin` of an environment that holds the wheel, what it needs, and a foreign package named `models`."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    install(folder / "bin", "--require-hashes", "-r", ROOT / "requirements" / "run.txt")
    install(folder / "bin", "--no-deps", wheel)
    (packages,) = folder.glob("lib/*/site-packages")
    (packages / "models").mkdir()
    return folder / "bin"


def install(programs: Path, *what: str | Path) -> None:
    """With pip; skips the test where there is no package index."""
    done = run(programs / "pip", "install", "--quiet", *what, cwd=programs)
    if "No matching distribution found" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr


def test_it_holds_the_package_and_its_models(wheel: Path) -> None:
    """Every file of edge_fer/, five models with manifest and card, and nothing else: no converter, no training data."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "edge_fer").rglob("*") if path.is_file()}
    models = {name for name in names if name.startswith("edge_fer/models/")}
    assert names - models == {name for name in package if "__pycache__" not in name}
    assert {"edge_fer/py.typed", "edge_fer/protocol/schemas/face.json", "edge_fer/samples/media/astronaut.png"} <= names
    stems = ("emotion", "identity", "onet", "pnet", "rnet")
    wanted = {f"edge_fer/models/{stem}.{suffix}" for stem in stems for suffix in ("tflite", "json", "md")}
    assert models == {*wanted, "edge_fer/models/README.md"}


def test_it_has_one_command(wheel: Path) -> None:
    """`edge-fer-convert` needs TensorFlow, and is installed from the checkout only."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        scripts = archive.read(name).decode()
    assert re.findall(r"^[\w-]+(?= = )", scripts, re.MULTILINE) == ["edge-fer"]


def test_it_tells_its_version(programs: Path, tmp_path: Path) -> None:
    """That of the checkout."""
    assert run(programs / "edge-fer", "--version", cwd=tmp_path).stdout.split()[-1] == __version__


def test_it_finds_its_own_models(programs: Path, tmp_path: Path) -> None:
    """And not a package that somebody else named `models`."""
    code = "from edge_fer.config.schema import DEFAULT_MODELS; print(DEFAULT_MODELS)"
    found = run(programs / "python", "-c", code, cwd=tmp_path).stdout.strip()
    assert found.endswith("/site-packages/edge_fer/models")


def test_bench_runs(programs: Path, tmp_path: Path) -> None:
    """In an empty folder, with what a device has."""
    done = run(programs / "edge-fer", "bench", "--frames", "50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "detect" in done.stdout


def test_the_demo_runs(programs: Path, tmp_path: Path) -> None:
    """In an empty folder, with the packages that it needs on top."""
    install(programs, "--require-hashes", "-r", ROOT / "requirements" / "demo.txt")
    done = run(programs / "edge-fer", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Grace Hopper" in done.stdout
    assert (tmp_path / "build" / "demo" / "annotated.mp4").is_file()
