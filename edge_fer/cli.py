"""The command edge-fer. Every error of ours ends here: one line that says what is wrong, one that says what to do.

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
Who is there and how they feel: from a USB camera to your own MQTT server."""

_EPILOG = """\
First steps:
  edge-fer demo                              see it all at work, without a camera or a server
  edge-fer enroll Ada ada-1.jpg ada-2.jpg    make a person known
  edge-fer run                               watch the camera that config.yaml names

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
    """Run a command line; its exit code."""
    args = parser().parse_args(argv)
    try:
        code: int = COMMANDS[args.command].run(args)
        sys.stdout.flush()
    except EdgeFerError as error:
        _tell(error)
        return error.exit_code
    except BrokenPipeError:  # whoever read our output is gone, as in `| head`; nothing is left to be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _tell(error: EdgeFerError) -> None:
    for line in error.message.splitlines():
        sys.stderr.write(f"edge-fer: {line}\n")
    sys.stderr.write(f"  {error.hint}\n")
