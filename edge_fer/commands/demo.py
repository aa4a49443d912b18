"""edge-fer demo: run everything on a clip of two people, without a camera and without a server."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "demo",
        help="run everything on a clip of two people and show what a server receives",
        description=(
            "Make a clip of two people, enroll both from a photo, run the daemon on the clip, and print the events "
            "that a server receives over MQTT. Ends with a summary, and with exit code 1 if anybody was missed, "
            "confused or not reported. Without --broker and without EDGE_FER__MQTT__HOST it starts its own broker."
        ),
    )
    parser.add_argument("--broker", type=_address, metavar="HOST:PORT", help="use this MQTT broker, without TLS")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/demo"),
        metavar="FOLDER",
        help="folder for the results (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; its exit code."""
    from rich.console import Console  # noqa: PLC0415

    from edge_fer.demo.run import demo  # noqa: PLC0415

    return demo(args.output, args.broker, Console())


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as localhost:1883")
    return host, int(port)
