"""``edge-fer-convert embedding``."""

from __future__ import annotations

import argparse
from pathlib import Path

from converters.verbs import options

SUMMARY = "any face embedding network, TFLite or Keras, with the contract that its publisher states"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file and its contract."""
    parser.add_argument("model", type=Path, help=".tflite, .h5, .keras, or SavedModel folder")
    parser.add_argument("--color", choices=("rgb", "bgr", "gray"), default="rgb", help="channel order (default: rgb)")
    parser.add_argument("--mean", default="", help="taken off each channel, in 0-255, with commas")
    parser.add_argument("--std", default="", help="what each channel is divided by, with commas")
    parser.add_argument(
        "--template", default="arcface", help="arcface, dlib, or x,y of five landmarks in the input (default: arcface)"
    )
    parser.add_argument("--license", default="not stated", help="of the weights, for the manifest")
    parser.add_argument("--name", default="embedding", help="file name of the converted model (default: embedding)")
    parser.add_argument("--allow-lambda", action="store_true", help="run the code of the file's Lambda layers")
    options.add_conversion(parser, scheme="int8; a .tflite file stays as it is")
    options.add_pairs(parser)


def run(args: argparse.Namespace) -> int:
    """Convert, judge, put in place."""
    from converters import embedding  # noqa: PLC0415 (TensorFlow takes seconds)
    from converters.verbs import identity  # noqa: PLC0415

    contract = embedding.Contract(
        color=args.color,
        mean=options.numbers("--mean", args.mean) if args.mean else (),
        std=options.numbers("--std", args.std) if args.std else (),
        template=args.template,
        license=args.license,
    )
    network = embedding.network(
        args.model,
        contract,
        scheme=args.scheme or embedding.SCHEME,
        stem=args.name,
        allow_lambda=args.allow_lambda,
    )
    return identity.convert(network, args, embedding.WORST_COSINE)
