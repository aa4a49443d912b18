"""The demo's scene as a function of time: where each person is, and what a camera would see. No file, no clock.

Two people move, come nearer and go away, tilt their heads and are lit from changing sides. One leaves and comes back
three seconds later; for some seconds both are there. The ground truth comes from the same path as the picture.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box
from edge_fer.samples.portraits import COLLINS, HOPPER, Portrait, picture

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 25
DURATION_S = 18.0
FRAMES = round(DURATION_S * FPS)
VISIBLE = 0.95
"""Share of a face box inside the frame from which on a detector is expected to find it."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a face is: its center and height in frame pixels, and the tilt of the head."""

    x: float
    y: float
    height_px: float
    tilt_deg: float


Path = tuple[tuple[float, Pose], ...]
"""Poses at instants in seconds, in order; between two of them a person moves smoothly."""

VISITS: tuple[tuple[Portrait, Path], ...] = (
    (
        COLLINS,
        (
            (0.4, Pose(-90, 250, 62, 0)),
            (1.7, Pose(130, 240, 82, -5)),
            (3.6, Pose(270, 225, 160, 4)),
            (5.2, Pose(200, 225, 125, -6)),
            (6.8, Pose(150, 235, 105, 5)),
            (8.0, Pose(-130, 240, 95, 0)),
        ),
    ),
    (
        HOPPER,
        (
            (3.9, Pose(740, 235, 80, 0)),
            (5.3, Pose(500, 235, 95, 4)),
            (7.4, Pose(450, 225, 140, -5)),
            (9.4, Pose(360, 245, 165, 5)),
            (11.2, Pose(480, 235, 115, 0)),
            (13.4, Pose(500, 245, 70, -4)),
            (14.8, Pose(540, 230, 55, 3)),
            (16.0, Pose(740, 235, 80, 0)),
        ),
    ),
    (
        COLLINS,
        (
            (10.4, Pose(-110, 235, 75, 0)),
            (11.8, Pose(150, 225, 90, 6)),
            (14.0, Pose(220, 245, 130, -6)),
            (16.2, Pose(300, 225, 145, 3)),
            (18.0, Pose(350, 240, 105, 0)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Truth:
    """One person in one frame.

    Attributes:
        visit: Index in VISITS.
        subject: The name enrolled for the person.
        face: In frame pixels; it may reach outside.
        inside: Share of the face box that lies in the frame, in [0, 1].
    """

    visit: int
    subject: str
    face: Box
    inside: float

    @property
    def visible(self) -> bool:
        """Whether a detector is expected to find this face."""
        return self.inside >= VISIBLE


def truth(seq: int) -> tuple[Truth, ...]:
    """Everybody of whom at least a part is in frame `seq`."""
    found = []
    for visit, (portrait, path) in enumerate(VISITS):
        pose = _pose(path, seq / FPS)
        if pose is None:
            continue
        half_width = pose.height_px * portrait.face.width / portrait.face.height / 2
        half_height = pose.height_px / 2
        face = Box(pose.x - half_width, pose.y - half_height, pose.x + half_width, pose.y + half_height)
        inside = face.shared(Box(0, 0, WIDTH_PX, HEIGHT_PX)) / face.area
        if inside > 0:
            found.append(Truth(visit, portrait.subject, face, inside))
    return tuple(found)


def render(seq: int) -> NDArray[np.uint8]:
    """Frame `seq` as uint8 (HEIGHT_PX, WIDTH_PX, 3), RGB; the same on every call."""
    at_s = seq / FPS
    scene = _background().copy()
    for portrait, path in VISITS:
        pose = _pose(path, at_s)
        if pose is not None:
            _place(scene, portrait, pose)
    return _lit(scene, at_s, seq)


def _pose(path: Path, at_s: float) -> Pose | None:
    """The pose at an instant, or None before the first and after the last one."""
    times = [instant_s for instant_s, _ in path]
    if not times[0] <= at_s <= times[-1]:
        return None
    index = min(bisect_right(times, at_s), len(path) - 1)
    (from_s, start), (to_s, end) = path[index - 1], path[index]
    part = (at_s - from_s) / (to_s - from_s)
    part = part * part * (3 - 2 * part)
    mixed = ((1 - part) * a + part * b for a, b in zip(_numbers(start), _numbers(end), strict=True))
    return Pose(*mixed)


def _numbers(pose: Pose) -> tuple[float, float, float, float]:
    return pose.x, pose.y, pose.height_px, pose.tilt_deg


def _place(scene: NDArray[np.float32], portrait: Portrait, pose: Pose) -> None:
    """Blend a person into `scene`, in place."""
    scale = pose.height_px / portrait.face.height
    shrink = max(1, math.floor(1 / scale))
    # INTER_AREA keeps pixel areas, so pixel centers move: u = (x + ½) / shrink − ½
    cx, cy = ((side + 0.5) / shrink - 0.5 for side in portrait.face.center)
    matrix = cv2.getRotationMatrix2D((cx, cy), -pose.tilt_deg, scale * shrink)
    matrix[:, 2] += np.array((pose.x - cx, pose.y - cy))
    layer = cv2.warpAffine(picture(portrait, shrink), matrix, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR)
    scene *= 1 - layer[..., 3:]
    scene += layer[..., :3]


@functools.cache
def _background() -> NDArray[np.float32]:
    """A wall: a gradient from warm gray to blue gray."""
    across = np.linspace(0, 1, WIDTH_PX, dtype=np.float32)[None, :, None]
    down = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None, None]
    warm, cool = np.array((186, 180, 170), np.float32), np.array((112, 128, 150), np.float32)
    return np.asarray((warm + (cool - warm) * across) * (1 - 0.25 * down), np.float32)


@functools.cache
def _noise() -> NDArray[np.float32]:
    """Sensor noise of 2.5 gray levels, the same in every run."""
    generator = np.random.Generator(np.random.PCG64(20))
    return generator.normal(0, 2.5, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.float32)


def _lit(scene: NDArray[np.float32], at_s: float, seq: int) -> NDArray[np.uint8]:
    """Exposure from 0.65 to 1.2, contrast, gamma from 0.8 to 1.25 and the light's side change over the clip."""
    exposure = 0.925 + 0.275 * math.sin(2 * math.pi * at_s / 7.0)
    contrast = 1.0 + 0.15 * math.sin(2 * math.pi * at_s / 11.0 + 1)
    gamma = 1.025 + 0.225 * math.sin(2 * math.pi * at_s / 9.0 + 2)
    side = 0.2 * math.sin(2 * math.pi * at_s / 5.0)
    levels = np.linspace(0, 1, 256, dtype=np.float32)
    curve = 255 * np.clip((levels - 0.5) * contrast + 0.5, 0, 1) ** gamma * exposure
    light = np.linspace(1 - side, 1 + side, WIDTH_PX, dtype=np.float32)[None, :, None]
    toned = cv2.LUT(np.clip(scene, 0, 255).astype(np.uint8), curve.astype(np.float32))
    noise = np.roll(_noise(), (seq * 37 % HEIGHT_PX, seq * 91 % WIDTH_PX), axis=(0, 1))
    return np.asarray(np.clip(np.asarray(toned) * light + noise, 0, 255), np.uint8)
