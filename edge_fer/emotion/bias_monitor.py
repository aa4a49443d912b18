"""Notices when an emotion model says almost the same of everybody, all the time.

"Always sad, always neutral" is the commonest complaint about emotion software, and it has causes that can be mended:
light from behind, a crop that does not fit the model, the wrong model. A warning says so before a teacher does.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable

from edge_fer.domain.faces import EmotionState, Observation, TrackState

_BUCKET_S = 60.0
_WINDOW_BUCKETS = 30
"""Half an hour: longer than a film or a test paper keeps one face in one mood."""

_ENOUGH_S = 600.0
"""Face-seconds with a label, before anything is said."""

_ENOUGH_TRACKS = 3
"""Visits that they come from: one quiet person is no fault of the model."""

_DOMINANT_SHARE = 0.9


class LabelBiasMonitor:
    """Counts labeled seconds of faces over the last half hour; one thread owns it."""

    def __init__(self) -> None:
        self._buckets: deque[defaultdict[str, float]] = deque(maxlen=_WINDOW_BUCKETS)
        self._tracks: deque[set[int]] = deque(maxlen=_WINDOW_BUCKETS)
        self._bucket_ends_s = -math.inf
        self._last_s: float | None = None

    def observe(self, observations: Iterable[Observation], now_s: float) -> None:
        """Take in one frame; a pause of more than a second between frames counts as one second."""
        elapsed_s = 0.0 if self._last_s is None else min(max(now_s - self._last_s, 0.0), 1.0)
        self._last_s = now_s
        if now_s >= self._bucket_ends_s:
            self._buckets.append(defaultdict(float))
            self._tracks.append(set())
            self._bucket_ends_s = now_s + _BUCKET_S
        for seen in observations:
            emotion = seen.emotion
            if seen.track.state is TrackState.CONFIRMED and emotion.state is EmotionState.OK and emotion.label:
                self._buckets[-1][emotion.label] += elapsed_s
                self._tracks[-1].add(seen.track.track_id)

    def warning(self) -> str | None:
        """What is odd, in words, or None."""
        seconds: defaultdict[str, float] = defaultdict(float)
        for bucket in self._buckets:
            for label, spent_s in bucket.items():
                seconds[label] += spent_s
        total_s = sum(seconds.values())
        tracks = set().union(*self._tracks)
        if total_s < _ENOUGH_S or len(tracks) < _ENOUGH_TRACKS:
            return None
        label, most_s = max(seconds.items(), key=lambda item: item[1])
        if most_s <= _DOMINANT_SHARE * total_s:
            return None
        return (
            f"{most_s / total_s:.0%} of the last half hour's labels, of {len(tracks)} visits, are {label!r}: check the "
            "light and the camera's focus, and whether models.emotion is the right one"
        )
