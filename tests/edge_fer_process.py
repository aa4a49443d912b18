"""Runs `edge-fer` as a subprocess; makes a config.yaml and a clip of one person for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from tests.portraits import ASTRONAUT, picture

COMMAND = (sys.executable, "-m", "edge_fer")
REPOSITORY = Path(__file__).parents[1]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("EDGE_FER__", "NOTIFY", "WATCHDOG"))},
    "PYTHONPATH": str(REPOSITORY),
}


def edge_fer(*arguments: str | Path, folder: Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command line in a folder and wait until it ends."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=timeout_s
    )


def spawn(*arguments: str | Path, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a command line in a folder; what it writes to standard error goes to a file."""
    with log.open("wb") as stderr:
        return subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=folder, env=ENVIRONMENT, stderr=stderr)


def write_config(folder: Path, **sections: dict[str, Any]) -> Path:
    """Write config.yaml into a folder; emotion is disabled, since these tests are not about it."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"emotion": {"enabled": False}, **sections}))
    return path


def write_clip(path: Path, *, seconds: float, fps: float = 10) -> Path:
    """Write a 640x480 video, MJPG, of one person who moves a little."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, (640, 480))
    assert writer.isOpened()
    portrait = cv2.cvtColor(picture(ASTRONAUT), cv2.COLOR_RGB2BGR)[:480]
    for number in range(round(seconds * fps)):
        frame = np.full((480, 640, 3), 90, np.uint8)
        left = 64 + round(20 * np.sin(number / 5))
        frame[:, left : left + portrait.shape[1]] = portrait
        writer.write(frame)
    writer.release()
    return path
