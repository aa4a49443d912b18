"""``python -m benchmarks.peers``: build the contenders' environments, time them on one set of frames, tell."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

from benchmarks import ROOT, floor, scenes
from benchmarks.peers import contenders, environments, race, report
from benchmarks.peers.contenders import Contender
from benchmarks.peers.report import Condition
from edge_fer.arguments import at_least_one
from edge_fer.config.schema import DEFAULT_MODELS
from edge_fer.samples.portraits import Portrait

SIZES: tuple[scenes.Size, ...] = ((640, 480), (1280, 720))
FACES = (1, 4, 10)
FRAMES_A_CONDITION = 3
CLIP_FACES, CLIP_S, CLIP_FPS = 4, 12, (15, 30)
CLIP_ROUNDS = 3

_EMOTION_MODEL = "emotion.tflite"
_VECTOR_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "asimd", "asimddp", "i8mm")
"""Of /proc/cpuinfo: how wide a processor computes, and whether it multiplies 8-bit numbers in one instruction."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share: the processes, where the frame of the moment lies, how often to repeat."""

    runners: Sequence[race.Runner]
    frame_file: Path
    repeats: int


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 0 where every target that could be measured was met."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    environments.FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        people = {"two people": scenes.SHIPPED}
        if arguments.photos:
            try:
                people["many people"] = scenes.photos(arguments.photos, Path(folder) / "photos")
            except (OSError, BadZipFile) as error:
                parser.error(f"--photos: {error}")
        stills, failures = _stills(people, arguments, Path(folder))
        clips, failed = _clips(people, arguments, Path(folder)) if arguments.clip else ([], {})
    failures |= failed
    targets = report.targets(stills, clips)
    peak = floor.peak()
    _say(f"{_processor()}: one thread reaches {peak}")
    for name, reason in failures.items():
        _say(f"{name}: could not run: {reason}")
    for target in targets:
        _say(f"{'met' if target.met else 'MISSED'}: {target.text}: {target.measured}")
    results = {
        "machine": {
            "processor": _processor(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
            "peak_macs_per_s": asdict(peak),
        },
        "failures": failures,
        "stills": [asdict(condition) for condition in stills],
        "clips": [{"fps": fps, **asdict(condition)} for condition, fps in clips],
        "targets": [asdict(target) for target in targets],
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if arguments.plot:
        _plot(results, arguments.plot)
    return 0 if all(target.met for target in targets) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder or .zip of pictures like LFW's, as a second set of people")
    parser.add_argument("--repeats", type=at_least_one, default=7, help="timed answers to each frame (default 7)")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="TEXT", help="contenders whose names hold one of these"
    )
    parser.add_argument(
        "--sizes",
        nargs="*",
        type=scenes.frame_size,
        default=SIZES,
        metavar="WxH",
        help="of the single frames; none: only clips",
    )
    parser.add_argument("--no-clip", dest="clip", action="store_false", help="leave the moving faces out")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--plot", type=Path, help="draw the results here, a .png")
    return parser


def _stills(
    people: dict[str, tuple[Portrait, ...]], arguments: argparse.Namespace, folder: Path
) -> tuple[list[Condition], dict[str, str]]:
    """All conditions on single frames; prints each table when it is done."""
    conditions: list[Condition] = []
    if not arguments.sizes:
        return conditions, {}
    with ExitStack() as stack:
        runners, failures = race.start(
            _chosen(contenders.STILLS, arguments.only), _say, environments.FOLDER / "log.txt", stack
        )
        bench = Bench(runners, folder / "frame.npy", arguments.repeats + 1)
        for who, portraits in people.items():
            for size in arguments.sizes:
                for faces in FACES:
                    conditions.append(_still(bench, who, portraits, size, faces))
                    _say(report.table(conditions[-1]) + "\n")
                _say(report.summary(conditions[-len(FACES) :]) + "\n")
    return conditions, failures


def _still(bench: Bench, who: str, portraits: tuple[Portrait, ...], size: scenes.Size, faces: int) -> Condition:
    stills = [scenes.still(portraits, size, faces, seed) for seed in range(FRAMES_A_CONDITION)]
    frames = [(still.rgb, 0.0) for still in stills]
    answers = race.rounds(bench.runners, frames, bench.repeats, bench.frame_file, warm=True)
    truth = [still.faces for still in stills]
    rows = report.with_ratios([report.row(name, given, truth) for name, given in answers.items()])
    return Condition(who, *size, faces, rows)


def _clips(
    people: dict[str, tuple[Portrait, ...]], arguments: argparse.Namespace, folder: Path
) -> tuple[list[tuple[Condition, int]], dict[str, str]]:
    """The moving faces, at each frame rate; prints each table when it is done."""
    usable = _chosen(contenders.CLIP, arguments.only)
    failures = {}
    if not (DEFAULT_MODELS / _EMOTION_MODEL).is_file():
        failures = {contender.name: f"no {_EMOTION_MODEL}" for contender in usable if contender.options.get("emotion")}
        usable = [contender for contender in usable if contender.name not in failures]
    conditions = []
    for who, portraits in people.items():
        for fps in CLIP_FPS:
            with ExitStack() as stack:  # a pipeline remembers: each clip gets processes of its own
                runners, failed = race.start(usable, _say, environments.FOLDER / "log.txt", stack)
                failures |= failed
                bench = Bench(runners, folder / "frame.npy", 1)
                conditions.append((_clip(bench, who, portraits, fps), fps))
            _say(report.clip_table(*conditions[-1]) + "\n")
    return conditions, failures


def _clip(bench: Bench, who: str, portraits: tuple[Portrait, ...], fps: int) -> Condition:
    """The clip is played once to warm up, then some rounds, in each of which it goes on as if it had not ended."""
    size, frames = SIZES[0], CLIP_S * fps
    clip = list(scenes.moving(portraits, size, CLIP_FACES, frames, seed=1))
    answers: dict[str, list[list[race.Answer]]] = {}
    for turn in range(CLIP_ROUNDS + 1):
        timed = [(scene.rgb, turn * CLIP_S + index / fps) for index, scene in enumerate(clip)]
        for name, given in race.rounds(bench.runners, timed, 1, bench.frame_file, warm=False).items():
            known = answers.setdefault(name, [[] for _ in given])
            for of_frame, new in zip(known, given, strict=True):
                of_frame.extend(new)
    truth = [scene.faces for scene in clip]
    rows = tuple(report.row(name, given, truth) for name, given in answers.items())
    return Condition(who, *size, CLIP_FACES, rows)


def _chosen(all_of_them: Sequence[Contender], only: Sequence[str]) -> list[Contender]:
    return [one for one in all_of_them if not only or one.environment is None or any(text in one.name for text in only)]


def _processor() -> str:
    """Its name, and what it has for arithmetic."""
    pairs = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    flags = fields.get("flags", fields.get("Features", "")).split()
    vectors = [flag for flag in _VECTOR_FLAGS if flag in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(vectors)})"


def _plot(results: dict[str, object], path: Path) -> None:
    python = environments.ensure("plot", _say)
    command = [str(python), "-m", "benchmarks.peers.plot", str(path)]
    subprocess.run(command, input=json.dumps(results), text=True, check=True, cwd=ROOT)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
