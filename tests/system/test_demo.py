"""The demo as a user runs it: the daemon as a process, a broker, the whole clip. One run serves all its tests."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from edge_fer.demo import run as demo_run
from edge_fer.demo import verdict
from edge_fer.demo.measure import VisitMeasure
from edge_fer.demo.run import Outcome, demo, perform
from edge_fer.protocol.payloads import (
    AvailabilityPayload,
    EmotionPayload,
    FacePayload,
    HealthPayload,
    StatusPayload,
)
from edge_fer.samples import scene
from edge_fer.samples.portraits import COLLINS

VISITS = range(len(scene.VISITS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def outcome(folder: Path) -> Outcome:
    """One whole demo, against a broker of its own."""
    return perform(folder, None, Console(file=io.StringIO()))


def visit(outcome: Outcome, index: int) -> VisitMeasure:
    return outcome.measured.visits[index]


def test_it_succeeds(outcome: Outcome) -> None:
    """No problem of any kind."""
    assert outcome.problems == ()


@pytest.mark.parametrize("index", VISITS)
def test_faces_are_found(outcome: Outcome, index: int) -> None:
    """In at least 95 % of the frames in which they are visible."""
    assert visit(outcome, index).found_share >= 0.95


@pytest.mark.parametrize("index", VISITS)
def test_people_are_recognized_within_a_second(outcome: Outcome, index: int) -> None:
    """Of clip time, from the first visible frame; and never taken for somebody else."""
    seen = visit(outcome, index)
    assert seen.named_after_s is not None
    assert seen.named_after_s <= 1.0
    assert seen.names == {seen.subject}


def test_one_track_for_each_visit(outcome: Outcome) -> None:
    """Ids differ between visits, also between those of the same person; nothing else is followed."""
    tracks = [visit(outcome, index).tracks for index in VISITS]
    assert [len(ids) for ids in tracks] == [1, 1, 1]
    assert len(set.union(*tracks)) == 3
    assert outcome.measured.false_tracks == set()


def test_the_events_report_the_same_visits(outcome: Outcome) -> None:
    """Three visits in their order, each named within a second of entering, with a leave and an emotion."""
    visits = verdict.visits(outcome.reception)
    assert [seen.names for seen in visits] == [(portrait.subject,) for portrait, _ in scene.VISITS]
    for seen in visits:
        assert seen.named_after_s is not None
        assert seen.named_after_s <= 1.0
        assert seen.duration_s is not None
        assert seen.duration_s > 4
        assert seen.emotions


def test_no_event_is_lost_and_each_fits_its_schema(outcome: Outcome) -> None:
    """As many received as published, at least enter, update and leave for each visit."""
    count = verdict.delivery(outcome.reception)
    assert count.received == count.published >= 9
    assert outcome.reception.rejected == 0
    assert {type(message.payload) for message in outcome.reception.messages} >= {
        *(AvailabilityPayload, StatusPayload, HealthPayload, FacePayload, EmotionPayload),
    }


def test_the_daemon_is_small(outcome: Outcome) -> None:
    """At most 350 MB at its peak, no TensorFlow."""
    assert outcome.run.exit_code == 0
    assert outcome.run.peak_rss_mb <= 350
    assert not outcome.run.tensorflow


def test_every_frame_is_processed(outcome: Outcome) -> None:
    """In the measured pass, and by the daemon's own count of dropped ones."""
    assert outcome.measured.frames == scene.FRAMES
    payloads = [message.payload for message in outcome.reception.messages]
    assert {payload.frames_dropped for payload in payloads if isinstance(payload, HealthPayload)} == {0}


def test_the_pictures_to_look_at_are_there(outcome: Outcome, folder: Path) -> None:
    """An annotated picture and a video as long as the clip, both different from the clip."""
    picture = cv2.imread(str(folder / "annotated.png"))
    assert picture is not None
    assert picture.shape == (scene.HEIGHT_PX, scene.WIDTH_PX, 3)
    video = cv2.VideoCapture(str(folder / "annotated.mp4"))
    frames = [bgr for ok, bgr in iter(video.read, (False, None)) if ok]
    video.release()
    assert len(frames) == scene.FRAMES
    middle = scene.FRAMES // 2
    assert cv2.PSNR(frames[middle], np.ascontiguousarray(scene.render(middle)[..., ::-1])) < 30


def test_nothing_but_the_results_is_left(outcome: Outcome, folder: Path) -> None:
    """No half-written file; the log names nobody."""
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("clip.avi", "clip.sha256", "config.yaml", "gallery.npz", "daemon.log", "annotated.mp4", "annotated.png"),
    }
    log = (folder / "daemon.log").read_text()
    assert "Collins" not in log
    assert "Hopper" not in log


def test_a_person_who_is_not_recognized_fails_the_demo(
    outcome: Outcome, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one of the two not enrolled: exit code 1, and the last lines say who; the clip is not made again."""
    monkeypatch.setattr(demo_run, "PORTRAITS", (COLLINS,))
    made = (folder / "clip.avi").stat().st_mtime_ns
    console = Console(file=io.StringIO(), record=True, width=200)
    assert demo(folder, None, console) == 1
    text = console.export_text()
    assert "FAILED: Grace Hopper was never recognized" in text
    assert "Eileen Collins was recognized" not in text
    assert (folder / "clip.avi").stat().st_mtime_ns == made


def test_a_missing_broker_is_one_line(tmp_path: Path, folder: Path, outcome: Outcome) -> None:
    """edge-fer demo --broker with nobody there: exit code 69, what is wrong and what to do, no traceback."""
    command = (sys.executable, "-m", "edge_fer", "demo", "--broker", "127.0.0.1:9", "--output", str(folder))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 69
    assert "MQTT broker 127.0.0.1:9 cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr
