"""``edge-fer-convert emotion``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.verbs import options

if TYPE_CHECKING:
    from converters.emotion import Contract

SUMMARY = "an emotion classifier: Keras .h5 of any age, architecture JSON with weights, .keras, or a SavedModel"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and what it does not say about itself."""
    parser.add_argument("model", type=Path, help=".h5, .keras, or SavedModel folder")
    parser.add_argument("--architecture", type=Path, help="JSON by model.to_json(), where MODEL holds weights only")
    parser.add_argument("--sidecar", type=Path, help="JSON with labels, input, crop (default: MODEL's name with .json)")
    parser.add_argument("--labels", help="names of the outputs in order, with commas")
    parser.add_argument("--color", choices=("rgb", "bgr", "gray"), help="channel order (default: gray or rgb)")
    parser.add_argument("--mean", help="taken off each channel, in 0-255, with commas; 0-1 inputs have mean 0")
    parser.add_argument("--std", help="what each channel is divided by, with commas; 0-1 inputs have std 255")
    parser.add_argument("--allow-lambda", action="store_true", help="run the code of the file's Lambda layers")
    parser.add_argument("--origin", default="given by the user", help="where the weights are from, for the manifest")
    parser.add_argument("--license", default="not stated", help="of the weights, for the manifest")
    parser.add_argument("--name", default="emotion", help="file name of the converted model (default: emotion)")
    parser.add_argument("--labeled", type=Path, metavar="NPZ", help="images (n, h, w) gray and label7: accuracy too")
    options.add_conversion(parser, scheme="int8; dynamic for files above 300 MB")


def run(args: argparse.Namespace) -> int:
    """Convert, judge by the labels, put in place."""
    from converters import calibration, conversion, emotion, trials  # noqa: PLC0415 (TensorFlow takes seconds)
    from converters.labeled import LabeledTrial  # noqa: PLC0415
    from converters.verbs.finish import finish  # noqa: PLC0415

    network = emotion.network(
        args.model,
        _contract(args),
        scheme=args.scheme or emotion.default_scheme(args.model),
        architecture=args.architecture,
        allow_lambda=args.allow_lambda,
        origin=args.origin,
        license=args.license,
        stem=args.name,
    )
    faces = calibration.collect(args.photos, args.detectors, args.calibrate)
    more = LabeledTrial(args.labeled) if args.labeled else None
    trial = trials.FaceTrial(faces, trials.classifier_judge, more)
    report = conversion.convert([network], trial, args.out, made_by=args.made_by, allow_partial=args.allow_partial)
    return finish(report, args)


def _contract(args: argparse.Namespace) -> Contract:
    """The sidecar's contract, or that of the options; an option beats the sidecar."""
    from converters import emotion  # noqa: PLC0415

    sidecar = args.sidecar or args.model.with_suffix(".json")
    alone = args.labels and not sidecar.is_file()
    contract = emotion.Contract(labels=()) if alone else emotion.read_sidecar(sidecar)
    given: dict[str, Any] = {
        "labels": tuple(label.strip() for label in args.labels.split(",")) if args.labels else None,
        "color": args.color,
        "mean": options.numbers("--mean", args.mean) if args.mean else None,
        "std": options.numbers("--std", args.std) if args.std else None,
    }
    return replace(contract, **{name: value for name, value in given.items() if value is not None})
