"""Observations → events: enter, update and leave of every visit, and emotions on change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.domain.events import EmotionEvent, EmotionEventType, Event, FaceEvent, FaceEventType
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Observation, TrackState
from edge_fer.domain.geometry import Box
from edge_fer.pipeline.visits import VisitTracker
from tests.factories import ADA, EPOCH, HAPPY, PENDING, SAD, UNSURE, frame, observation

HEARTBEAT_S = 5.0
DISABLED = Emotion(EmotionState.DISABLED)


def run(visits: VisitTracker, *steps: tuple[float, list[Observation]]) -> list[Event]:
    """All events of these (time, observations)."""
    return [event for at_s, observations in steps for event in visits.step(observations, frame(at_s))]


def kinds(events: list[Event]) -> list[str]:
    """The types of these events, in order."""
    return [event.type.value for event in events]


@pytest.fixture
def visits() -> VisitTracker:
    """With nobody present."""
    return VisitTracker(heartbeat_s=HEARTBEAT_S)


def test_a_visit_enters_when_confirmed_and_leaves_when_lost(visits: VisitTracker) -> None:
    """A tentative track gives no events; enter comes with CONFIRMED, leave with LOST, each once."""
    events = run(
        visits,
        (0.0, [observation(state=TrackState.TENTATIVE)]),
        (0.1, [observation()]),
        (0.2, [observation()]),
        (0.3, [observation(state=TrackState.LOST)]),
        (0.4, []),
    )
    assert kinds(events) == ["enter", "leave"]


def test_a_track_that_disappears_without_lost_leaves(visits: VisitTracker) -> None:
    """A track that is not among the observations has ended."""
    assert kinds(run(visits, (0.0, [observation()]), (0.1, []), (0.2, []))) == ["enter", "leave"]


def test_a_tentative_track_that_is_lost_gives_no_event(visits: VisitTracker) -> None:
    """A false detection never reaches the server."""
    tentative, lost = observation(state=TrackState.TENTATIVE), observation(state=TrackState.LOST)
    assert run(visits, (0.0, [tentative]), (0.1, [lost])) == []


def test_a_new_identity_gives_an_update_at_once(visits: VisitTracker) -> None:
    """Pending → known does not wait for the heartbeat, and is reported once."""
    events = run(visits, (0.0, [observation()]), (0.1, [observation(identity=ADA)]), (0.2, [observation(identity=ADA)]))
    assert kinds(events) == ["enter", "update"]
    assert isinstance(events[1], FaceEvent)
    assert events[1].identity.subject == "ada"


def test_a_changed_similarity_alone_gives_no_event(visits: VisitTracker) -> None:
    """Only state and subject count: no message for each embedding."""
    other = Identity(IdentityState.KNOWN, "ada", 0.97, 0.2, 4)
    events = run(visits, (0.0, [observation(identity=ADA)]), (0.1, [observation(identity=other)]))
    assert kinds(events) == ["enter"]


def test_a_face_that_stays_is_reported_at_the_heartbeat(visits: VisitTracker) -> None:
    """An update heartbeat_s after the last face event."""
    steps = [(tenth / 10, [observation(emotion=DISABLED)]) for tenth in range(121)]
    events = run(visits, *steps)
    assert [(event.type.value, (event.at - EPOCH).total_seconds()) for event in events] == [
        ("enter", 0.0),
        ("update", 5.0),
        ("update", 10.0),
    ]


def test_an_identity_update_restarts_the_heartbeat(visits: VisitTracker) -> None:
    """After an update at 3 s the next one is due at 8 s."""
    known = observation(identity=ADA, emotion=DISABLED)
    events = run(
        visits, (0.0, [observation(emotion=DISABLED)]), (3.0, [known]), (5.5, [known]), (7.9, [known]), (8.0, [known])
    )
    assert [(event.at - EPOCH).total_seconds() for event in events] == [0.0, 3.0, 8.0]


def test_an_emotion_is_reported_on_change_and_as_a_heartbeat(visits: VisitTracker) -> None:
    """The first label, another label, no label any more, and then the same for heartbeat_s."""
    steps = [(0.0, UNSURE), (0.1, HAPPY), (0.2, HAPPY), (0.3, SAD), (0.4, UNSURE), (5.3, UNSURE), (5.4, UNSURE)]
    events = run(visits, *((at_s, [observation(emotion=emotion)]) for at_s, emotion in steps))
    reported = [(event.type, event.emotion.label) for event in events if isinstance(event, EmotionEvent)]
    change, heartbeat = EmotionEventType.CHANGE, EmotionEventType.HEARTBEAT
    assert reported == [(change, "happy"), (change, "sad"), (change, None), (heartbeat, None)]


def test_an_emotion_known_at_enter_comes_after_it(visits: VisitTracker) -> None:
    """A server gets a visit before its emotion."""
    assert kinds(run(visits, (0.0, [observation(emotion=HAPPY)]))) == ["enter", "change"]


def test_disabled_emotions_are_never_reported(visits: VisitTracker) -> None:
    """No emotion event, not even a heartbeat."""
    events = run(visits, *((float(at_s), [observation(emotion=DISABLED)]) for at_s in range(20)))
    assert not [event for event in events if isinstance(event, EmotionEvent)]


def test_finish_ends_every_visit_once(visits: VisitTracker) -> None:
    """Two faces are present, two leave, and a second finish gives no events."""
    run(visits, (0.0, [observation(1), observation(2), observation(3, TrackState.TENTATIVE)]))
    events = visits.finish(EPOCH)
    assert [(event.type, event.track_id) for event in events if isinstance(event, FaceEvent)] == [
        (FaceEventType.LEAVE, 1),
        (FaceEventType.LEAVE, 2),
    ]
    assert visits.finish(EPOCH) == ()


def test_a_track_that_goes_on_after_finish_gives_no_events(visits: VisitTracker) -> None:
    """Its visit is over; it neither enters again nor leaves twice."""
    run(visits, (0.0, [observation()]))
    visits.finish(EPOCH)
    assert run(visits, (0.1, [observation()]), (9.0, [observation(state=TrackState.LOST)])) == []


def test_a_leave_reports_what_was_last_known(visits: VisitTracker) -> None:
    """Of a track that disappeared: identity, emotion and box of its last observation."""
    events = run(visits, (0.0, [observation()]), (0.1, [observation(identity=ADA, emotion=HAPPY)]), (0.2, []))
    leave = events[-1]
    assert isinstance(leave, FaceEvent)
    assert (leave.type, leave.identity, leave.emotion) == (FaceEventType.LEAVE, ADA, HAPPY)
    assert leave.box == pytest.approx((0.1, 0.1, 0.2, 0.4))


@pytest.mark.parametrize(
    ("box", "share"),
    [
        (Box(20, 10, 60, 50), (0.1, 0.1, 0.2, 0.4)),
        (Box(-20, -10, 60, 50), (0.0, 0.0, 0.3, 0.5)),
        (Box(150, 80, 260, 130), (0.75, 0.8, 0.25, 0.2)),
        (Box(300, 200, 320, 220), (1.0, 1.0, 0.0, 0.0)),
    ],
)
def test_a_box_is_reported_as_the_share_inside_the_frame(
    visits: VisitTracker, box: Box, share: tuple[float, float, float, float]
) -> None:
    """x, y, width, height of a 200×100 frame; the part outside is cut off."""
    (enter,) = run(visits, (0.0, [observation(box=box)]))
    assert isinstance(enter, FaceEvent)
    assert enter.box == pytest.approx(share)


# The life of a track: first frame, number of tentative frames, number of confirmed frames, whether it ends with LOST.
LIVES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 3), st.integers(0, 25), st.booleans()), min_size=0, max_size=6
)


def scripted(lives: list[tuple[int, int, int, bool]], frames: int) -> list[list[Observation]]:
    """Observations per frame of tracks with these lives."""
    timeline: list[list[Observation]] = [[] for _ in range(frames)]
    for track_id, (first, tentative, confirmed, ends_with_lost) in enumerate(lives, start=1):
        states = [TrackState.TENTATIVE] * tentative + [TrackState.CONFIRMED] * confirmed
        states += [TrackState.LOST] if ends_with_lost and states else []
        for seq, state in enumerate(states, start=first):
            identity = ADA if seq % 7 > 3 else PENDING
            timeline[seq].append(observation(track_id, state, identity=identity, emotion=HAPPY if seq % 5 else SAD))
    return timeline


@given(lives=LIVES, stop=st.integers(0, 60), step_s=st.floats(0.01, 4.0))
def test_every_visit_has_one_enter_and_one_leave(
    lives: list[tuple[int, int, int, bool]], stop: int, step_s: float
) -> None:
    """Whatever the tracks do and whenever it ends: enter first, leave last, each once, and no unconfirmed track."""
    visits = VisitTracker(heartbeat_s=HEARTBEAT_S)
    timeline = scripted(lives, 60)[:stop]
    events = run(visits, *((seq * step_s, observations) for seq, observations in enumerate(timeline)))
    events += visits.finish(EPOCH)
    confirmed = {each.track.track_id for step in timeline for each in step if each.track.state is TrackState.CONFIRMED}
    by_track: dict[int, list[Event]] = {}
    for event in events:
        assert isinstance(event, (FaceEvent, EmotionEvent))
        by_track.setdefault(event.track_id, []).append(event)
    assert set(by_track) == confirmed
    for own in by_track.values():
        assert kinds(own)[0] == "enter"
        assert kinds(own)[-1] == "leave"
        assert kinds(own).count("enter") == kinds(own).count("leave") == 1


@given(lives=LIVES, lost_at=st.integers(0, 59))
def test_a_camera_that_is_lost_and_reconnects_repeats_no_visit(
    lives: list[tuple[int, int, int, bool]], lost_at: int
) -> None:
    """With finish in the middle, no track enters twice or has an event after its leave."""
    visits = VisitTracker(heartbeat_s=HEARTBEAT_S)
    timeline = list(enumerate(scripted(lives, 60)))
    events = run(visits, *timeline[:lost_at]) + list(visits.finish(EPOCH)) + run(visits, *timeline[lost_at:])
    events += visits.finish(EPOCH)
    gone: set[int] = set()
    for event in events:
        assert isinstance(event, (FaceEvent, EmotionEvent))
        assert event.track_id not in gone
        if event.type is FaceEventType.LEAVE:
            gone.add(event.track_id)


@given(lives=LIVES, step_s=st.floats(0.01, 4.0))
def test_events_of_a_visit_are_at_most_a_heartbeat_apart(
    lives: list[tuple[int, int, int, bool]], step_s: float
) -> None:
    """Between two face events of a visit: at most the heartbeat and one frame."""
    visits = VisitTracker(heartbeat_s=HEARTBEAT_S)
    last: dict[int, float] = {}
    for seq, observations in enumerate(scripted(lives, 60)):
        at_s = seq * step_s
        for event in visits.step(observations, frame(at_s)):
            if isinstance(event, FaceEvent):
                assert at_s - last.get(event.track_id, at_s) <= HEARTBEAT_S + step_s + 1e-6
                last[event.track_id] = at_s
