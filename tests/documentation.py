"""The files that are generated: pages of docs/ and the JSON Schemas. `make docs` writes them, and a test compares.

Run as ``python -m tests.documentation``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from edge_fer import cli
from edge_fer.protocol.json_schemas import json_schemas

ROOT = Path(__file__).parents[1]

_CLI_HEAD = """\
# The command line

The output of `--help`. This page is generated (`make docs`), and a test keeps it current.

Exit codes: 0 done, 2 wrong usage, 65 model or photo unusable, 66 gallery unusable, 69 broker, 70 internal error,
74 camera or video, 78 configuration, 130 Ctrl-C. A missing camera or broker does not end `edge-fer run`.
"""


def command_line() -> str:
    """docs/cli.md: the help of edge-fer and of each command."""
    with mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"}):
        sections = [f"\n## {parser.prog}\n\n```\n{parser.format_help()}```\n" for parser in _family(cli.parser())]
    return _CLI_HEAD + "".join(sections)


def _family(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its subcommands, in the order of the help."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _family(child)


def generated_files() -> dict[Path, str]:
    """Each generated file and its text."""
    schemas = ROOT / "edge_fer" / "protocol" / "schemas"
    return {
        ROOT / "docs" / "cli.md": command_line(),
        **{schemas / f"{name}.json": text for name, text in json_schemas().items()},
    }


def main() -> None:
    """Write every file."""
    for path, text in generated_files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
