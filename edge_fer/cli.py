"""The command edge-fer. Every `EdgeFerError` ends here: a line that says what is wrong, a line that says what to do.

Exit codes: 0 done, 2 wrong usage, 130 Ctrl-C, and those that edge_fer.errors lists.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from edge_fer import __version__
from edge_fer.commands import bench, demo, doctor, enroll, identities, run, watch
from edge_fer.errors import EdgeFerError

COMMANDS: dict[str, ModuleType] = {
    "run": run,
    "enroll": enroll,
    "identities": identities,
    "watch": watch,
    "demo": demo,
    "doctor": doctor,
    "bench": bench,
}

_DESCRIPTION = """\
Faces, identities and emotions: from a USB camera to your own MQTT server."""

_EPILOG = """\
First steps:
  edge-fer demo                              see everything work, without a camera or a server
  edge-fer enroll Ada ada-1.jpg ada-2.jpg    enroll a person from photos
  edge-fer run                               watch the camera set in config.yaml

'edge-fer COMMAND --help' explains each command."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="edge-fer",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"edge-fer {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for command in COMMANDS.values():
        command.add_parser(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    args = parser().parse_args(argv)
    try:
        code: int = COMMANDS[args.command].run(args)
        sys.stdout.flush()
    except EdgeFerError as error:
        _print_error(error)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output is gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _print_error(error: EdgeFerError) -> None:
    for line in error.message.splitlines():
        sys.stderr.write(f"edge-fer: {line}\n")
    sys.stderr.write(f"  {error.hint}\n")
