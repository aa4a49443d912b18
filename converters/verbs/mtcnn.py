"""``edge-fer-convert mtcnn``."""

from __future__ import annotations

import argparse
from pathlib import Path

from converters.verbs import options

SUMMARY = "MTCNN's three networks, from the PyPI package's weights or from det1.npy, det2.npy and det3.npy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the weights are; a scheme applies to all three."""
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder of pnet.lz4, rnet.lz4, onet.lz4 or of det1.npy, det2.npy, det3.npy (default: the package mtcnn)",
    )
    options.add_conversion(parser, scheme="float32 for P-Net, dynamic for R-Net and O-Net")


def run(args: argparse.Namespace) -> int:
    """Convert, judge as a cascade, put in place."""
    from converters import conversion, mtcnn, mtcnn_files  # noqa: PLC0415 (imports TensorFlow, which takes seconds)
    from converters.detector_trial import DetectorTrial  # noqa: PLC0415
    from converters.verbs.finish import finish  # noqa: PLC0415

    weights = mtcnn_files.read(args.weights)
    schemes = dict.fromkeys(mtcnn.SCHEMES, args.scheme) if args.scheme else None
    report = conversion.convert(
        mtcnn.networks(weights, schemes),
        DetectorTrial(args.photos, args.calibrate),
        args.out,
        made_by=args.made_by,
        allow_partial=args.allow_partial,
    )
    return finish(report, args)
