"""edge-fer identities: list and remove enrolled people."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from edge_fer.commands import add_config_option

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
List the enrolled people, or remove one with all templates.
A running daemon uses the change within some seconds."""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its two actions."""
    parser = subparsers.add_parser(
        "identities",
        help="list or remove enrolled people",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="names and number of photos", description="Show who is enrolled.")
    add_config_option(listing)
    removal = actions.add_parser("remove", help="remove a person", description="Remove all templates of a person.")
    add_config_option(removal)
    removal.add_argument("name", metavar="NAME", help="as shown by 'identities list'")


def run(args: argparse.Namespace) -> int:
    """List or remove."""
    from edge_fer.config import loading  # noqa: PLC0415
    from edge_fer.identity import gallery  # noqa: PLC0415
    from edge_fer.tflite import manifest  # noqa: PLC0415

    settings = loading.load(args.config)
    path = settings.identity.gallery
    enrolled = gallery.load(path, manifest.load(settings.models.dir / settings.models.identity))
    if args.action == "remove":
        gallery.save(enrolled.without(args.name), path)
        sys.stdout.write(f"removed {args.name} from {path}\n")
        return 0
    counts = enrolled.photo_counts()
    width = max(map(len, counts), default=0)
    for name, count in counts.items():
        sys.stdout.write(f"{name:<{width}}  {count} photo{'s' if count > 1 else ''}\n")
    if not counts:
        sys.stdout.write("nobody is enrolled: see 'edge-fer enroll --help'\n")
    return 0
