"""The whole pipeline on the shipped portraits: who it is, how often it asks, and what it forgets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_fer.config import loading, schema
from edge_fer.domain.faces import EmotionState, Frame, IdentityState, Observation, TrackState
from edge_fer.domain.geometry import Box
from edge_fer.errors import ConfigError, EnrollError, GalleryError, ModelError
from edge_fer.identity import enrollment
from edge_fer.identity import gallery as galleries
from edge_fer.identity.gallery import Gallery
from edge_fer.pipeline import building
from tests.portraits import ASTRONAUT, GRACE_HOPPER, picture

BLACK = np.zeros((512, 1024, 3), np.uint8)


def scene(*people: Path) -> NDArray[np.uint8]:
    """512 × 1024: the astronaut at the left, Grace Hopper at the right, each only where asked for."""
    rgb: NDArray[np.uint8] = BLACK.copy()
    if ASTRONAUT in people:
        rgb[:, :512] = picture(ASTRONAUT)
    if GRACE_HOPPER in people:
        rgb[:, 512:] = picture(GRACE_HOPPER)[:512]
    return rgb


@pytest.fixture
def enrolled(tmp_path: Path) -> schema.Config:
    """A configuration whose gallery holds the astronaut."""
    unhurried = {"pipeline.target_fps": 0.1}  # whatever this machine is busy with, every job is done
    settings = loading.load(None, {"identity.gallery": str(tmp_path / "gallery.npz"), **unhurried})
    enrollment.enroll(settings, "Eileen", [ASTRONAUT])
    return settings


@pytest.fixture
def feed(enrolled: schema.Config) -> Callable[..., list[tuple[Observation, ...]]]:
    """Feeds scenes, a tenth of a second apart, to one pipeline."""
    stages = building.build(enrolled)
    count = 0

    def step(*scenes: NDArray[np.uint8]) -> list[tuple[Observation, ...]]:
        nonlocal count
        seen = []
        for rgb in scenes:
            seen.append(stages.process(Frame(rgb, count, count / 10, datetime.now(timezone.utc))))
            count += 1
        return seen

    return step


Feed = Callable[..., list[tuple[Observation, ...]]]


def test_who_is_enrolled_is_named_and_who_is_not_is_not(feed: Feed) -> None:
    """Both are seen; one is Eileen within a second, the other is unknown and stays so."""
    last = feed(*[scene(ASTRONAUT, GRACE_HOPPER)] * 30)[-1]
    left, right = sorted(last, key=lambda seen: seen.track.box.x1)
    assert (left.identity.state, left.identity.subject) == (IdentityState.KNOWN, "Eileen")
    assert (right.identity.state, right.identity.subject) == (IdentityState.UNKNOWN, None)
    assert left.identity.votes == 3
    assert right.identity.votes == 12


def test_the_answers_hold_while_the_face_is_hidden(feed: Feed) -> None:
    """A second without a detection changes neither id nor name."""
    before = feed(*[scene(ASTRONAUT)] * 8)[-1][0]
    hidden = feed(*[BLACK] * 9)[-1][0]
    after = feed(scene(ASTRONAUT))[-1][0]
    for seen in (hidden, after):
        assert seen.track.track_id == before.track.track_id
        assert seen.identity.subject == "Eileen"
    assert hidden.track.detection is None
    assert hidden.quality is None


def test_a_visit_ends_once_and_is_forgotten(feed: Feed) -> None:
    """One LOST observation that still names the person; the next visit starts with no votes."""
    feed(*[scene(ASTRONAUT)] * 8)
    ended = [seen for frame in feed(*[BLACK] * 25) for seen in frame if seen.track.state is TrackState.LOST]
    assert [seen.identity.subject for seen in ended] == ["Eileen"]
    again = feed(*[scene(ASTRONAUT)] * 3)[-1][0]
    assert again.track.track_id != ended[0].track.track_id
    assert again.identity.votes <= 1


def test_nothing_is_kept_of_who_has_left(enrolled: schema.Config) -> None:
    """A daemon runs for months: what was remembered of a visit ends with it."""
    stages = building.build(enrolled)
    for number, rgb in enumerate([scene(ASTRONAUT)] * 4 + [BLACK] * 25):
        stages.process(Frame(rgb, number, number / 10, datetime.now(timezone.utc)))
        assert bool(stages._memories) is (number < 4 or bool(stages._tracker.expected(number / 10)))
    assert not stages._memories


def test_emotions_are_of_the_models_labels(feed: Feed) -> None:
    """A broad smile is happy; scores sum to one."""
    seen = feed(*[scene(ASTRONAUT)] * 10)[-1][0]
    assert sum(seen.emotion.scores.values()) == pytest.approx(1, abs=1e-5)
    assert (seen.emotion.state, seen.emotion.label) == (EmotionState.OK, "happy")


def test_another_gallery_applies_at_once(enrolled: schema.Config) -> None:
    """Erased while in front of the camera: not named from the next frame on."""
    stages = building.build(enrolled)

    def look(first: int) -> Observation:
        for number in range(first, first + 8):
            seen = stages.process(Frame(scene(ASTRONAUT), number, number / 10, datetime.now(timezone.utc)))
        return seen[0]

    assert look(0).identity.subject == "Eileen"
    stages.use_gallery(Gallery(stages.models[3].manifest.sha256))
    assert look(8).identity.state is IdentityState.UNKNOWN


def test_what_is_disabled_costs_nothing(tmp_path: Path) -> None:
    """No model of a disabled stage is even loaded."""
    settings = loading.load(
        None, {"identity.enabled": False, "emotion.enabled": False, "models.identity": "none.tflite"}
    )
    stages = building.build(settings)
    assert len(stages.models) == 3
    seen = stages.process(Frame(scene(ASTRONAUT), 0, 0.0, datetime.now(timezone.utc)))[0]
    assert seen.identity.state is IdentityState.DISABLED
    assert seen.emotion.state is EmotionState.DISABLED


def test_timings_account_for_the_frame(enrolled: schema.Config) -> None:
    """Stages and invoke time stay within the total."""
    stages = building.build(enrolled)
    used: set[str] = set()
    for number in range(8):
        stages.process(Frame(scene(ASTRONAUT), number, number / 10, datetime.now(timezone.utc)))
        timings = stages.timings
        assert 0 < timings.invoke_s < timings.total_s
        assert sum(timings.stages.values()) <= timings.total_s
        used |= {stage for stage, seconds in timings.stages.items() if seconds > 0}
    assert used == set(timings.stages)


def _no_face(folder: Path) -> Path:
    path = folder / "wall.png"
    _write(path, np.full((300, 300, 3), 120, np.uint8))
    return path


def _two_faces(folder: Path) -> Path:
    path = folder / "both.png"
    _write(path, scene(ASTRONAUT, GRACE_HOPPER))
    return path


def _no_picture(folder: Path) -> Path:
    path = folder / "text.jpg"
    path.write_text("no picture")
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.jpg"
    path.write_bytes(b"")
    return path


def _write(path: Path, rgb: NDArray[np.uint8]) -> None:
    import cv2  # noqa: PLC0415

    assert cv2.imwrite(str(path), rgb[..., ::-1])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_no_face, "no face found"),
        (_two_faces, "2 faces found"),
        (_no_picture, "not a readable image"),
        (_empty, "not a readable image"),
        (lambda folder: folder / "missing.jpg", "No such file"),
    ],
)
def test_a_photo_nobody_can_be_enrolled_from(
    enrolled: schema.Config, tmp_path: Path, make: Callable[[Path], Path], told: str
) -> None:
    """Refused by name, and the good photo beside it is not taken either."""
    before = enrolled.identity.gallery.read_bytes()
    with pytest.raises(EnrollError, match=told):
        enrollment.enroll(enrolled, "Grace", [GRACE_HOPPER, make(tmp_path)])
    assert enrolled.identity.gallery.read_bytes() == before


def test_photos_add_up(enrolled: schema.Config) -> None:
    """Enrolling again adds to what is there; a large photo is brought down first."""
    enrollment.enroll(enrolled, "Eileen", [ASTRONAUT])
    enrollment.enroll(enrolled, "Grace", [GRACE_HOPPER])
    manifest = building.build(enrolled).models[3].manifest
    assert galleries.load(enrolled.identity.gallery, manifest).photo_counts() == {"Eileen": 2, "Grace": 1}


def test_enrolling_with_identity_off_is_refused(tmp_path: Path) -> None:
    """Nobody's template is made where identity is disabled."""
    settings = loading.load(None, {"identity.enabled": False, "identity.gallery": str(tmp_path / "g.npz")})
    with pytest.raises(ConfigError, match=r"identity\.enabled"):
        enrollment.enroll(settings, "Eileen", [ASTRONAUT])


