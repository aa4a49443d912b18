"""When the whole frame is searched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_fer.domain.geometry import Box
from edge_fer.vision.search_policy import SearchPolicy

RNG = np.random.default_rng(0)
ROOM = RNG.integers(0, 200, (24, 32, 3), np.uint8).repeat(20, axis=0).repeat(20, axis=1)


def noisy(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With a webcam's noise of 3 gray levels."""
    return np.clip(rgb + RNG.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)


def searched(
    search_policy: SearchPolicy,
    pictures: list[NDArray[np.uint8]],
    fps: float,
    *,
    followed: tuple[Box, ...] = (),
    lost_sight: bool = False,
) -> list[bool]:
    return [
        search_policy.needs_search(rgb, number / fps, followed=followed, lost_sight=lost_sight and number > 0)
        for number, rgb in enumerate(pictures)
    ]


def test_a_still_room_is_searched_at_the_interval() -> None:
    """First frame, then every half second, noise or not."""
    done = searched(SearchPolicy(0.5), [noisy(ROOM) for _ in range(30)], 10)
    assert [number for number, yes in enumerate(done) if yes] == [0, 5, 10, 15, 20, 25]


def test_somebody_new_is_looked_for_sooner() -> None:
    """A patch of a face's size that changes is searched before the interval is over."""
    entered = ROOM.copy()
    entered[200:250, 300:340] = 255 - entered[200:250, 300:340]
    done = searched(SearchPolicy(3.0), [noisy(ROOM)] * 12 + [noisy(entered)] * 3, 10)
    assert [number for number, yes in enumerate(done) if yes] == [0, 12]


def test_constant_motion_does_not_search_every_frame() -> None:
    """A waving hand costs three times the searches of a still room, not all of them."""
    waving = [np.roll(ROOM, 40 * number, axis=1) for number in range(30)]
    assert sum(searched(SearchPolicy(0.6), waving, 10)) <= 16


def test_a_face_lost_from_sight_is_looked_for_sooner() -> None:
    """It may only have moved quickly."""
    done = searched(SearchPolicy(0.9), [ROOM] * 10, 10, lost_sight=True)
    assert [number for number, yes in enumerate(done) if yes] == [0, 3, 6, 9]


def test_zero_searches_every_frame() -> None:
    """The choice of who wants the most, whatever it costs."""
    assert all(searched(SearchPolicy(0.0), [ROOM] * 5, 10))


def test_a_change_of_light_is_a_change() -> None:
    """The lamp goes on: whoever sat in the dark may be found now."""
    bright = np.clip(ROOM.astype(int) + 60, 0, 255).astype(np.uint8)
    assert searched(SearchPolicy(3.0), [ROOM] * 11 + [bright], 10)[-1]


def waving(number: int) -> NDArray[np.uint8]:
    """Somebody at the middle of the room moves a hand, another place in every frame."""
    rgb: NDArray[np.uint8] = ROOM.copy()
    rgb[300:340, 260 + 20 * (number % 4) : 300 + 20 * (number % 4)] = 255
    return rgb


def test_who_is_followed_may_move() -> None:
    """Their hands cost no searches; without the box, they do."""
    pictures = [waving(number) for number in range(20)]
    sitting = Box(290, 180, 350, 250)
    assert sum(searched(SearchPolicy(0.9), pictures, 10, followed=(sitting,))) == 3
    assert sum(searched(SearchPolicy(0.9), pictures, 10)) > 3


def test_somebody_beside_the_followed_is_looked_for() -> None:
    """A change out of reach of their arms is somebody else."""
    entered = ROOM.copy()
    entered[200:260, 520:570] = 255
    done = searched(SearchPolicy(3.0), [ROOM] * 12 + [entered], 10, followed=(Box(100, 100, 160, 170),))
    assert done[-1]


@pytest.mark.parametrize("box", [Box(-500, -500, -400, -400), Box(600, 440, 900, 900), Box(5, 5, 5, 5)])
def test_a_face_at_or_beyond_the_edge_is_no_trouble(box: Box) -> None:
    """What is expected outside the frame masks nothing that is not there."""
    assert searched(SearchPolicy(0.5), [ROOM] * 3, 10, followed=(box,)) == [True, False, False]
