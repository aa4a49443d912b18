"""Notices when the emotion model gives almost the same label to everybody, all the time.

"Always sad, always neutral" is the most common complaint about emotion software, and it has causes that can be fixed:
light from behind, a crop that does not fit the model, the wrong model. A warning in the health message says so.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable

from edge_fer.domain.faces import EmotionState, Observation, TrackState

_BUCKET_S = 60.0
_WINDOW_BUCKETS = 30
"""Half an hour: longer than a film or a test paper keeps one face in one expression."""

_MIN_LABELED_S = 600.0
"""Seconds of labeled faces that a warning needs."""

_MIN_TRACKS = 3
"""Visits that a warning needs: one quiet person does not prove a fault of the model."""

_DOMINANT_SHARE = 0.9


class LabelBiasMonitor:
    """Counts the labeled seconds of all faces over the last half hour; one thread owns it."""

    def __init__(self) -> None:
        self._seconds: deque[defaultdict[str, float]] = deque(maxlen=_WINDOW_BUCKETS)
        self._tracks: deque[set[int]] = deque(maxlen=_WINDOW_BUCKETS)
        self._bucket_ends_s = -math.inf
        self._last_s: float | None = None

    def observe(self, observations: Iterable[Observation], now_s: float) -> None:
        """Count one frame; a pause of more than a second between two frames counts as one second."""
        elapsed_s = 0.0 if self._last_s is None else min(max(now_s - self._last_s, 0.0), 1.0)
        self._last_s = now_s
        if now_s >= self._bucket_ends_s:
            self._seconds.append(defaultdict(float))
            self._tracks.append(set())
            self._bucket_ends_s = now_s + _BUCKET_S
        for observation in observations:
            emotion = observation.emotion
            if observation.track.state is TrackState.CONFIRMED and emotion.state is EmotionState.OK and emotion.label:
                self._seconds[-1][emotion.label] += elapsed_s
                self._tracks[-1].add(observation.track.track_id)

    def warning(self) -> str | None:
        """What is wrong with the labels, in words; None where nothing is."""
        totals_s: defaultdict[str, float] = defaultdict(float)
        for bucket in self._seconds:
            for label, seconds in bucket.items():
                totals_s[label] += seconds
        total_s = sum(totals_s.values())
        tracks = set().union(*self._tracks)
        if total_s < _MIN_LABELED_S or len(tracks) < _MIN_TRACKS:
            return None
        label, most_s = max(totals_s.items(), key=lambda item: item[1])
        if most_s <= _DOMINANT_SHARE * total_s:
            return None
        return (
            f"{most_s / total_s:.0%} of the last half hour's labels, of {len(tracks)} visits, are {label!r}: check the "
            "light and the camera's focus, and whether models.emotion is the right model"
        )
