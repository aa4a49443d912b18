"""The doctor's findings, with real models, a real clip and a real broker."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest

from edge_fer.config import loading
from edge_fer.config.schema import DEFAULT_MODELS, Config
from edge_fer.diagnostics import doctor
from edge_fer.diagnostics.doctor import Finding, Result
from edge_fer.identity import enrollment
from tests.broker import Amqtt
from tests.portraits import ASTRONAUT, picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of six pictures of the astronaut."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        assert cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(picture(ASTRONAUT), cv2.COLOR_RGB2BGR))
    return folder


@pytest.fixture
def settings(tmp_path: Path, pictures: Path) -> Config:
    # target_fps: nothing is too slow, however busy this machine is
    flags = {"camera.source": str(pictures), "camera.pace": "fast", "identity.gallery": str(tmp_path / "gallery.npz")}
    return loading.load(None, {**flags, "mqtt.port": 1, "pipeline.target_fps": 0.1})


def findings_of(settings: Config) -> dict[str, Finding]:
    return {finding.subject: finding for finding in doctor.run_checks(settings)}


def test_a_healthy_device(settings: Config) -> None:
    """All checks pass, and there is nothing to do."""
    enrollment.enroll(settings, "Eileen", [ASTRONAUT])
    with Amqtt() as broker:
        findings = findings_of(settings.model_copy(update={"mqtt": broker.config}))
    assert [(name, finding.result) for name, finding in findings.items()] == [
        ("models", Result.OK),
        ("gallery", Result.OK),
        ("broker", Result.OK),
        ("picture", Result.OK),
    ]
    assert "512×512" in findings["picture"].detail
    assert "people: 1, photos: 1" in findings["gallery"].detail


def test_each_problem_is_found_independently(settings: Config, tmp_path: Path) -> None:
    """A missing broker does not hide a damaged gallery, nor does that hide the models."""
    (tmp_path / "gallery.npz").write_bytes(b"damaged")
    findings = findings_of(settings)
    assert findings["models"].result is Result.OK
    assert (findings["gallery"].result, findings["gallery"].exit_code) == (Result.FAIL, 66)
    assert (findings["broker"].result, findings["broker"].exit_code) == (Result.FAIL, 69)
    assert all(finding.hint for finding in findings.values() if finding.result is Result.FAIL)


def test_an_empty_gallery_and_an_empty_picture_are_warnings(settings: Config, tmp_path: Path) -> None:
    """The daemon runs, but has nothing to report."""
    wall = tmp_path / "wall"
    wall.mkdir()
    assert cv2.imwrite(str(wall / "wall.png"), picture(ASTRONAUT)[200:])
    camera = settings.camera.model_copy(update={"source": str(wall)})
    findings = findings_of(settings.model_copy(update={"camera": camera}))
    assert (findings["gallery"].result, findings["picture"].result) == (Result.WARN, Result.WARN)
    assert "put a face in front of the camera" in findings["picture"].hint


def test_a_damaged_model_is_named(settings: Config, tmp_path: Path) -> None:
    """With its file and the exit code of the daemon."""
    folder = tmp_path / "models"
    shutil.copytree(DEFAULT_MODELS, folder)
    (folder / "onet.tflite").write_bytes(b"damaged")
    findings = findings_of(settings.model_copy(update={"models": settings.models.model_copy(update={"dir": folder})}))
    assert (findings["models"].result, findings["models"].exit_code) == (Result.FAIL, 65)
    assert "onet.tflite" in findings["models"].detail
