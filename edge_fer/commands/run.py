"""edge-fer run: the daemon."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edge_fer.commands import add_config_option, start_logging

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Watch a camera and publish who is there, and which emotion each face shows, to your MQTT broker,
until Ctrl-C or SIGTERM. With a video file or a folder of images, stop at its end.

A missing camera or broker is waited for; the log and the health topic say so."""

_FLAGS = {"source": "camera.source", "pace": "camera.pace", "log_level": "log.level"}


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "run",
        help="watch a camera and publish events",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.add_argument(
        "--source",
        metavar="PATH",
        help="overrides camera.source: a camera (/dev/video0, /dev/v4l/by-id/...), a video file, a folder of images",
    )
    parser.add_argument(
        "--pace",
        choices=["realtime", "fast"],
        help="overrides camera.pace, for files: by their own timestamps, or every frame as fast as possible",
    )
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], help="overrides log.level")


def run(args: argparse.Namespace) -> int:
    """Run the daemon; its exit code."""
    from edge_fer.config import loading  # noqa: PLC0415

    given: dict[str, Any] = {key: getattr(args, flag) for flag, key in _FLAGS.items()}
    settings = loading.load(args.config, {key: value for key, value in given.items() if value is not None})
    start_logging(settings.log.level)

    from edge_fer.service.daemon import Daemon  # noqa: PLC0415 - errors in config.yaml are reported before models load

    return Daemon(settings).run()
