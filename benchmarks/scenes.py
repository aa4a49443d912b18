"""Frames with a known number of real faces in known places, made from single portraits; the same on every machine.

Each frame is a wall with clutter (so that a detector has something to reject), people cut out of their portraits, and
sensor noise. No file but the portraits, no clock.
"""

from __future__ import annotations

import argparse
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box
from edge_fer.samples.portraits import PORTRAITS, Portrait, picture

Size = tuple[int, int]
"""Width and height in pixels."""

SHIPPED: tuple[Portrait, ...] = PORTRAITS

_LFW_SIDE_PX = 250
_LFW_FACE = Box(68, 68, 182, 182)
"""Source: LFW pictures are the Viola-Jones box of the face, made 2.2 times as large (Huang et al. 2007, section 3)."""

_FACE_OF_CELL = (0.32, 0.45)
"""Height of a face as a share of its cell's shorter side, so that no cutout reaches a neighbor's face."""

_CLUTTER, _NOISE = 60, 2.5
"""Number of rectangles and lines on the wall; standard deviation of the sensor's noise in gray levels."""


def frame_size(text: str) -> Size:
    """1920x1080 of a command line.

    Raises:
        argparse.ArgumentTypeError: It is something else.
    """
    found = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"must be width and height in pixels such as 1920x1080, not {text!r}")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One frame and the truth about it.

    Attributes:
        rgb: uint8 (H, W, 3).
        faces: Where the faces are, in frame pixels; all of them wholly inside.
    """

    rgb: NDArray[np.uint8]
    faces: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where one person stands: center of the face and its height in frame pixels, tilt of the head."""

    portrait: Portrait
    x: float
    y: float
    height_px: float
    tilt_deg: float = 0.0

    @property
    def face(self) -> Box:
        """Where the face is in the frame; a tilt of some degrees is left out of account."""
        half_height = self.height_px / 2
        half_width = half_height * self.portrait.face.width / self.portrait.face.height
        return Box(self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height)


def photos(path: Path, folder: Path) -> tuple[Portrait, ...]:
    """Portraits from pictures like LFW's: 250×250 pixels, one face in the middle.

    Args:
        path: A folder or a .zip of them.
        folder: Where a .zip is unpacked to.

    Raises:
        FileNotFoundError: There are none.
    """
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        path = folder
    whole = Box(0, 0, _LFW_SIDE_PX, _LFW_SIDE_PX)
    found = tuple(Portrait(file.stem, file, _LFW_FACE, whole) for file in sorted(path.rglob("*.jpg")))
    if not found:
        raise FileNotFoundError(f"{path}: holds no .jpg")
    return found


def still(portraits: Sequence[Portrait], size: Size, faces: int, seed: int) -> Scene:
    """A frame with `faces` people, each somewhere in a cell of its own; as many different ones as there are."""
    generator = np.random.default_rng((seed, faces, *size))
    order = generator.permutation(len(portraits))
    cells = _cells(size, faces)
    stands = []
    for index, cell in enumerate(cells[i] for i in sorted(generator.permutation(len(cells))[:faces])):
        side = min(cell.width, cell.height)
        height_px = side * generator.uniform(*_FACE_OF_CELL)
        (x, y), slack = cell.center, 0.25 * side
        dx, dy = generator.uniform(-slack, slack, 2)
        portrait = portraits[order[index % len(portraits)]]
        stands.append(Stand(portrait, x + dx * 0.6, y + dy * 0.6, height_px, generator.uniform(-8, 8)))
    return Scene(noisy(draw(wall(size, generator), stands), generator), tuple(stand.face for stand in stands))


def moving(portraits: Sequence[Portrait], size: Size, faces: int, frames: int, seed: int) -> Iterator[Scene]:
    """A clip of `faces` people who sway, come nearer and tilt their heads; its end joins its beginning.

    Each motion is a sine of one to three whole periods over the clip, so a clip that is played again does not jump.
    """
    generator = np.random.default_rng((seed, faces, frames, *size))
    background = wall(size, generator)
    cells = _cells(size, faces)[:faces]
    periods = generator.integers(1, 4, (faces, 4))
    phases = generator.uniform(0, 2 * math.pi, (faces, 4))
    for frame in range(frames):
        swing = np.sin(2 * math.pi * periods * frame / frames + phases)
        stands = [
            _swayed(portraits[index % len(portraits)], cell, swing[index].tolist()) for index, cell in enumerate(cells)
        ]
        yield Scene(noisy(draw(background, stands), generator), tuple(stand.face for stand in stands))


