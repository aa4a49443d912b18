"""The process of one contender: reads a line of JSON for each frame, answers with the faces and what they cost.

Run in the contender's own environment: ``python -m benchmarks.peers.worker NAME OPTIONS``. Everything that libraries
print goes to standard error; the real standard output carries the answers only.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.peers.detectors import DETECTORS, Detector


def main(name: str, options: str) -> int:
    """Answer requests until standard input ends.

    Args:
        name: Of a detector.
        options: Its options, as JSON.

    Returns:
        Exit status; 1 where the detector cannot be built, which the first answer then says.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        detector = DETECTORS[name](json.loads(options))
    except Exception as error:  # noqa: BLE001 - a foreign package may raise anything, and the report must say what
        _answer(answers, {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"})
        return 1
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        _answer(answers, _measure(detector, json.loads(line)))
    return 0


def _measure(detector: Detector, request: dict[str, Any]) -> dict[str, Any]:
    rgb = np.load(request["frame"])
    if request["warm"]:
        detector(rgb, request["at_s"])
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    boxes = detector(rgb, request["at_s"])
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    return {"boxes": boxes, "wall_s": wall_s, "cpu_s": cpu_s, "resident_bytes": _resident_bytes()}


def _resident_bytes() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
