"""The contenders' virtual environments: built once by pip from pinned requirements, and again when those change."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from benchmarks import ROOT

REQUIREMENTS = Path(__file__).parent / "requirements"
FOLDER = ROOT / "build" / "peers"

_PIP = ("install", "--quiet", "--disable-pip-version-check", "--no-input")


class BuildError(Exception):
    """pip could not build an environment; says what pip said last."""


def ensure(name: str, tell: Callable[[str], None]) -> Path:
    """The Python of the environment `name`, built if it is not there or of other requirements.

    Args:
        name: Of NAME.txt in the requirements, and of NAME.no-deps.txt where pip must not look at dependencies.
        tell: Called with a line for people before something that takes long.

    Raises:
        BuildError: pip failed.
    """
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "requirements.sha256"
    files = [path for path in (REQUIREMENTS / f"{name}.txt", REQUIREMENTS / f"{name}.no-deps.txt") if path.is_file()]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in files) + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == key:
        return python
    tell(f"{name}: pip install into {folder.relative_to(ROOT)} (minutes, once)")
    venv.create(folder, clear=True, with_pip=True)
    for path in files:
        _pip(python, path, () if path.suffixes == [".txt"] else ("--no-deps",))
    stamp.write_text(key)
    return python


def _pip(python: Path, requirements: Path, flags: tuple[str, ...]) -> None:
    command = (str(python), "-m", "pip", *_PIP, *flags, "-r", str(requirements))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no word from pip"]
        raise BuildError(f"pip install -r {requirements.name}: {lines[-1]}")
