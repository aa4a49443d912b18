"""Every error: one line that says what is wrong, one that says what to do, the documented exit code, no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_fer.config.schema import DEFAULT_MODELS
from tests.edge_fer_process import ENVIRONMENT, edge_fer, write_clip, write_config
from tests.portraits import ASTRONAUT, picture


def message_of(done: subprocess.CompletedProcess[str]) -> str:
    """The message, after checking that standard error has message and hint only, log lines aside."""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("edge-fer: ")
    assert lines[1].startswith("  ")
    assert lines[1].strip()
    return lines[0].removeprefix("edge-fer: ")


def save(path: Path, rgb: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), rgb[:, :, ::-1])
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the shipped models, to be damaged."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in [*DEFAULT_MODELS.glob("*net.*"), *DEFAULT_MODELS.glob("identity.*")]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.avi", seconds=0.5)


def run_with_models(tmp_path: Path, models: Path, clip: Path) -> subprocess.CompletedProcess[str]:
    write_config(tmp_path, models={"dir": str(models)}, camera={"source": str(clip)})
    return edge_fer("run", folder=tmp_path)


def test_a_missing_model(tmp_path: Path, models: Path, clip: Path) -> None:
    """65; the message names the file."""
    (models / "rnet.tflite").unlink()
    done = run_with_models(tmp_path, models, clip)
    assert "rnet.tflite: no such file" in message_of(done)
    assert done.returncode == 65


def test_a_changed_model(tmp_path: Path, models: Path, clip: Path) -> None:
    """65: one flipped bit changes the sha256."""
    path = models / "identity.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = run_with_models(tmp_path, models, clip)
    assert "identity.tflite" in message_of(done)
    assert done.returncode == 65


def test_a_model_without_its_manifest(tmp_path: Path, models: Path, clip: Path) -> None:
    """65: what a model takes is never guessed."""
    (models / "pnet.json").unlink()
    done = run_with_models(tmp_path, models, clip)
    assert "pnet.json" in message_of(done)
    assert done.returncode == 65


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"camera": {"fbs": 10}}, "camera.fbs: unknown key"),
        ({"cammera": {}}, "cammera: unknown key"),
        ({"camera": {"fps": 0}}, "camera.fps: "),
        ({"mqtt": {"port": 70000}}, "mqtt.port: "),
        ({"mqtt": {"host": "broker.example"}}, "without encryption"),
        ({"mqtt": {"password_file": "nowhere"}}, "mqtt.password_file: "),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, clip: Path, section: dict[str, dict[str, Any]], expected: str) -> None:
    """78, with the key's path."""
    write_config(tmp_path, **{"camera": {"source": str(clip)}, **section})
    done = edge_fer("run", "--source", clip, folder=tmp_path)
    assert expected in message_of(done)
    assert done.returncode == 78


def test_all_errors_of_a_configuration_at_once(tmp_path: Path) -> None:
    """One line each, one hint."""
    write_config(tmp_path, camera={"fps": -1, "color": "red"}, health={"interval_s": 0})
    done = edge_fer("run", folder=tmp_path)
    *messages, hint = done.stderr.splitlines()
    assert [next(key for key in ("fps", "color", "interval_s") if key in line) for line in messages]
    assert len(messages) == 3
    assert hint.startswith("  ")
    assert done.returncode == 78


