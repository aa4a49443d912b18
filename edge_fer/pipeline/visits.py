"""Observations → events: one enter and one leave for each visit, and in between only what is new, or the heartbeat.

Owns no clock and does no I/O: time comes with the frames, so a video gives the same events on every machine.
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
    """What was last told of a track that is present."""

    seen: Observation
    box: tuple[float, float, float, float]
    face_told_s: float
    identity_told: tuple[IdentityState, str | None]
    emotion_told_s: float
    emotion_told: tuple[EmotionState, str | None] = (EmotionState.ABSTAIN, None)


class VisitTracker:
    """The state machine of every visit; one thread owns it.

    Args:
        heartbeat_s: Longest silence about a face that is present, in the frames' own time.
    """

    def __init__(self, *, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._present: dict[int, _Visit] = {}
        self._left: set[int] = set()

    def step(self, observations: Sequence[Observation], frame: Frame) -> tuple[Event, ...]:
        """Take in what the pipeline knows after one frame.

        Args:
            observations: One for each live track, and those that ended with this frame as LOST.
            frame: The frame that they come from.
        """
        events: list[Event] = []
        alive = {seen.track.track_id for seen in observations if seen.track.state is not TrackState.LOST}
        for seen in observations:
            events += self._follow(seen, frame)
        for track_id in [track_id for track_id in self._present if track_id not in alive]:
            events.append(self._leave(track_id, frame.captured_at))
        self._left &= alive
        return tuple(events)

    def finish(self, at: datetime) -> tuple[Event, ...]:
        """Say leave for everybody still present: the daemon stops, or the camera is lost.

        A track that goes on in a later `step` all the same stays silent, for its visit is over: start tracking anew.

        Args:
            at: Wall clock of the end.
        """
        return tuple(self._leave(track_id, at) for track_id in list(self._present))

    def _follow(self, seen: Observation, frame: Frame) -> Iterator[Event]:
        track_id = seen.track.track_id
        if track_id in self._left:
            return
        visit = self._present.get(track_id)
        if visit is None:
            if seen.track.state is TrackState.CONFIRMED:
                yield self._enter(seen, frame)
                yield from self._emotion(self._present[track_id], frame)
            return
        visit.seen = seen
        visit.box = _share_of_frame(seen.track.box, frame)
        if seen.track.state is not TrackState.LOST:
            yield from self._update(visit, frame)
            yield from self._emotion(visit, frame)

    def _enter(self, seen: Observation, frame: Frame) -> FaceEvent:
        visit = _Visit(
            seen=seen,
            box=_share_of_frame(seen.track.box, frame),
            face_told_s=frame.captured_s,
            identity_told=_identity_key(seen.identity),
            emotion_told_s=frame.captured_s,
        )
        self._present[seen.track.track_id] = visit
        return _face(FaceEventType.ENTER, visit, frame.captured_at)

    def _update(self, visit: _Visit, frame: Frame) -> Iterator[FaceEvent]:
        identity = _identity_key(visit.seen.identity)
        if identity != visit.identity_told or frame.captured_s - visit.face_told_s >= self._heartbeat_s:
            visit.identity_told = identity
            visit.face_told_s = frame.captured_s
            yield _face(FaceEventType.UPDATE, visit, frame.captured_at)

    def _emotion(self, visit: _Visit, frame: Frame) -> Iterator[EmotionEvent]:
        seen = visit.seen
        if seen.emotion.state is EmotionState.DISABLED:
            return
        emotion = _emotion_key(seen.emotion)
        changed = emotion != visit.emotion_told
        if changed or frame.captured_s - visit.emotion_told_s >= self._heartbeat_s:
            visit.emotion_told = emotion
            visit.emotion_told_s = frame.captured_s
            kind = EmotionEventType.CHANGE if changed else EmotionEventType.HEARTBEAT
            yield EmotionEvent(kind, seen.track.track_id, frame.captured_at, seen.identity, seen.emotion)

    def _leave(self, track_id: int, at: datetime) -> FaceEvent:
        self._left.add(track_id)
        return _face(FaceEventType.LEAVE, self._present.pop(track_id), at)


def _face(kind: FaceEventType, visit: _Visit, at: datetime) -> FaceEvent:
    seen = visit.seen
    return FaceEvent(kind, seen.track.track_id, at, visit.box, seen.quality, seen.identity, seen.emotion)


def _identity_key(identity: Identity) -> tuple[IdentityState, str | None]:
    return identity.state, identity.subject


def _emotion_key(emotion: Emotion) -> tuple[EmotionState, str | None]:
    return emotion.state, emotion.label


def _share_of_frame(box: Box, frame: Frame) -> tuple[float, float, float, float]:
    """x, y, width, height in [0, 1] of the part of the box that lies inside the frame."""
    left, right = (min(max(x / frame.width_px, 0.0), 1.0) for x in (box.x1, box.x2))
    top, bottom = (min(max(y / frame.height_px, 0.0), 1.0) for y in (box.y1, box.y2))
    return left, top, right - left, bottom - top