def test_a_damaged_gallery_stops_the_start(enrolled: schema.Config) -> None:
    """Rather than running with nobody known."""
    enrolled.identity.gallery.write_bytes(b"damaged")
    with pytest.raises(GalleryError):
        building.build(enrolled)


def test_under_load_no_face_starves(tmp_path: Path) -> None:
    """With a budget for one job a frame, both faces get a name or a no, and both get emotions, in turn."""
    flags = {"identity.gallery": str(tmp_path / "g.npz"), "pipeline.target_fps": 240, "pipeline.cpu_budget": 0.05}
    settings = loading.load(None, flags)
    enrollment.enroll(settings, "Eileen", [ASTRONAUT])
    stages = building.build(settings)
    for number in range(80):
        seen = stages.process(Frame(scene(ASTRONAUT, GRACE_HOPPER), number, number / 10, datetime.now(timezone.utc)))
    assert {face.identity.subject for face in seen} == {"Eileen", None}
    assert all(face.emotion.scores for face in seen)
    assert stages.load.emotion_age_s <= 0.4
    assert stages.load.degradations  # 0.2 ms a frame cannot even find faces, and it is said
    assert stages._detector.min_face_px > settings.detector.min_face_px  # and done
    assert stages._search_policy._interval_s > settings.detector.search_interval_s
    assert len(seen) == 2


