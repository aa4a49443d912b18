"""One file per verb of the command line; here, what they share. No verb imports models or cameras before it runs."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """--config FILE, which every verb that needs the configuration takes."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path("config.yaml"),
        help="configuration (default: config.yaml in the current folder)",
    )


def start_logging(level: str) -> None:
    """Write log lines to standard error; the journal adds the time by itself."""
    in_journal = "JOURNAL_STREAM" in os.environ
    line = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(format=line if in_journal else f"%(asctime)s {line}", level=level.upper(), force=True)
