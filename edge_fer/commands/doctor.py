"""edge-fer doctor: check that everything works."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from edge_fer.commands import add_config_option

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Check what the daemon needs, with the daemon's own code: the configuration, the models, the gallery, the MQTT broker,
and some seconds of the camera's picture. Prints what is wrong and what to do. Nothing is published or stored.

Stop the daemon first: only one program at a time can use a camera. The exit code is that of the first failed check."""


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check models, gallery, broker and camera, and say what to do",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.add_argument("--source", metavar="PATH", help="overrides camera.source: a camera, a video, or images")


def run(args: argparse.Namespace) -> int:
    """Run all checks; the exit code of the first that failed."""
    from edge_fer.config import loading  # noqa: PLC0415
    from edge_fer.diagnostics import doctor  # noqa: PLC0415

    settings = loading.load(args.config, {"camera.source": args.source} if args.source else {})
    sys.stdout.write(f"  ok   config    {args.config}\n")
    exit_code = 0
    for finding in doctor.run_checks(settings):
        sys.stdout.write(f"{finding.result.value:>4}   {finding.subject:9} {finding.detail}\n")
        if finding.hint:
            sys.stdout.write(f"                 {finding.hint}\n")
        sys.stdout.flush()
        exit_code = exit_code or finding.exit_code
    return exit_code
