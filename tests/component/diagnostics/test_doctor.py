"""What the doctor finds, with real models, a real clip and a real broker."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest

from edge_fer.cli import main
from edge_fer.config import loading
from edge_fer.config.schema import DEFAULT_MODELS, Config
from edge_fer.diagnostics import doctor
from edge_fer.diagnostics.doctor import Finding, Verdict
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
    # target_fps: nothing is too slow, whatever this machine is busy with
    flags = {"camera.source": str(pictures), "camera.pace": "fast", "identity.gallery": str(tmp_path / "gallery.npz")}
    return loading.load(None, {**flags, "mqtt.port": 1, "pipeline.target_fps": 0.1})


def found(settings: Config) -> dict[str, Finding]:
    return {finding.subject: finding for finding in doctor.examine(settings)}


def test_a_healthy_device(settings: Config) -> None:
    """Everything in place: all ok, nothing to do."""
    enrollment.enroll(settings, "Eileen", [ASTRONAUT])
    with Amqtt() as broker:
        seen = found(settings.model_copy(update={"mqtt": broker.config}))
    assert [(name, finding.verdict) for name, finding in seen.items()] == [
        ("models", Verdict.OK),
        ("gallery", Verdict.OK),
        ("broker", Verdict.OK),
        ("picture", Verdict.OK),
    ]
    assert "512×512" in seen["picture"].detail
    assert "1 people from 1 photos" in seen["gallery"].detail


def test_each_trouble_is_found_by_itself(settings: Config, tmp_path: Path) -> None:
    """A broker that is not there does not hide a gallery that is damaged."""
    (tmp_path / "gallery.npz").write_bytes(b"damaged")
    seen = found(settings)
    assert seen["models"].verdict is Verdict.OK
    assert (seen["gallery"].verdict, seen["gallery"].exit_code) == (Verdict.FAIL, 66)
    assert (seen["broker"].verdict, seen["broker"].exit_code) == (Verdict.FAIL, 69)
    assert all(finding.hint for finding in seen.values() if finding.verdict is Verdict.FAIL)


def test_nobody_enrolled_and_nobody_seen_are_warnings(settings: Config, tmp_path: Path) -> None:
    """The daemon runs; it will just have nothing to say."""
    wall = tmp_path / "wall"
    wall.mkdir()
    assert cv2.imwrite(str(wall / "wall.png"), picture(ASTRONAUT)[200:])
    seen = found(settings.model_copy(update={"camera": settings.camera.model_copy(update={"source": str(wall)})}))
    assert (seen["gallery"].verdict, seen["picture"].verdict) == (Verdict.WARN, Verdict.WARN)
    assert "let somebody stand before the camera" in seen["picture"].hint


def test_a_damaged_model_is_named(settings: Config, tmp_path: Path) -> None:
    """By file, with the exit code of the daemon."""
    folder = tmp_path / "models"
    shutil.copytree(DEFAULT_MODELS, folder)
    (folder / "onet.tflite").write_bytes(b"damaged")
    seen = found(settings.model_copy(update={"models": settings.models.model_copy(update={"dir": folder})}))
    assert (seen["models"].verdict, seen["models"].exit_code) == (Verdict.FAIL, 65)
    assert "onet.tflite" in seen["models"].detail


def test_the_verb_prints_and_returns_the_first_failure(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a check, its hint below, the exit code of the first that failed."""
    path = tmp_path / "config.yaml"
    path.write_text("mqtt: {port: 1, protocol: '3.1.1'}\ncamera: {pace: fast}\n")
    assert main(["doctor", "--config", str(path), "--source", str(pictures)]) == 69
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"  ok   config    {path}"
    assert any(line.startswith("FAIL   broker    ") for line in lines)
    assert any(line.startswith("  ok   picture   ") for line in lines)
