"""Detections of single frames → tracks over time. Lifetimes are in seconds, so the frame rate does not matter.

A track is one visit of one face. Its motion predicts where it is expected; the detection that overlaps this place most
continues it, and it survives short misses. A face that comes back later is a new visit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edge_fer.config.schema import TrackingConfig
from edge_fer.domain.faces import Detection, Track, TrackState
from edge_fer.domain.geometry import Box

_MOTION_S = 0.3
"""Time constant of the velocity estimate: longer than a detection's jitter, shorter than a turn of the head."""

_MAX_DISTANCE = 0.75
"""Boxes without overlap are the same face up to this distance of centers, in mean sides, if their sizes are similar."""

_SIMILAR_SIZE = 0.6
"""Smaller side over larger side of boxes of similar size, at least."""


class Tracker:
    """Follows faces from frame to frame; one thread owns it."""

    def __init__(self, config: TrackingConfig) -> None:
        self._config = config
        self._alive: tuple[Track, ...] = ()
        self._next_id = 1
        self._updated_s = 0.0

    @property
    def has_missed(self) -> bool:
        """Whether a live track was not detected in the last frame."""
        return any(track.detection is None for track in self._alive)

    def end_tracks(self) -> None:
        """End every track at once, silently; ids are not used again."""
        self._alive = ()

    def expected(self, now_s: float) -> tuple[Box, ...]:
        """Where the faces of the live tracks should be at `now_s`, oldest track first."""
        step_s = now_s - self._updated_s
        return tuple(
            track.box.moved(track.velocity_px_s[0] * step_s, track.velocity_px_s[1] * step_s) for track in self._alive
        )

    def update(self, detections: Sequence[Detection], expected: Sequence[Box], now_s: float) -> tuple[Track, ...]:
        """Assign the detections of one frame to tracks.

        Args:
            detections: Of this frame.
            expected: What `expected(now_s)` has returned.
            now_s: The frame's monotonic time; never before that of the last call.

        Returns:
            All live tracks, oldest first, and those that ended with this frame as LOST.
        """
        step_s, self._updated_s = now_s - self._updated_s, now_s
        pairs = associate(expected, [found.box for found in detections], self._config.min_iou)
        tracks = [
            _matched(track, box, detections[pairs[i]], now_s, self._config)
            if i in pairs
            else _missed(track, box, step_s)
            for i, (track, box) in enumerate(zip(self._alive, expected, strict=True))
        ]
        tracks = [track if self._is_alive(track, now_s) else replace(track, state=TrackState.LOST) for track in tracks]
        tracks += [
            self._new_track(detections[j], now_s) for j in sorted(set(range(len(detections))) - set(pairs.values()))
        ]
        self._alive = tuple(track for track in tracks if track.state is not TrackState.LOST)
        return tuple(tracks)

    def _new_track(self, detection: Detection, now_s: float) -> Track:
        state = TrackState.CONFIRMED if _confirms(1, detection, self._config) else TrackState.TENTATIVE
        track = Track(self._next_id, state, detection.box, now_s, now_s, 1, detection)
        self._next_id += 1
        return track

    def _is_alive(self, track: Track, now_s: float) -> bool:
        # an unconfirmed track lives a third as long: a false alarm seldom repeats
        max_missed_s = self._config.max_missed_s / (1 if track.state is TrackState.CONFIRMED else 3)
        return now_s - track.last_seen_s <= max_missed_s


def associate(expected: Sequence[Box], found: Sequence[Box], min_iou: float) -> dict[int, int]:
    """Pair expected boxes with found ones, best overlap first; those left over by distance and similar size.

    Returns:
        Index in `expected` → index in `found`; each at most once.
    """
    pairs = _greedy(expected, found, Box.iou, min_iou, {})
    if len(pairs) == min(len(expected), len(found)):
        return pairs
    return _greedy(expected, found, _proximity, 1 - _MAX_DISTANCE, pairs)


def _greedy(
    expected: Sequence[Box],
    found: Sequence[Box],
    affinity: Callable[[Box, Box], float],
    min_affinity: float,
    paired: Mapping[int, int],
) -> dict[int, int]:
    """`paired` and further pairs, those of the greatest affinity first; plain floats are fast for few faces."""
    pairs = dict(paired)
    rated = [
        (-value, i, j)
        for i, a in enumerate(expected)
        for j, b in enumerate(found)
        if (value := affinity(a, b)) >= min_affinity
    ]
    for _, i, j in sorted(rated):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _proximity(a: Box, b: Box) -> float:
    """1 − distance of centers over mean side, and −1 for boxes of different size."""
    side_a, side_b = math.sqrt(a.width * a.height), math.sqrt(b.width * b.height)
    if min(side_a, side_b) < _SIMILAR_SIZE * max(side_a, side_b):
        return -1.0
    return 1 - math.dist(a.center, b.center) / max((side_a + side_b) / 2, 1e-6)


def _confirms(hits: int, detection: Detection, config: TrackingConfig) -> bool:
    """Whether this detection confirms a track. One of low score continues a visit but does not begin one.

    Source: Zhang et al. 2022 (ByteTrack), section 3: only detections of high score begin a track.
    """
    return hits >= config.confirm_hits and detection.score >= config.confirm_score


def _matched(track: Track, expected: Box, detection: Detection, now_s: float, config: TrackingConfig) -> Track:
    hits = track.hits + 1
    state = TrackState.CONFIRMED if _confirms(hits, detection, config) else track.state
    velocity_px_s = _velocity(track, expected, detection.box, now_s)
    return Track(track.track_id, state, detection.box, track.first_seen_s, now_s, hits, detection, velocity_px_s)


def _missed(track: Track, expected: Box, step_s: float) -> Track:
    """The track moved on, slowing down: a face that left at speed must not sweep over its neighbors."""
    decay = math.exp(-step_s / _MOTION_S)
    vx, vy = track.velocity_px_s
    return replace(track, box=expected, detection=None, velocity_px_s=(vx * decay, vy * decay))


def _velocity(track: Track, expected: Box, box: Box, now_s: float) -> tuple[float, float]:
    """The velocity, corrected by how far the face is from where it was expected."""
    elapsed_s = now_s - track.last_seen_s
    vx, vy = track.velocity_px_s
    if elapsed_s <= 0:
        return vx, vy
    gain = (1 - math.exp(-elapsed_s / _MOTION_S)) / elapsed_s
    (expected_x, expected_y), (x, y) = expected.center, box.center
    return vx + gain * (x - expected_x), vy + gain * (y - expected_y)
