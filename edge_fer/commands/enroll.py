"""edge-fer enroll: add a person to the gallery."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge_fer.commands import add_config_option

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Enroll a person from one or more photos. Each must show exactly one face, sharp and from the front.
Three photos work much better than one. Only templates are stored, not the photos.

NAME is what your server receives: a name, or a pseudonym whose meaning only your server knows.
A running daemon recognizes the person within some seconds."""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "enroll",
        help="enroll a person from photos",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.add_argument("name", metavar="NAME", help="who it is")
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", type=Path, help="photo that shows only this person's face"
    )


def run(args: argparse.Namespace) -> int:
    """Enroll, and print how good each photo is."""
    from edge_fer.config import loading  # noqa: PLC0415
    from edge_fer.identity import enrollment  # noqa: PLC0415

    settings = loading.load(args.config)
    photos = enrollment.enroll(settings, args.name, args.images)
    for photo in photos:
        quality = photo.quality
        sys.stdout.write(
            f"{photo.path}: face of {quality.face_px:.0f} px, sharpness {quality.sharpness:.2f}, "
            f"turned {quality.yaw_deg:+.0f} degrees\n"
        )
    count = f"{len(photos)} photo{'s' if len(photos) > 1 else ''}"
    sys.stdout.write(f"enrolled {args.name} from {count} in {settings.identity.gallery}\n")
    return 0
