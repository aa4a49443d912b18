"""The packed pyramid: every cell stands for its box in the frame, for any frame size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_fer.vision import pyramid

sizes = st.tuples(st.integers(1, 900), st.integers(1, 900), st.integers(20, 200))


@given(sizes)
@settings(max_examples=60, deadline=None)
def test_levels_do_not_overlap(size: tuple[int, int, int]) -> None:
    """No two levels share a pixel, all numbers are even, and all levels are inside the canvas."""
    layout = pyramid.plan(*size, 0.709)
    used = np.zeros((layout.height_px, layout.width_px), int)
    for level in layout.levels:
        assert not any(value % 2 for value in (level.x, level.y, level.width, level.height))
        assert level.x + level.width <= layout.width_px
        assert level.y + level.height <= layout.height_px
        used[level.y : level.y + level.height, level.x : level.x + level.width] += 1
    assert used.max(initial=0) <= 1


@given(sizes)
@settings(max_examples=60, deadline=None)
def test_windows_are_inside_the_frame(size: tuple[int, int, int]) -> None:
    """Every valid cell's window, none much smaller than the smallest face."""
    width, height, min_face = size
    layout = pyramid.plan(width, height, min_face, 0.709)
    windows = layout.windows[layout.level_of >= 0]
    assert (windows >= 0).all()
    assert (windows <= np.array((width, height, width, height)) * 1.0001).all()
    if layout.levels:
        sides = windows[:, 2:] - windows[:, :2]
        assert (sides > min_face * 0.8).all()  # sizes are rounded to even pixels
        assert (layout.level_of == 0).any()


def test_cells_show_their_windows() -> None:
    """A bright square in the frame is bright on the canvas in the cells whose windows cover it."""
    layout = pyramid.plan(640, 480, 40, 0.709)
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[200:260, 300:360] = 255
    canvas = np.zeros((layout.height_px, layout.width_px, 3), np.uint8)
    pyramid.fill_canvas(canvas, layout, pyramid.ImagePyramid(rgb))
    columns = (layout.width_px - pyramid.CELL_PX) // pyramid.STRIDE_PX + 1
    for index in np.flatnonzero(layout.level_of >= 0)[::97]:
        row, column = divmod(int(index), columns)
        patch = canvas[2 * row : 2 * row + 12, 2 * column : 2 * column + 12, 0]
        x1, y1, x2, y2 = layout.windows[index]
        expected = cv2.resize(rgb[int(y1) : round(y2), int(x1) : round(x2), 0], (1, 1), interpolation=cv2.INTER_AREA)
        assert abs(float(patch.mean()) - float(expected.item())) < 40  # a pixel of the level's edge at most


def test_a_face_of_the_smallest_size_fills_one_window() -> None:
    """The largest level shows min_face_px as twelve pixels."""
    layout = pyramid.plan(640, 480, 40, 0.709)
    first = layout.windows[layout.level_of == 0]
    np.testing.assert_allclose(first[0, 2:] - first[0, :2], 40, rtol=0.02)


@pytest.mark.parametrize("size", [(640, 480, 40), (480, 640, 40), (1280, 720, 40), (640, 480, 20), (1920, 1080, 40)])
def test_the_canvas_wastes_little(size: tuple[int, int, int]) -> None:
    """At most an eighth; no other width would give a smaller canvas."""
    layout = pyramid.plan(*size, 0.709)
    sizes = [(level.width, level.height) for level in layout.levels]
    area = layout.width_px * layout.height_px
    assert area < 1.125 * sum(width * height for width, height in sizes)
    widest = sizes[0][0]
    tried = (pyramid._shelve(sizes, width) for width in range(widest, 3 * widest, 16))
    assert area <= min(width * height for width, height, _ in tried)


@pytest.mark.parametrize("shape", [(480, 640), (481, 641), (3, 3), (2, 9), (1, 1)])
def test_halvings_are_exact(shape: tuple[int, int]) -> None:
    """Each halving is the mean of 2×2 pixels of the one before; odd last rows and columns are left out."""
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    halvings = pyramid.ImagePyramid(rgb)
    for index in range(1, halvings.count):
        large, small = halvings[index - 1], halvings[index]
        height, width = small.shape[:2]
        assert (height, width) == (large.shape[0] // 2, large.shape[1] // 2)
        blocks = large[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
        assert np.abs(blocks - small).max() <= 0.5 + 1e-6  # rounding to bytes
    assert min(halvings[halvings.count - 1].shape[:2]) == 1
