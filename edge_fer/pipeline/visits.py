"""Observations → events: one enter and one leave for each visit, and in between only changes, or the heartbeat.

Has no clock and does no I/O: time comes with the frames, so a video gives the same events on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from edge_fer.domain.events import EmotionEvent, EmotionEventType, Event, FaceEvent, FaceEventType
from edge_fer.domain.faces import Emotion, EmotionState, Frame, Identity, IdentityState, Observation, TrackState
from edge_fer.domain.geometry import Box


@dataclass(slots=True)
class _Visit:
    """What was last reported about a track that is present."""

    observation: Observation
    box: tuple[float, float, float, float]
    face_reported_s: float
    reported_identity: tuple[IdentityState, str | None]
    emotion_reported_s: float
    reported_emotion: tuple[EmotionState, str | None] = (EmotionState.ABSTAIN, None)


class VisitTracker:
    """Keeps track of who is present and what was reported about them; one thread owns it.

    Args:
        heartbeat_s: Longest time without an event about a face that is present, in the frames' own time.
    """

    def __init__(self, *, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._present: dict[int, _Visit] = {}
        self._left: set[int] = set()

    def step(self, observations: Sequence[Observation], frame: Frame) -> tuple[Event, ...]:
        """Turn the observations of one frame into events.

        Args:
            observations: One for each live track, and one for each that ended with this frame (LOST).
            frame: That was observed.
        """
        events: list[Event] = []
        alive = {each.track.track_id for each in observations if each.track.state is not TrackState.LOST}
        for observation in observations:
            events += self._follow(observation, frame)
        for track_id in [track_id for track_id in self._present if track_id not in alive]:
            events.append(self._leave(track_id, frame.captured_at))
        self._left &= alive
        return tuple(events)

    def finish(self, at: datetime) -> tuple[Event, ...]:
        """End every visit: the daemon stops, or the camera is lost.

        A track that appears in a later `step` all the same gives no events: its visit is over. So end the tracks, too.

        Args:
            at: Wall clock of the end.

        Returns:
            One leave for each face present.
        """
        return tuple(self._leave(track_id, at) for track_id in list(self._present))

    def _follow(self, observation: Observation, frame: Frame) -> Iterator[Event]:
        track_id = observation.track.track_id
        if track_id in self._left:
            return
        visit = self._present.get(track_id)
        if visit is None:
            if observation.track.state is TrackState.CONFIRMED:
                yield self._enter(observation, frame)
                yield from self._emotion(self._present[track_id], frame)
            return
        visit.observation = observation
        visit.box = _share_of_frame(observation.track.box, frame)
        if observation.track.state is not TrackState.LOST:
            yield from self._update(visit, frame)
            yield from self._emotion(visit, frame)

    def _enter(self, observation: Observation, frame: Frame) -> FaceEvent:
        visit = _Visit(
            observation=observation,
            box=_share_of_frame(observation.track.box, frame),
            face_reported_s=frame.captured_s,
            reported_identity=_identity_key(observation.identity),
            emotion_reported_s=frame.captured_s,
        )
        self._present[observation.track.track_id] = visit
        return _face(FaceEventType.ENTER, visit, frame.captured_at)

    def _update(self, visit: _Visit, frame: Frame) -> Iterator[FaceEvent]:
        identity = _identity_key(visit.observation.identity)
        if identity != visit.reported_identity or frame.captured_s - visit.face_reported_s >= self._heartbeat_s:
            visit.reported_identity = identity
            visit.face_reported_s = frame.captured_s
            yield _face(FaceEventType.UPDATE, visit, frame.captured_at)

    def _emotion(self, visit: _Visit, frame: Frame) -> Iterator[EmotionEvent]:
        observation = visit.observation
        if observation.emotion.state is EmotionState.DISABLED:
            return
        emotion = _emotion_key(observation.emotion)
        changed = emotion != visit.reported_emotion
        if changed or frame.captured_s - visit.emotion_reported_s >= self._heartbeat_s:
            visit.reported_emotion = emotion
            visit.emotion_reported_s = frame.captured_s
            kind = EmotionEventType.CHANGE if changed else EmotionEventType.HEARTBEAT
            track_id = observation.track.track_id
            yield EmotionEvent(kind, track_id, frame.captured_at, observation.identity, observation.emotion)

    def _leave(self, track_id: int, at: datetime) -> FaceEvent:
        self._left.add(track_id)
        return _face(FaceEventType.LEAVE, self._present.pop(track_id), at)


def _face(kind: FaceEventType, visit: _Visit, at: datetime) -> FaceEvent:
    last = visit.observation
    return FaceEvent(kind, last.track.track_id, at, visit.box, last.quality, last.identity, last.emotion)


def _identity_key(identity: Identity) -> tuple[IdentityState, str | None]:
    return identity.state, identity.subject


def _emotion_key(emotion: Emotion) -> tuple[EmotionState, str | None]:
    return emotion.state, emotion.label


def _share_of_frame(box: Box, frame: Frame) -> tuple[float, float, float, float]:
    """x, y, width, height of the part of the box inside the frame, as shares of the frame in [0, 1]."""
    left, right = (min(max(x / frame.width_px, 0.0), 1.0) for x in (box.x1, box.x2))
    top, bottom = (min(max(y / frame.height_px, 0.0), 1.0) for y in (box.y1, box.y2))
    return left, top, right - left, bottom - top
