"""Overlays: what is drawn where, readable, and never on the caller's frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_fer.domain.faces import (
    Detection,
    Emotion,
    EmotionState,
    Identity,
    IdentityState,
    Observation,
    Track,
    TrackState,
)
from edge_fer.domain.geometry import Box, Landmarks, Point
from edge_fer.preview import overlay

BOX = Box(200, 200, 300, 320)
HAPPY = Emotion(EmotionState.OK, "happy", {"happy": 0.714, "sad": 0.286}, 1.0)
UNSURE = Emotion(EmotionState.ABSTAIN, None, {}, 1.0, "too small")


def known(name: str) -> Identity:
    return Identity(IdentityState.KNOWN, name, 0.97, 0.1, 3)


def observed(
    identity: Identity,
    emotion: Emotion = UNSURE,
    *,
    box: Box = BOX,
    state: TrackState = TrackState.CONFIRMED,
    missed: bool = False,
) -> Observation:
    shares = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
    points = Landmarks(*(Point(box.x1 + box.width * x, box.y1 + box.height * y) for x, y in shares))
    detection = None if missed else Detection(box, 0.99, points)
    return Observation(Track(1, state, box, 0.0, 0.0, 5, detection), None, identity, emotion)


def gray_frame(level: int = 100, width_px: int = 640, height_px: int = 480) -> NDArray[np.uint8]:
    return np.full((height_px, width_px, 3), level, np.uint8)


def changed_box(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Box:
    """The smallest box around all pixels that differ."""
    y, x = np.nonzero((before != after).any(axis=2))
    return Box(float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))


@pytest.mark.parametrize(
    ("identity", "emotion", "lines"),
    [
        (known("Ada"), HAPPY, ("Ada", "happy 71%")),
        (known("Ada"), UNSURE, ("Ada",)),
        (Identity(IdentityState.UNKNOWN), HAPPY, ("unknown", "happy 71%")),
        (Identity(IdentityState.PENDING), UNSURE, ("…",)),
        (Identity(IdentityState.ABSTAIN), UNSURE, ("?",)),
        (Identity(IdentityState.DISABLED), HAPPY, ("happy 71%",)),
        (Identity(IdentityState.DISABLED), Emotion(EmotionState.DISABLED), ()),
    ],
)
def test_the_caption_has_identity_and_emotion(identity: Identity, emotion: Emotion, lines: tuple[str, ...]) -> None:
    """A line for each that is known."""
    assert overlay.caption(observed(identity, emotion)) == lines


def test_the_callers_frame_is_not_changed() -> None:
    """Frames are read-only, and the overlay is a new, writable array."""
    rgb = gray_frame()
    rgb.flags.writeable = False
    drawn = overlay.overlay(rgb, [observed(known("Ada"), HAPPY)])
    assert (rgb == 100).all()
    assert drawn.flags.writeable
    assert drawn.shape == rgb.shape
    assert (drawn != rgb).any()


def test_without_faces_nothing_is_drawn() -> None:
    """No observation, or only a track that has ended: the same pixels."""
    assert (overlay.overlay(gray_frame(), []) == 100).all()
    assert (overlay.overlay(gray_frame(), [observed(known("Ada"), state=TrackState.LOST)]) == 100).all()


@pytest.mark.parametrize("state", IdentityState)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_the_box_has_the_color_of_the_state_on_any_background(state: IdentityState, level: int) -> None:
    """Black, gray and white; measured in the middle of the left edge."""
    identity = known("Ada") if state is IdentityState.KNOWN else Identity(state)
    drawn = overlay.overlay(gray_frame(level), [observed(identity)])
    np.testing.assert_allclose(drawn[300, 200].astype(int), overlay.COLORS[state], atol=3)  # anti-aliasing


@pytest.mark.parametrize("color", set(overlay.COLORS.values()))
def test_white_text_is_readable_on_every_color(color: tuple[int, int, int]) -> None:
    """Contrast of at least 4.5 : 1, WCAG 2.1's limit for text of this size."""
    shares = np.array(color) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_landmarks_are_marked_while_the_face_is_detected() -> None:
    """Each point has a dot; a missed face has none, and a thinner box."""
    observation = observed(Identity(IdentityState.DISABLED))
    assert observation.track.detection
    drawn = overlay.overlay(gray_frame(), [observation])
    missed = overlay.overlay(gray_frame(), [observed(Identity(IdentityState.DISABLED), missed=True)])
    for point in observation.track.detection.landmarks:
        y, x = round(point.y), round(point.x)
        assert (drawn[y, x] != 100).any()
        assert (missed[y, x] == 100).all()
    assert (missed != 100).sum() < (drawn != 100).sum()


def test_lines_and_text_scale_with_the_frame() -> None:
    """In a frame twice as large, what is drawn is about twice as large."""
    small = changed_box(gray_frame(), overlay.overlay(gray_frame(), [observed(known("Ada Lovelace"))]))
    large_box = Box(*(2 * side for side in (BOX.x1, BOX.y1, BOX.x2, BOX.y2)))
    large_frame = gray_frame(width_px=1280, height_px=960)
    large = changed_box(large_frame, overlay.overlay(large_frame, [observed(known("Ada Lovelace"), box=large_box)]))
    assert large.width / small.width == pytest.approx(2, rel=0.1)
    assert large.height / small.height == pytest.approx(2, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(st.floats(-300, 800), st.floats(-300, 700), st.floats(1, 900), st.text(max_size=60))
def test_any_box_and_any_name_can_be_drawn(x: float, y: float, side: float, name: str) -> None:
    """Boxes outside the frame, empty names, control characters and any script."""
    drawn = overlay.overlay(gray_frame(), [observed(known(name), HAPPY, box=Box(x, y, x + side, y + side))])
    assert drawn.shape == (480, 640, 3)


@pytest.mark.parametrize("box", [Box(5, 2, 60, 70), Box(600, 2, 700, 90), Box(600, 430, 700, 500)])
def test_a_caption_stays_in_the_frame(box: Box) -> None:
    """At every corner it covers as many pixels as in the middle."""

    def covered_px(observation: Observation) -> int:
        drawn = overlay.overlay(gray_frame(), [observation])
        return int((drawn == overlay.COLORS[IdentityState.KNOWN]).all(axis=2).sum())

    middle = Box(300, 240, 300, 240)  # a box without area: only the caption is drawn
    corner = Box(box.x1, box.y1, box.x1, box.y1)
    assert covered_px(observed(known("Ada Lovelace"), HAPPY, box=corner, missed=True)) >= 0.95 * covered_px(
        observed(known("Ada Lovelace"), HAPPY, box=middle, missed=True)
    )


def test_letters_beyond_ascii_are_drawn() -> None:
    """Where OpenCV's font has them; neither as question marks nor without accents."""
    if not hasattr(cv2, "FontFace"):
        pytest.skip("OpenCV 4 draws ASCII only")
    names = ("Jürgen", "J?rgen", "Jurgen")
    images = [overlay.overlay(gray_frame(), [observed(known(name))]).tobytes() for name in names]
    assert len(set(images)) == 3


@pytest.mark.parametrize(
    ("text", "plain_text"),
    [("Jürgen Groß", "Jurgen Gross"), ("Žižek", "Zizek"), ("…", "..."), ("王", "?"), ("Ada", "Ada")],
)
def test_text_for_old_opencv(text: str, plain_text: str) -> None:
    """Accents are removed, the sharp s becomes ss, and letters without an ASCII base become question marks."""
    assert overlay.to_ascii(text) == plain_text
