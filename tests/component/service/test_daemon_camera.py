"""The daemon with a camera that is missing, lost, or reconnected."""

from __future__ import annotations

import logging

import pytest

from edge_fer.errors import CameraError
from tests.component.service.harness import CAMERA, NO_CAMERA, After, DaemonHarness, terminate
from tests.fakes import FakeSource


def test_a_lost_camera_reconnects(after: After) -> None:
    """Leave, camera_lost, retries, camera_back, and the same person enters again."""
    lost = CameraError("/dev/video99: the camera delivers no more frames", "check its cable")
    harness = DaemonHarness(CAMERA, [FakeSource(3, error=lost), NO_CAMERA, NO_CAMERA, FakeSource(endless=True)])
    after(0.8, terminate)
    assert harness.run() == 0
    assert harness.publisher.log == [
        *("[opening]", "start", "[ok]", "enter"),
        *("leave", "camera_lost", "[lost]"),
        *("camera_back", "[ok]", "enter"),
        *("leave", "health", "stop"),
    ]


def test_a_missing_camera_is_waited_for(after: After, caplog: pytest.LogCaptureFixture) -> None:
    """The daemon runs and reports; the log line has the hint."""
    harness = DaemonHarness(CAMERA, [])
    after(0.3, terminate)
    with caplog.at_level(logging.WARNING):
        assert harness.run() == 0
    assert harness.publisher.log == ["[opening]", "start", "camera_lost", "[lost]", "health", "stop"]
    assert "no such camera (no USB camera is connected)" in caplog.text
