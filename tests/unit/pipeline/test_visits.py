"""Observations → events: enter, update and leave of every visit, and emotions on change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_fer.domain.events import EmotionEvent, EmotionEventType, Event, FaceEvent, FaceEventType
from edge_fer.domain.faces import Emotion, EmotionState, Identity, IdentityState, Observation, TrackState
from edge_fer.domain.geometry import Box
from edge_fer.pipeline.visits import VisitTracker
from tests.sightings import ADA, EPOCH, HAPPY, PENDING, SAD, UNSURE, frame, observation

HEARTBEAT_S = 5.0
DISABLED = Emotion(EmotionState.DISABLED)


def run(maker: VisitTracker, *steps: tuple[float, list[Observation]]) -> list[Event]:
    """All events of these (time, observations)."""
    return [event for at_s, seen in steps for event in maker.step(seen, frame(at_s))]


def kinds(events: list[Event]) -> list[str]:
    """The types of events, in order."""
    return [event.type.value for event in events]


@pytest.fixture
def maker() -> VisitTracker:
    """An event maker that has seen nobody."""
    return VisitTracker(heartbeat_s=HEARTBEAT_S)


def test_a_visit_enters_when_confirmed_and_leaves_when_lost(maker: VisitTracker) -> None:
    """A tentative track is silent; enter comes with CONFIRMED, leave with LOST, each once."""
    events = run(
        maker,
        (0.0, [observation(state=TrackState.TENTATIVE)]),
        (0.1, [observation()]),
        (0.2, [observation()]),
        (0.3, [observation(state=TrackState.LOST)]),
        (0.4, []),
    )
    assert kinds(events) == ["enter", "leave"]


def test_a_track_that_vanishes_unannounced_leaves(maker: VisitTracker) -> None:
    """Absence from the observations ends a visit as LOST does."""
    assert kinds(run(maker, (0.0, [observation()]), (0.1, []), (0.2, []))) == ["enter", "leave"]


def test_a_tentative_track_that_is_lost_says_nothing(maker: VisitTracker) -> None:
    """A false alarm never reaches the server."""
    tentative, lost = observation(state=TrackState.TENTATIVE), observation(state=TrackState.LOST)
    assert run(maker, (0.0, [tentative]), (0.1, [lost])) == []


def test_an_update_tells_a_new_identity_at_once(maker: VisitTracker) -> None:
    """Pending → known does not wait for the heartbeat, and is told once."""
    events = run(maker, (0.0, [observation()]), (0.1, [observation(identity=ADA)]), (0.2, [observation(identity=ADA)]))
    assert kinds(events) == ["enter", "update"]
    assert isinstance(events[1], FaceEvent)
    assert events[1].identity.subject == "ada"


def test_a_changed_similarity_alone_is_no_news(maker: VisitTracker) -> None:
    """Only state and subject count: a server does not want a message per embedding."""
    other = Identity(IdentityState.KNOWN, "ada", 0.97, 0.2, 4)
    events = run(maker, (0.0, [observation(identity=ADA)]), (0.1, [observation(identity=other)]))
    assert kinds(events) == ["enter"]


def test_a_face_that_stays_is_told_again_at_the_heartbeat(maker: VisitTracker) -> None:
    """An update each heartbeat_s after whatever was told last."""
    steps = [(tenth / 10, [observation(emotion=DISABLED)]) for tenth in range(121)]
    events = run(maker, *steps)
    assert [(event.type.value, (event.at - EPOCH).total_seconds()) for event in events] == [
        ("enter", 0.0),
        ("update", 5.0),
        ("update", 10.0),
    ]


def test_an_identity_update_restarts_the_heartbeat(maker: VisitTracker) -> None:
    """After an update at 3 s the next one is due at 8 s."""
    known = observation(identity=ADA, emotion=DISABLED)
    events = run(
        maker, (0.0, [observation(emotion=DISABLED)]), (3.0, [known]), (5.5, [known]), (7.9, [known]), (8.0, [known])
    )
    assert [(event.at - EPOCH).total_seconds() for event in events] == [0.0, 3.0, 8.0]


def test_an_emotion_is_told_on_change_and_as_a_heartbeat(maker: VisitTracker) -> None:
    """The first label, another label, no label any more, and the same for heartbeat_s."""
    steps = [(0.0, UNSURE), (0.1, HAPPY), (0.2, HAPPY), (0.3, SAD), (0.4, UNSURE), (5.3, UNSURE), (5.4, UNSURE)]
    events = run(maker, *((at_s, [observation(emotion=emotion)]) for at_s, emotion in steps))
    told = [(event.type, event.emotion.label) for event in events if isinstance(event, EmotionEvent)]
    change, heartbeat = EmotionEventType.CHANGE, EmotionEventType.HEARTBEAT
    assert told == [(change, "happy"), (change, "sad"), (change, None), (heartbeat, None)]


def test_an_emotion_that_is_there_at_enter_is_told_after_it(maker: VisitTracker) -> None:
    """A server hears of a visit before it hears how it feels."""
    assert kinds(run(maker, (0.0, [observation(emotion=HAPPY)]))) == ["enter", "change"]


def test_disabled_emotions_are_never_told(maker: VisitTracker) -> None:
    """No emotion event, not even a heartbeat."""
    events = run(maker, *((float(at_s), [observation(emotion=DISABLED)]) for at_s in range(20)))
    assert not [event for event in events if isinstance(event, EmotionEvent)]


def test_finish_says_leave_for_everybody_once(maker: VisitTracker) -> None:
    """Two are present, two leave, and a second finish has nothing to say."""
    run(maker, (0.0, [observation(1), observation(2), observation(3, TrackState.TENTATIVE)]))
    events = maker.finish(EPOCH)
    assert [(event.type, event.track_id) for event in events if isinstance(event, FaceEvent)] == [
        (FaceEventType.LEAVE, 1),
        (FaceEventType.LEAVE, 2),
    ]
    assert maker.finish(EPOCH) == ()


def test_a_track_that_outlives_finish_stays_silent(maker: VisitTracker) -> None:
    """Its visit is over; it neither enters again nor leaves twice."""
    run(maker, (0.0, [observation()]))
    maker.finish(EPOCH)
    assert run(maker, (0.1, [observation()]), (9.0, [observation(state=TrackState.LOST)])) == []


def test_a_leave_tells_what_was_last_known(maker: VisitTracker) -> None:
    """Of a track that vanished: identity, emotion and box of its last observation."""
    events = run(maker, (0.0, [observation()]), (0.1, [observation(identity=ADA, emotion=HAPPY)]), (0.2, []))
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
def test_a_box_is_told_as_the_share_inside_the_frame(
    maker: VisitTracker, box: Box, share: tuple[float, float, float, float]
) -> None:
    """x, y, width, height of a 200×100 frame; what reaches outside is cut off."""
    (enter,) = run(maker, (0.0, [observation(box=box)]))
    assert isinstance(enter, FaceEvent)
    assert enter.box == pytest.approx(share)


# A life of a track: frames as tentative, frames as confirmed, frames until the end, and whether LOST announces it.
LIVES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 3), st.integers(0, 25), st.booleans()), min_size=0, max_size=6
)


def scripted(lives: list[tuple[int, int, int, bool]], frames: int) -> list[list[Observation]]:
    """Observations per frame of tracks with these (birth, tentative frames, confirmed frames, announced)."""
    timeline: list[list[Observation]] = [[] for _ in range(frames)]
    for track_id, (birth, tentative, confirmed, announced) in enumerate(lives, start=1):
        states = [TrackState.TENTATIVE] * tentative + [TrackState.CONFIRMED] * confirmed
        states += [TrackState.LOST] if announced and states else []
        for seq, state in enumerate(states, start=birth):
            identity = ADA if seq % 7 > 3 else PENDING
            timeline[seq].append(observation(track_id, state, identity=identity, emotion=HAPPY if seq % 5 else SAD))
    return timeline


@given(lives=LIVES, stop=st.integers(0, 60), step_s=st.floats(0.01, 4.0))
def test_every_visit_is_told_from_one_enter_to_one_leave(
    lives: list[tuple[int, int, int, bool]], stop: int, step_s: float
) -> None:
    """Whatever the tracks do and whenever it ends: enter first, leave last, each once, and nobody unconfirmed."""
    maker = VisitTracker(heartbeat_s=HEARTBEAT_S)
    timeline = scripted(lives, 60)[:stop]
    events = run(maker, *((seq * step_s, seen) for seq, seen in enumerate(timeline)))
    events += maker.finish(EPOCH)
    confirmed = {seen.track.track_id for step in timeline for seen in step if seen.track.state is TrackState.CONFIRMED}
    stories: dict[int, list[Event]] = {}
    for event in events:
        assert isinstance(event, (FaceEvent, EmotionEvent))
        stories.setdefault(event.track_id, []).append(event)
    assert set(stories) == confirmed
    for story in stories.values():
        told = kinds(story)
        assert told[0] == "enter"
        assert told[-1] == "leave"
        assert told.count("enter") == told.count("leave") == 1


@given(lives=LIVES, cut=st.integers(0, 59))
def test_a_camera_that_goes_and_comes_back_never_tells_a_visit_twice(
    lives: list[tuple[int, int, int, bool]], cut: int
) -> None:
    """With finish in the middle, no track enters twice or says anything after its leave."""
    maker = VisitTracker(heartbeat_s=HEARTBEAT_S)
    timeline = list(enumerate(scripted(lives, 60)))
    events = run(maker, *timeline[:cut]) + list(maker.finish(EPOCH)) + run(maker, *timeline[cut:])
    events += maker.finish(EPOCH)
    gone: set[int] = set()
    for event in events:
        assert isinstance(event, (FaceEvent, EmotionEvent))
        assert event.track_id not in gone
        if event.type is FaceEventType.LEAVE:
            gone.add(event.track_id)


@given(lives=LIVES, step_s=st.floats(0.01, 4.0))
def test_nobody_present_is_silent_for_longer_than_the_heartbeat(
    lives: list[tuple[int, int, int, bool]], step_s: float
) -> None:
    """Between two face events of a visit lies at most the heartbeat and one frame."""
    maker = VisitTracker(heartbeat_s=HEARTBEAT_S)
    last: dict[int, float] = {}
    for seq, seen in enumerate(scripted(lives, 60)):
        at_s = seq * step_s
        for event in maker.step(seen, frame(at_s)):
            if isinstance(event, FaceEvent):
                assert at_s - last.get(event.track_id, at_s) <= HEARTBEAT_S + step_s + 1e-6
                last[event.track_id] = at_s
