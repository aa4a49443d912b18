"""When the whole frame is searched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box
from edge_fer.vision.search_policy import SearchPolicy

RNG = np.random.default_rng(0)
BACKGROUND = RNG.integers(0, 200, (24, 32, 3), np.uint8).repeat(20, axis=0).repeat(20, axis=1)


def noisy(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with a webcam's noise of 3 gray levels."""
    return np.clip(rgb + RNG.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)


def searched(
    search_policy: SearchPolicy,
    frames: list[NDArray[np.uint8]],
    fps: float,
    *,
    followed: tuple[Box, ...] = (),
    lost_sight: bool = False,
) -> list[bool]:
    """For each frame, whether it is searched."""
    return [
        search_policy.needs_search(rgb, number / fps, followed=followed, lost_sight=lost_sight and number > 0)
        for number, rgb in enumerate(frames)
    ]


def test_a_still_scene_is_searched_at_the_interval() -> None:
    """The first frame, then every half second, in spite of noise."""
    done = searched(SearchPolicy(0.5), [noisy(BACKGROUND) for _ in range(30)], 10)
    assert [number for number, yes in enumerate(done) if yes] == [0, 5, 10, 15, 20, 25]


def test_a_new_face_is_looked_for_sooner() -> None:
    """A change of the size of a face leads to a search before the interval is over."""
    entered = BACKGROUND.copy()
    entered[200:250, 300:340] = 255 - entered[200:250, 300:340]
    done = searched(SearchPolicy(3.0), [noisy(BACKGROUND)] * 12 + [noisy(entered)] * 3, 10)
    assert [number for number, yes in enumerate(done) if yes] == [0, 12]


def test_constant_motion_does_not_search_every_frame() -> None:
    """At most three times as many searches as in a still scene."""
    waving = [np.roll(BACKGROUND, 40 * number, axis=1) for number in range(30)]
    assert sum(searched(SearchPolicy(0.6), waving, 10)) <= 16


def test_a_missed_face_is_looked_for_sooner() -> None:
    """It may have moved quickly."""
    done = searched(SearchPolicy(0.9), [BACKGROUND] * 10, 10, lost_sight=True)
    assert [number for number, yes in enumerate(done) if yes] == [0, 3, 6, 9]


def test_zero_searches_every_frame() -> None:
    """For those who accept the cost."""
    assert all(searched(SearchPolicy(0.0), [BACKGROUND] * 5, 10))


def test_a_change_of_light_is_a_change() -> None:
    """A face in the dark may be found now."""
    bright = np.clip(BACKGROUND.astype(int) + 60, 0, 255).astype(np.uint8)
    assert searched(SearchPolicy(3.0), [BACKGROUND] * 11 + [bright], 10)[-1]


def waving(number: int) -> NDArray[np.uint8]:
    """A person in the middle of the frame moves a hand, to another place in every frame."""
    rgb: NDArray[np.uint8] = BACKGROUND.copy()
    rgb[300:340, 260 + 20 * (number % 4) : 300 + 20 * (number % 4)] = 255
    return rgb


def test_followed_people_may_move() -> None:
    """Their hands cause no searches; without the box, they do."""
    frames = [waving(number) for number in range(20)]
    sitting = Box(290, 180, 350, 250)
    assert sum(searched(SearchPolicy(0.9), frames, 10, followed=(sitting,))) == 3
    assert sum(searched(SearchPolicy(0.9), frames, 10)) > 3


def test_a_change_apart_from_followed_people_counts() -> None:
    """Out of reach of their arms, it is somebody else."""
    entered = BACKGROUND.copy()
    entered[200:260, 520:570] = 255
    done = searched(SearchPolicy(3.0), [BACKGROUND] * 12 + [entered], 10, followed=(Box(100, 100, 160, 170),))
    assert done[-1]


@pytest.mark.parametrize("box", [Box(-500, -500, -400, -400), Box(600, 440, 900, 900), Box(5, 5, 5, 5)])
def test_a_face_at_or_beyond_the_edge(box: Box) -> None:
    """A box outside the frame masks nothing."""
    assert searched(SearchPolicy(0.5), [BACKGROUND] * 3, 10, followed=(box,)) == [True, False, False]
