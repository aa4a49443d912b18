"""``edge-fer-convert``: one verb per kind of weights, and some to look at what came out."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from rich.console import Console

from converters import reports
from converters.parity import GateError
from edge_fer.errors import ConversionError, EdgeFerError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

VERBS = ("mtcnn", "dlib-resnet", "vggface", "embedding", "emotion", "face-classifier", "all", "inspect", "compare")
"""Each is a module of `converters.verbs` with SUMMARY, add_arguments(parser) and run(args) -> exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, or that of the error (sysexits)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = _parser().parse_args(arguments)
    args.made_by = shlex.join(("edge-fer-convert", *arguments))
    try:
        return int(args.run(args))
    except EdgeFerError as error:
        return _failed(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _failed(ConversionError(f"{place}{error.strerror or error}", "check the path, its rights and the room"))
    except KeyboardInterrupt:
        print("edge-fer-convert: interrupted; no model was changed", file=sys.stderr)  # noqa: T201
        return INTERRUPTED


def _failed(error: EdgeFerError) -> int:
    if isinstance(error, GateError):
        reports.show_checks(error.checks, Console(stderr=True), "parity gate")
    print(f"edge-fer-convert: {error.message}\n  {error.hint}", file=sys.stderr)  # noqa: T201
    return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-fer-convert",
        description="Convert face networks to TFLite, and prove that they still do what the originals do.",
        epilog="'edge-fer-convert VERB --help' explains one; docs/converters.md has an example of each.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in VERBS:
        module: ModuleType = import_module(f"converters.verbs.{name.replace('-', '_')}")
        sub = verbs.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