@given(st.lists(st.tuples(st.integers(1, 700), st.integers(1, 700)), min_size=2, max_size=4), st.integers(0, 9))
@settings(max_examples=15)
def test_frames_of_any_and_changing_size(sizes: list[tuple[int, int]], seed: int) -> None:
    """One pixel wide, one pixel high, a face cut anywhere: never a crash, and boxes are finite."""
    stages = building.build(loading.load(None, {"identity.enabled": False, "pipeline.target_fps": 0.1}))
    rng = np.random.default_rng(seed)
    for number, (width, height) in enumerate(sizes):
        rgb = np.ascontiguousarray(scene(ASTRONAUT, GRACE_HOPPER)[rng.integers(0, 200) :, rng.integers(0, 600) :])
        rgb = np.resize(rgb[:height, :width], (min(height, len(rgb)), min(width, rgb.shape[1]), 3)).astype(np.uint8)
        for seen in stages.process(Frame(rgb, number, number / 10, datetime.now(timezone.utc))):
            assert np.isfinite(seen.track.box.xyxy()).all()


@pytest.mark.parametrize("shape", [(480, 640), (480, 640, 4), (480, 640, 1), (0, 640, 3)])
def test_what_is_no_rgb_picture_is_refused(shape: tuple[int, ...]) -> None:
    """Gray, four channels, empty: said with the shape, before any stage sees it."""
    with pytest.raises(ValueError, match=r"must be uint8 \(H, W, 3\), got uint8 \("):
        Frame(np.zeros(shape, np.uint8), 0, 0.0, datetime.now(timezone.utc))


def test_a_face_lost_from_sight_is_told_to_the_search_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the frame after the one in which it was not found."""
    stages = building.build(loading.load(None, {"identity.enabled": False, "emotion.enabled": False}))
    told: list[bool] = []
    ask = stages._search_policy.needs_search

    def noted(rgb: NDArray[np.uint8], now_s: float, *, followed: tuple[Box, ...], lost_sight: bool) -> bool:
        told.append(lost_sight)
        return ask(rgb, now_s, followed=followed, lost_sight=lost_sight)

    monkeypatch.setattr(stages._search_policy, "needs_search", noted)
    for number, rgb in enumerate([scene(ASTRONAUT)] * 4 + [BLACK] * 2):
        stages.process(Frame(rgb, number, number / 10, datetime.now(timezone.utc)))
    assert told == [False] * 5 + [True]


def test_a_head_that_is_none_stops_the_start(tmp_path: Path) -> None:
    """identity.head is loaded and checked, not just read from config.yaml."""
    flags = {"identity.gallery": str(tmp_path / "g.npz"), "identity.head": "emotion.tflite"}
    with pytest.raises(ModelError, match="not a face classifier"):
        building.build(loading.load(None, flags))


def test_a_head_is_one_of_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` tells of it, and its time counts as a model's; any file stands in for one here."""
    monkeypatch.setattr(building, "ClosedSetClassifier", lambda model, _: SimpleNamespace(model=model, names=("cleo",)))
    flags = {"identity.gallery": str(tmp_path / "g.npz"), "identity.head": "emotion.tflite"}
    assert len(building.build(loading.load(None, flags)).models) == 6
    assert len(building.build(loading.load(None, {**flags, "identity.head": None})).models) == 5
