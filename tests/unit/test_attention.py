"""When the whole frame is searched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_fer.attention import Attention

RNG = np.random.default_rng(0)
ROOM = RNG.integers(0, 200, (24, 32, 3), np.uint8).repeat(20, axis=0).repeat(20, axis=1)


def noisy(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With a webcam's noise of 3 grey levels."""
    return np.clip(rgb + RNG.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)


def searched(
    attention: Attention, pictures: list[NDArray[np.uint8]], fps: float, lost_sight: bool = False
) -> list[bool]:
    return [
        attention.needs_search(rgb, number / fps, lost_sight=lost_sight and number > 0)
        for number, rgb in enumerate(pictures)
    ]


def test_a_still_room_is_searched_at_the_interval() -> None:
    """First frame, then every half second, noise or not."""
    done = searched(Attention(0.5), [noisy(ROOM) for _ in range(30)], 10)
    assert [number for number, yes in enumerate(done) if yes] == [0, 5, 10, 15, 20, 25]


def test_somebody_new_is_looked_for_sooner() -> None:
    """A patch of a face's size that changes is searched before the interval is over."""
    entered = ROOM.copy()
    entered[200:250, 300:340] = 255 - entered[200:250, 300:340]
    done = searched(Attention(3.0), [noisy(ROOM)] * 12 + [noisy(entered)] * 3, 10)
    assert [number for number, yes in enumerate(done) if yes] == [0, 12]


def test_constant_motion_does_not_search_every_frame() -> None:
    """A waving hand costs three times the searches of a still room, not all of them."""
    waving = [np.roll(ROOM, 40 * number, axis=1) for number in range(30)]
    assert sum(searched(Attention(0.6), waving, 10)) <= 16


def test_a_face_lost_from_sight_is_looked_for_sooner() -> None:
    """It may only have moved quickly."""
    done = searched(Attention(0.9), [ROOM] * 10, 10, lost_sight=True)
    assert [number for number, yes in enumerate(done) if yes] == [0, 3, 6, 9]


def test_zero_searches_every_frame() -> None:
    """The choice of who wants the most, whatever it costs."""
    assert all(searched(Attention(0.0), [ROOM] * 5, 10))


def test_a_change_of_light_is_a_change() -> None:
    """The lamp goes on: whoever sat in the dark may be found now."""
    bright = np.clip(ROOM.astype(int) + 60, 0, 255).astype(np.uint8)
    assert searched(Attention(3.0), [ROOM] * 11 + [bright], 10)[-1]
