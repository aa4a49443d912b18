"""The demo's scene: what the issue asks of the clip, and that the truth is where the picture is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box
from edge_fer.samples import scene
from edge_fer.vision import boxes
from tests.portraits import picture

TRUTHS = [scene.truth(seq) for seq in range(scene.FRAMES)]


def visible(visit: int) -> list[int]:
    """Frames in which a visit's face is wholly in view."""
    return [seq for seq, truths in enumerate(TRUTHS) if any(t.visit == visit and t.visible for t in truths)]


def test_it_has_two_people_and_one_comes_back() -> None:
    """Three visits; between the two of the same person lie more than two seconds."""
    assert [portrait.subject for portrait, _ in scene.VISITS] == ["Eileen Collins", "Grace Hopper", "Eileen Collins"]
    assert (visible(2)[0] - visible(0)[-1]) / scene.FPS > 2


@pytest.mark.parametrize("visit", range(3))
def test_each_visit_is_one_stretch_of_time(visit: int) -> None:
    """A face that comes into view stays in view until it goes for good, and for at least five seconds."""
    seen = visible(visit)
    assert seen == list(range(seen[0], seen[-1] + 1))
    assert len(seen) >= 5 * scene.FPS


def test_both_are_there_for_a_while_and_never_cover_each_other() -> None:
    """At least six seconds together, without a shared pixel of the face boxes."""
    both = [truths for truths in TRUTHS if len(truths) == 2 and all(truth.visible for truth in truths)]
    assert len(both) >= 6 * scene.FPS
    for a, b in both:
        assert boxes.iou_matrix(a.face.xyxy()[None], b.face.xyxy()[None])[0, 0] == 0


def test_faces_come_in_many_sizes() -> None:
    """From about 50 to about 165 px high: everything that a webcam sees at 1 to 3 m."""
    heights = [truth.face.height for truths in TRUTHS for truth in truths if truth.visible]
    assert min(heights) == pytest.approx(55, abs=5)
    assert max(heights) == pytest.approx(165, abs=5)


def test_light_changes() -> None:
    """The mean brightness of the background varies by at least a third over the clip."""
    levels = [float(scene.render(seq)[:40].mean()) for seq in range(0, scene.FRAMES, 25)]
    assert max(levels) / min(levels) > 1.33


def test_a_frame_is_the_same_every_time() -> None:
    """Noise included: the clip can be made again anywhere."""
    first = scene.render(150)
    assert first.shape == (scene.HEIGHT_PX, scene.WIDTH_PX, 3)
    assert first.dtype == np.uint8
    assert (first == scene.render(150)).all()
    assert (first != scene.render(151)).any()


def test_nobody_is_there_at_first() -> None:
    """The clip begins with an empty wall."""
    assert TRUTHS[0] == ()


def face_at(rgb: NDArray[np.uint8], box: Box) -> NDArray[np.float64]:
    """The gray 64 × 64 picture in a box, as one vector."""
    part = rgb[round(box.y1) : round(box.y2), round(box.x1) : round(box.x2)]
    gray = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, (64, 64), interpolation=cv2.INTER_AREA), np.float64).ravel()


@pytest.mark.parametrize(("visit", "seq"), [(0, 60), (0, 90), (0, 130), (1, 150), (1, 235), (2, 330), (2, 440)])
def test_the_truth_lies_where_the_picture_is(visit: int, seq: int) -> None:
    """The true box holds what the portrait's face box holds, better than a box shifted by a tenth of its side."""
    portrait = scene.VISITS[visit][0]
    still = picture(portrait.path)
    rgb, face = scene.render(seq), next(truth.face for truth in TRUTHS[seq] if truth.visit == visit)
    step = 0.1 * face.width

    def likeness(dx: float, dy: float) -> float:
        vectors = face_at(rgb, face.moved(dx, dy)), face_at(still, portrait.face)
        return float(np.corrcoef(*vectors)[0, 1])

    around = [likeness(dx * step, dy * step) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    assert likeness(0, 0) > max(around)


def test_the_share_inside_is_that_of_the_box() -> None:
    """Against a count of whole pixels, for every face that crosses an edge."""
    crossing = [truth for truths in TRUTHS for truth in truths if 0 < truth.inside < 1]
    assert crossing
    for truth in crossing:
        face = truth.face.xyxy()[None]
        clipped = np.clip(face, 0, [scene.WIDTH_PX, scene.HEIGHT_PX] * 2)
        share = boxes.area(clipped)[0] / boxes.area(face)[0]
        assert truth.inside == pytest.approx(share, abs=1e-4)
        assert truth.visible == (truth.inside >= scene.VISIBLE)
