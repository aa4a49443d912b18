"""Observations drawn on the frame that they come from."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Observation, TrackState
from edge_fer.domain.geometry import Box

Color = tuple[int, int, int]

COLORS: dict[IdentityState, Color] = {
    IdentityState.KNOWN: (35, 134, 54),
    IdentityState.UNKNOWN: (191, 87, 0),
    IdentityState.PENDING: (31, 97, 190),
    IdentityState.ABSTAIN: (90, 96, 104),
    IdentityState.DISABLED: (90, 96, 104),
}
"""RGB. White text on each has a contrast of at least 4.5 : 1 (WCAG 2.1, 1.4.3); a test measures it."""

_WHITE: Color = (255, 255, 255)
_LANDMARK: Color = (255, 221, 64)
_STATE_CAPTIONS = {IdentityState.UNKNOWN: "unknown", IdentityState.PENDING: "…", IdentityState.ABSTAIN: "?"}


def overlay(rgb: NDArray[np.uint8], observations: Sequence[Observation]) -> NDArray[np.uint8]:
    """Draw boxes, landmarks, names and emotions.

    Lines and text scale with the frame. A face that was not detected in this frame has a thin box and no points; a
    track that has ended is not drawn.

    Args:
        rgb: uint8 (H, W, 3), RGB; not changed.
        observations: Of this frame.

    Returns:
        A new uint8 (H, W, 3), RGB.
    """
    canvas = np.array(rgb, np.uint8)
    alive = [observation for observation in observations if observation.track.state is not TrackState.LOST]
    for observation in alive:
        _draw_face(canvas, observation)
    for observation in alive:  # after all boxes, so that no line crosses a text
        _draw_caption(canvas, observation.track.box, caption(observation), COLORS[observation.identity.state])
    return canvas


def caption(observation: Observation) -> tuple[str, ...]:
    """The lines to write at a face: identity and emotion. Either may be missing."""
    lines = (_identity_line(observation.identity), _emotion_line(observation.emotion))
    return tuple(line for line in lines if line)


def _identity_line(identity: Identity) -> str:
    return identity.subject or _STATE_CAPTIONS.get(identity.state, "")


def _emotion_line(emotion: Emotion) -> str:
    if emotion.state is not EmotionState.OK or emotion.label is None:
        return ""
    return f"{emotion.label} {emotion.scores.get(emotion.label, 0.0):.0%}"


def _draw_face(canvas: NDArray[np.uint8], observation: Observation) -> None:
    unit = max(1, round(canvas.shape[0] / 240))
    box, detection = observation.track.box, observation.track.detection
    color = COLORS[observation.identity.state]
    corners = (round(box.x1), round(box.y1)), (round(box.x2), round(box.y2))
    if detection is None:
        cv2.rectangle(canvas, *corners, color, max(1, unit // 2), cv2.LINE_AA)
        return
    cv2.rectangle(
        canvas, *corners, _WHITE, unit + 2, cv2.LINE_AA
    )  # a light rim, so that the box is visible on any background
    cv2.rectangle(canvas, *corners, color, unit, cv2.LINE_AA)
    for point in detection.landmarks:
        center = round(point.x), round(point.y)
        cv2.circle(canvas, center, unit + 1, (0, 0, 0), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(canvas, center, unit, _LANDMARK, cv2.FILLED, cv2.LINE_AA)


def _draw_caption(canvas: NDArray[np.uint8], box: Box, lines: Sequence[str], color: Color) -> None:
    """Text on a filled rectangle above the box, or inside it where there is no space above; always inside the frame."""
    if not lines:
        return
    height, width = canvas.shape[:2]
    size_px = max(12, round(height / 30))
    padding, step = size_px // 3, round(size_px * 1.35)
    field_width = max(_width(line, size_px) for line in lines) + 2 * padding
    field_height = step * len(lines) + padding
    left = max(0, min(round(box.x1), width - field_width))
    above = round(box.y1) - field_height
    top = above if above >= 0 else max(0, min(round(box.y1), height - field_height))
    cv2.rectangle(canvas, (left, top), (left + field_width, top + field_height), color, cv2.FILLED)
    for index, line in enumerate(lines):
        _write(canvas, line, (left + padding, top + step * index + size_px + padding // 2), size_px)


if hasattr(cv2, "FontFace"):  # OpenCV 5 has an outline font with all Unicode letters
    _FONT = cv2.FontFace("sans")
    _WEIGHT = 500  # a little above regular (400): thin strokes are hard to read in a small video

    def _width(text: str, size_px: int) -> int:
        return int(cv2.getTextSize((0, 0), text, (0, 0), _FONT, size_px, _WEIGHT)[2])

    def _write(canvas: NDArray[np.uint8], text: str, origin: tuple[int, int], size_px: int) -> None:
        cv2.putText(canvas, text, origin, _WHITE, _FONT, size_px, _WEIGHT)

else:  # OpenCV 4 (with tflite-runtime) draws ASCII only

    def _width(text: str, size_px: int) -> int:
        return int(cv2.getTextSize(to_ascii(text), cv2.FONT_HERSHEY_SIMPLEX, size_px / 30, 1)[0][0])

    def _write(canvas: NDArray[np.uint8], text: str, origin: tuple[int, int], size_px: int) -> None:
        scale = size_px / 30  # FONT_HERSHEY_SIMPLEX is 30 px high at scale 1, descenders included
        cv2.putText(canvas, to_ascii(text), origin, cv2.FONT_HERSHEY_SIMPLEX, scale, _WHITE, 1, cv2.LINE_AA)


def to_ascii(text: str) -> str:
    """The text without accents, "ß" as "ss", and "?" for each letter that has no ASCII base."""
    plain = text.replace("ß", "ss").replace("…", "...")
    letters = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in letters if not unicodedata.combining(c)).encode("ascii", "replace").decode("ascii")
