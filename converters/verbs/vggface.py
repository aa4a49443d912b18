"""``edge-fer-convert vggface``."""

from __future__ import annotations

import argparse
from pathlib import Path

from converters.verbs import options

SUMMARY = (
    "VGG-Face (VGG16, 2015) from keras-vggface, deepface or MatConvNet; the weights are non-commercial, bring them"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, or where to fetch one."""
    parser.add_argument("weights", type=Path, nargs="?", help=".h5 or .mat; without it: says which files are known")
    parser.add_argument("--download", metavar="NAME", help="fetch a published file first; resumes where it was cut")
    parser.add_argument("--to", type=Path, default=Path("weights"), help="folder of downloads (default: weights)")
    parser.add_argument("--descriptor", choices=("pool5-gap", "fc7", "fc8"), default="pool5-gap", help="what comes out")
    options.add_conversion(parser, scheme="int8")
    options.add_pairs(parser)


def run(args: argparse.Namespace) -> int:
    """Find the weights, convert, judge, put in place."""
    from converters import download, progress, vggface  # noqa: PLC0415 (TensorFlow takes seconds)
    from converters.verbs import identity  # noqa: PLC0415
    from edge_fer.errors import SourceError  # noqa: PLC0415

    path: Path | None = args.weights
    if args.download:
        offer = vggface.published(args.download)
        path = args.to / offer.url.rsplit("/", 1)[-1]
        progress.console.print(f"{offer.name}: {offer.megabytes} MB, {vggface.LICENSE}")
        progress.console.print(f"sha256 {download.fetch(offer.url, path)} {path}")
    if path is None:
        progress.console.print(vggface.where_to_get(), soft_wrap=True)
        raise SourceError("no weights given", "give a file, or --download NAME if the license suits you")
    network = vggface.network(path, args.descriptor, args.scheme or vggface.SCHEME)
    return identity.convert(network, args, vggface.WORST_COSINE)