def _swayed(portrait: Portrait, cell: Box, swing: list[float]) -> Stand:
    (x, y), side = cell.center, min(cell.width, cell.height)
    low, high = _FACE_OF_CELL
    height_px = side * (low + (high - low) * (1 + swing[2]) / 2)
    return Stand(portrait, x + 0.18 * side * swing[0], y + 0.1 * side * swing[1], height_px, 10 * swing[3])


def _cells(size: Size, faces: int) -> list[Box]:
    """At least `faces` cells of one size, as square as can be, row by row."""
    width, height = size
    columns = math.ceil(math.sqrt(faces * width / height))
    rows = math.ceil(faces / columns)
    w, h = width / columns, height / rows
    return [Box(c * w, r * h, (c + 1) * w, (r + 1) * h) for r in range(rows) for c in range(columns)]


def draw(wall: NDArray[np.float32], stands: Sequence[Stand]) -> NDArray[np.float32]:
    """The wall, with all people before it."""
    drawn = np.array(wall, np.float32)
    for stand in stands:
        _blend(drawn, stand)
    return drawn


def _blend(drawn: NDArray[np.float32], stand: Stand) -> None:
    """Blend one person into `drawn`, float32 (H, W, 3), in place."""
    scale = stand.height_px / stand.portrait.face.height
    shrink = max(1, math.floor(1 / scale))
    # INTER_AREA keeps pixel areas, so pixel centers move: u = (x + ½) / shrink − ½
    cx, cy = ((side + 0.5) / shrink - 0.5 for side in stand.portrait.face.center)
    matrix = cv2.getRotationMatrix2D((cx, cy), -stand.tilt_deg, scale * shrink)
    matrix[:, 2] += np.array((stand.x - cx, stand.y - cy))
    cutout = picture(stand.portrait, shrink)
    x1, y1, x2, y2 = _extent(cutout.shape[:2], np.asarray(matrix, np.float64), drawn.shape[:2])
    if x1 >= x2 or y1 >= y2:
        return
    matrix[:, 2] -= np.array((x1, y1))
    layer = cv2.warpAffine(cutout, matrix, (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR)
    place = drawn[y1:y2, x1:x2]
    place *= 1 - layer[..., 3:]
    place += layer[..., :3]


def _extent(cutout: tuple[int, ...], matrix: NDArray[np.float64], frame: tuple[int, ...]) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2: the part of a frame (height, width) that a cutout (height, width) reaches by a transform."""
    height, width = cutout
    corners = matrix @ np.array(((-1, width, -1, width), (-1, -1, height, height), (1, 1, 1, 1)), np.float64)
    low, high = np.floor(corners.min(axis=1)).astype(int), np.ceil(corners.max(axis=1)).astype(int) + 1
    return max(0, low[0]), max(0, low[1]), min(frame[1], high[0]), min(frame[0], high[1])


def wall(size: Size, generator: np.random.Generator) -> NDArray[np.float32]:
    """float32 (H, W, 3): gray with shelves, boards and cables."""
    width, height = size
    drawn = np.empty((height, width, 3), np.float32)
    drawn[:] = np.linspace(170, 110, width, dtype=np.float32)[None, :, None]
    corners = generator.integers(0, (width, height, width // 4, height // 4), (_CLUTTER, 4))
    colors = generator.uniform(40, 220, (_CLUTTER, 3))
    for index, ((x, y, w, h), color) in enumerate(zip(corners.tolist(), colors.tolist(), strict=True)):
        if index % 2:
            cv2.rectangle(drawn, (x, y), (x + w, y + h), color, -1)
        else:
            cv2.line(drawn, (x, y), (x + w, y + h), color, 2)
    return drawn


def noisy(drawn: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.uint8]:
    noise = generator.normal(0, _NOISE, drawn.shape)
    return np.asarray(np.clip(np.rint(drawn + noise), 0, 255), np.uint8)
