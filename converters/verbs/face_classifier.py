"""``edge-fer-convert face-classifier``."""

from __future__ import annotations

import argparse
from pathlib import Path

from converters.verbs import options
from edge_fer.config.schema import DEFAULT_MODELS

SUMMARY = "a closed-set head, embedding to one of n people (face_classifier.h5), with its list of names"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The head, its names, and the network it stands on."""
    parser.add_argument("model", type=Path, help=".h5 or .keras that takes (n, length of the embedding)")
    parser.add_argument("--names", type=Path, required=True, help="text file, one name a line, in the outputs' order")
    parser.add_argument(
        "--identity",
        type=Path,
        default=DEFAULT_MODELS / "identity.tflite",
        help="the identity model that feeds it (default: the one that ships)",
    )
    parser.add_argument("--license", default="not stated", help="of the weights, for the manifest")
    parser.add_argument("--allow-lambda", action="store_true", help="run the code of the file's Lambda layers")
    options.add_conversion(parser, scheme="float32")


def run(args: argparse.Namespace) -> int:
    """Convert, judge by the names on embeddings of real faces, put in place."""
    import numpy as np  # noqa: PLC0415

    from converters import calibration, conversion, face_classifier, trials  # noqa: PLC0415 (TensorFlow takes seconds)
    from converters.verbs.finish import finish  # noqa: PLC0415
    from edge_fer.identity.embedder import Embedder  # noqa: PLC0415
    from edge_fer.tflite.model import Model  # noqa: PLC0415

    embedder = Embedder(Model(args.identity))
    faces = calibration.collect(args.photos, args.detectors, args.calibrate)
    everybody = (*faces.calibration, *faces.probe)
    rows = np.stack([embedder.embed(face.rgb, face.landmarks) for face in everybody])
    network = face_classifier.network(
        args.model,
        face_classifier.read_names(args.names),
        embedder.model.manifest.name,
        rows.shape[1],
        scheme=args.scheme or face_classifier.SCHEME,
        license=args.license,
        allow_lambda=args.allow_lambda,
    )
    trial = trials.ArrayTrial(rows, faces.origin, trials.classifier_judge)
    report = conversion.convert([network], trial, args.out, made_by=args.made_by, allow_partial=args.allow_partial)
    return finish(report, args)
