"""The contenders' processes, and rounds in which each is asked for the same frame, one after the other.

A machine that gets slower or faster does so for all of them, and medians over the rounds leave single hiccups out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import ROOT
from benchmarks.peers import environments
from benchmarks.peers.contenders import Contender

Tell = Callable[[str], None]

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GLOG_minloglevel": "2",
    "PYTHONWARNINGS": "ignore",
    "CUDA_VISIBLE_DEVICES": "",
    "DEEPFACE_HOME": str(environments.FOLDER),  # it would make a folder in the user's home
}


class ContenderError(Exception):
    """A contender cannot run here; says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one contender said of one frame.

    Attributes:
        boxes: x1, y1, x2, y2 of each face, in frame pixels.
        wall_s, cpu_s: Of the call, by the contender's own clocks; `cpu_s` is that of all its threads.
        resident_bytes: After the call.
    """

    boxes: list[list[float]]
    wall_s: float
    cpu_s: float
    resident_bytes: int


class Runner:
    """The process of one contender; a context manager.

    Raises:
        ContenderError: On entry: its environment cannot be built, or it cannot be loaded in it.
    """

    def __init__(self, contender: Contender, tell: Tell, log: Path) -> None:
        self.contender = contender
        self._tell = tell
        self._log = log

    def __enter__(self) -> Runner:
        python = Path(sys.executable)
        if self.contender.environment:
            try:
                python = environments.ensure(self.contender.environment, self._tell)
            except environments.BuildError as error:
                raise ContenderError(str(error)) from error
        command = [str(python), "-m", "benchmarks.peers.worker"]
        command += [self.contender.detector, json.dumps(dict(self.contender.options))]
        environment = {**os.environ, **_ONE_THREAD, **_QUIET, "PYTHONPATH": str(ROOT)}
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )
        first = self._read()
        if "ready" not in first:
            self.__exit__(None, None, None)
            raise ContenderError(first["failed"])
        return self

    def ask(self, frame: Path, at_s: float, *, warm: bool) -> Answer:
        """The contender's answer for a frame.

        Args:
            frame: A .npy file of uint8 (H, W, 3) RGB.
            at_s: Monotonic second at which it was taken.
            warm: Answer once unmeasured before, so that its own code and weights are in the caches again.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"frame": str(frame), "at_s": at_s, "warm": warm}) + "\n")
        self._process.stdin.flush()
        return Answer(**self._read())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ContenderError(f"{self.contender.name} ended without an answer; see {self._log.name}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def start(
    contenders: Iterable[Contender], tell: Tell, log: Path, stack: ExitStack
) -> tuple[list[Runner], dict[str, str]]:
    """The processes of all contenders that can run here, and of the others, by name, why not."""
    runners, failures = [], {}
    for contender in contenders:
        try:
            runners.append(stack.enter_context(Runner(contender, tell, log)))
        except ContenderError as error:
            failures[contender.name] = str(error)
    return runners, failures


def rounds(
    runners: Sequence[Runner],
    frames: Sequence[tuple[NDArray[np.uint8], float]],
    repeats: int,
    frame_file: Path,
    *,
    warm: bool,
) -> dict[str, list[list[Answer]]]:
    """Ask all of them for all frames, in turn.

    Args:
        frames: Pictures with the monotonic second of each.
        repeats: How often each frame is asked for in a row.
        frame_file: Where the frame that is asked for lies meanwhile.
        warm: Each measured answer follows an unmeasured one: not for those who remember the frames before.

    Returns:
        By contender's name, the answers to each frame, in the order of asking; the first ones warm up.
    """
    answers: dict[str, list[list[Answer]]] = defaultdict(list)
    for rgb, at_s in frames:
        np.save(frame_file, rgb)
        for runner in runners:
            answers[runner.contender.name].append([])
        for _ in range(repeats):
            for runner in runners:
                answers[runner.contender.name][-1].append(runner.ask(frame_file, at_s, warm=warm))
    return answers
