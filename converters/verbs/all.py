"""``edge-fer-convert all``: everything that ships, from its weights."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from converters.verbs import dlib_resnet, emotion, mtcnn, options

SUMMARY = "rebuild every model that ships; a second run gives the same bytes"

DATA = "EDGE_FER_DATA"
"""Environment variable: folder with lfw/ and fer2013/, for calibration and measurement on many faces."""

EMOTION_WEIGHTS = Path(__file__).parents[2] / "models" / "emotion_arch.h5"

_EMOTION_FACTS = (
    "--origin",
    "trained by converters.training.emotion on FER2013, from dlib's CC0 face recognition ResNet v1",
    "--license",
    "Apache-2.0",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write and where the data lie."""
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of the models (default: models)")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get(DATA),
        help=f"folder with lfw/ and fer2013/ (default: ${DATA}); without it the portraits that ship calibrate",
    )
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """The detector first: it finds the faces that the others are calibrated on."""
    photos, pairs, labeled = _data(Path(args.data) if args.data else None)
    common = ["--out", str(args.out), *photos]
    found_by = ["--detectors", str(args.out)]
    steps = [
        (mtcnn, common),
        (dlib_resnet, [*common, *found_by, *pairs]),
        (
            emotion,
            [str(EMOTION_WEIGHTS), *common, *found_by, *labeled, *_EMOTION_FACTS],
        ),
    ]
    for index, (verb, arguments) in enumerate(steps):
        parser = argparse.ArgumentParser()
        verb.add_arguments(parser)
        given = parser.parse_args(arguments)
        given.made_by = args.made_by
        given.json = args.json.with_suffix(f".{index}.json") if args.json else None
        verb.run(given)
    return 0


def _data(folder: Path | None) -> tuple[list[str], list[str], list[str]]:
    """Options for photos, pairs and labeled pictures."""
    if folder is None:
        return [], [], []
    lfw = folder / "lfw"
    return (
        ["--photos", str(lfw / "calibration.zip")],
        ["--pairs", str(lfw / "pairs.csv"), "--pair-photos", str(lfw / "images.zip")],
        ["--labeled", str(folder / "fer2013" / "valid.npz")],
    )
