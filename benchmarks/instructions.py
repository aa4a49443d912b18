"""Instructions that each stage executes, counted by valgrind: the same on every run, whatever else the machine does.

    python -m benchmarks.instructions [--json FILE]

Runs itself under callgrind, which counts inside one function of the interpreter only, that behind `sys.call_tracing`,
and writes a file for each call of it. Valgrind has no AVX-512: the networks run their AVX2 code.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import ROOT, scenes
from benchmarks.instructions_stages import FACES, STAGES

PARTS = ("networks", "OpenCV", "numpy", "Python and the rest")

_SCOPE = "_PyEval_CallTracing"
"""Calls a Python function, and nothing but `sys.call_tracing` calls it."""

_OBJECTS = (("litert", "networks"), ("cv2", "OpenCV"), ("opencv", "OpenCV"), ("numpy", "numpy"))
_COST = re.compile(r"[+\-*\d]\S* (\d+)$")


class CountingError(Exception):
    """Nothing could be counted; says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print the table, write what was asked for; 1 where nothing can be counted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    try:
        counts = count()
    except CountingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(table(counts) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(counts, indent=1) + "\n")
    return 0


def count() -> dict[str, dict[str, int]]:
    """Stage → part of the software → instructions.

    Raises:
        CountingError: No valgrind, or an interpreter without symbols.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountingError("valgrind is not installed: apt install valgrind")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for faces in FACES:
            np.save(folder / f"{faces}.npy", scenes.still(scenes.SHIPPED, (640, 480), faces, seed=0).rgb)
        _run(valgrind, folder)
        files = [folder / f"counts.{index + 1}" for index in range(len(STAGES))]
        if not files[-1].is_file():
            raise CountingError(f"{Path(sys.executable).resolve()}: has no symbol {_SCOPE}; use an unstripped Python")
        return {stage: parts(file.read_text()) for stage, file in zip(STAGES, files, strict=True)}


def _run(valgrind: str, folder: Path) -> None:
    flags = ("--tool=callgrind", f"--toggle-collect={_SCOPE}", f"--dump-after={_SCOPE}")
    interpreter = Path(sys.executable).resolve()  # of the virtual environment's link: valgrind follows no wrapper
    command = [valgrind, *flags, f"--callgrind-out-file={folder / 'counts'}", str(interpreter)]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join((str(ROOT), *filter(None, sys.path))),
    }
    subprocess.run(
        [*command, "-m", "benchmarks.instructions_stages", str(folder)], cwd=ROOT, env=environment, check=True
    )


def parts(profile: str) -> dict[str, int]:
    """Instructions by part of the software, from what callgrind wrote of one call."""
    names: dict[str, str] = {}
    found: Counter[str] = Counter(dict.fromkeys(PARTS, 0))
    part, of_callee = PARTS[-1], False
    for line in profile.splitlines():
        if line.startswith("ob="):
            number, _, name = line[3:].partition(" ")
            part = _part(names.setdefault(number, name))
        elif line.startswith("cob="):
            number, _, name = line[4:].partition(" ")
            names.setdefault(number, name)
        elif line.startswith("calls="):
            of_callee = True  # the next line's cost stands at the callee already
        elif of_callee:
            of_callee = False
        elif cost := _COST.match(line):
            found[part] += int(cost[1])
    return dict(found)


def table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """A Markdown table in millions."""
    lines = [f"| million instructions | {' | '.join(PARTS)} | all |", "|---" * (len(PARTS) + 2) + "|"]
    for stage, found in counts.items():
        cells = [f"{found[part] / 1e6:.2f}" for part in PARTS]
        lines.append(f"| {stage} | {' | '.join(cells)} | {sum(found.values()) / 1e6:.2f} |")
    return "\n".join(lines)


def _part(path: str) -> str:
    return next((part for text, part in _OBJECTS if text in path), PARTS[-1])


if __name__ == "__main__":
    sys.exit(main())
