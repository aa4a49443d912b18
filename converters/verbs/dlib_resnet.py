"""``edge-fer-convert dlib-resnet``."""

from __future__ import annotations

import argparse
from pathlib import Path

from converters.verbs import options

SUMMARY = "dlib's face recognition ResNet (CC0), the light identity network that ships"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the weights are."""
    parser.add_argument("--weights", type=Path, help="the .dat file (default: of the package face_recognition_models)")
    options.add_conversion(parser, scheme="int8")
    options.add_pairs(parser)


def run(args: argparse.Namespace) -> int:
    """Convert, judge, put in place."""
    from converters import dlib_resnet  # noqa: PLC0415 (imports TensorFlow, which takes seconds)
    from converters.verbs import identity  # noqa: PLC0415

    path = args.weights or dlib_resnet.installed_file()
    network = dlib_resnet.network(path, args.scheme or dlib_resnet.SCHEME)
    return identity.convert(network, args, dlib_resnet.WORST_COSINE)
