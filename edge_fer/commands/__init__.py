"""The subcommands of edge-fer, one file each; here, what they share.

Each file has `add_parser`, which declares the command, and `run`, which returns its exit code. What a command needs is
imported when it runs, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add --config FILE, which every command that needs the configuration takes."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path("config.yaml"),
        help="configuration (default: config.yaml in the current folder)",
    )


def start_logging(level: str) -> None:
    """Write log lines to standard error, with the time unless the journal adds it."""
    in_journal = "JOURNAL_STREAM" in os.environ
    log_format = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(
        format=log_format if in_journal else f"%(asctime)s {log_format}", level=level.upper(), force=True
    )