def test_no_configuration(tmp_path: Path) -> None:
    """78; the message names the file."""
    done = edge_fer("run", "--config", "there/is/none.yaml", folder=tmp_path)
    assert "there/is/none.yaml: no such file" in message_of(done)
    assert done.returncode == 78


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.avi", None, "missing.avi: no such file or folder"),
        ("noise.avi", os.urandom(5000), "noise.avi: not a readable video"),
        ("empty.mp4", b"", "empty.mp4: not a readable video"),
        ("clip.avi", b"RIFF\x00\x10\x00\x00AVI LIST", "clip.avi: not a readable video"),
    ],
)
def test_an_unusable_video(tmp_path: Path, name: str, content: bytes | None, expected: str) -> None:
    """74, without OpenCV's own messages."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    write_config(tmp_path)
    done = edge_fer("run", "--source", name, folder=tmp_path)
    assert expected in message_of(done)
    assert done.returncode == 74


def test_a_folder_without_images(tmp_path: Path) -> None:
    """74."""
    (tmp_path / "photos").mkdir()
    write_config(tmp_path)
    done = edge_fer("run", "--source", "photos", folder=tmp_path)
    assert "photos: the folder contains no images" in message_of(done)
    assert done.returncode == 74


def test_a_video_without_permission(tmp_path: Path, clip: Path) -> None:
    """74: reported as such, not as a broken video."""
    write_config(tmp_path)
    locked = Path(shutil.copy(clip, tmp_path / "locked.avi"))
    locked.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = (  # root can read everything, so it becomes nobody, after all imports: nobody cannot read this Python either
        "import os, sys; import edge_fer.service.daemon; from edge_fer import cli;"
        "os.geteuid() or (os.setgroups([]), os.setuid(65534)); sys.exit(cli.main(['run', '--source', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(locked)],
        cwd=tmp_path,
        env={**ENVIRONMENT, "COVERAGE_PROCESS_CONFIG": ""},  # nobody may not write its file
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "locked.avi: Permission denied" in message_of(done)
    assert done.returncode == 74


@pytest.mark.parametrize("kind", ["nobody", "two people", "text", "missing"])
def test_photos_that_cannot_be_enrolled(tmp_path: Path, kind: str) -> None:
    """65: no face, two faces, not an image, no file; and the gallery is not changed."""
    face = picture(ASTRONAUT)[:400]
    photo = tmp_path / "photo.png"
    if kind == "nobody":
        save(photo, np.full((300, 300, 3), 128, np.uint8))
    elif kind == "two people":
        save(photo, np.concatenate((face, face), axis=1))
    elif kind == "text":
        photo.write_text("this is not an image")
    write_config(tmp_path)
    done = edge_fer("enroll", "Ada", ASTRONAUT, photo, folder=tmp_path)
    expected = {
        "nobody": "no face found",
        "two people": "2 faces found",
        "text": "not a readable image",
        "missing": "No such file",
    }
    assert f"{photo}: {expected[kind]}" in message_of(done)
    assert done.returncode == 65
    assert not (tmp_path / "gallery.npz").exists()


def test_a_damaged_gallery(tmp_path: Path, clip: Path) -> None:
    """66, from every command that reads it."""
    write_config(tmp_path, camera={"source": str(clip)})
    (tmp_path / "gallery.npz").write_bytes(b"PK\x03\x04 damaged")
    for arguments in (["run"], ["identities", "list"], ["enroll", "Ada", str(ASTRONAUT)]):
        done = edge_fer(*arguments, folder=tmp_path)
        assert "gallery.npz: not a gallery file, or damaged" in message_of(done)
        assert done.returncode == 66


def test_removing_somebody_who_is_not_enrolled(tmp_path: Path) -> None:
    """66."""
    write_config(tmp_path)
    done = edge_fer("identities", "remove", "Nobody", folder=tmp_path)
    assert "nobody named 'Nobody' is enrolled" in message_of(done)
    assert done.returncode == 66


def test_enroll_list_and_remove(tmp_path: Path) -> None:
    """And where nothing is wrong: the output of each command."""
    write_config(tmp_path)
    done = edge_fer("enroll", "Ada", ASTRONAUT, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "enrolled Ada from 1 photo in gallery.npz"
    assert edge_fer("identities", "list", folder=tmp_path).stdout == "Ada  1 photo\n"
    assert edge_fer("identities", "remove", "Ada", folder=tmp_path).stdout == "removed Ada from gallery.npz\n"
    assert edge_fer("identities", "list", folder=tmp_path).stdout.startswith("nobody is enrolled")
