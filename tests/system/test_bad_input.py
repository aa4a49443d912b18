"""Whatever is wrong: one line that says what, one that says what to do, the documented exit code, no traceback."""

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


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What is wrong, from the only line of ours, after checking the form; the runtime's own INFO lines aside."""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if " INFO " not in line and not line.startswith("INFO")]
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
    """A copy of the models that ship, to be spoilt."""
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
    """65, and the file is named."""
    (models / "rnet.tflite").unlink()
    done = run_with_models(tmp_path, models, clip)
    assert "rnet.tflite: no such file" in complaint(done)
    assert done.returncode == 65


def test_a_changed_model(tmp_path: Path, models: Path, clip: Path) -> None:
    """65: one flipped bit makes another sha256."""
    path = models / "identity.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = run_with_models(tmp_path, models, clip)
    assert "identity.tflite" in complaint(done)
    assert done.returncode == 65


def test_a_model_without_its_manifest(tmp_path: Path, models: Path, clip: Path) -> None:
    """65: what a model expects is never guessed."""
    (models / "pnet.json").unlink()
    done = run_with_models(tmp_path, models, clip)
    assert "pnet.json" in complaint(done)
    assert done.returncode == 65


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"camera": {"fbs": 10}}, "camera.fbs: unknown key"),
        ({"cammera": {}}, "cammera: unknown key"),
        ({"camera": {"fps": 0}}, "camera.fps: "),
        ({"mqtt": {"port": 70000}}, "mqtt.port: "),
        ({"mqtt": {"host": "broker.example"}}, "without encryption"),
        ({"mqtt": {"password_file": "nowhere"}}, "mqtt.password_file: "),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, clip: Path, section: dict[str, dict[str, Any]], told: str) -> None:
    """78, with the key's path."""
    write_config(tmp_path, **{"camera": {"source": str(clip)}, **section})
    done = edge_fer("run", "--source", clip, folder=tmp_path)
    assert told in complaint(done)
    assert done.returncode == 78


def test_all_mistakes_of_a_configuration_at_once(tmp_path: Path) -> None:
    """One line each, one hint."""
    write_config(tmp_path, camera={"fps": -1, "color": "red"}, health={"interval_s": 0})
    done = edge_fer("run", folder=tmp_path)
    *told, hint = done.stderr.splitlines()
    assert [next(key for key in ("fps", "color", "interval_s") if key in line) for line in told]
    assert len(told) == 3
    assert hint.startswith("  ")
    assert done.returncode == 78


def test_no_configuration(tmp_path: Path) -> None:
    """78: which file was looked for."""
    done = edge_fer("run", "--config", "there/is/none.yaml", folder=tmp_path)
    assert "there/is/none.yaml: no such file" in complaint(done)
    assert done.returncode == 78


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.avi", None, "missing.avi: no such file or folder"),
        ("noise.avi", os.urandom(5000), "noise.avi: no readable video"),
        ("empty.mp4", b"", "empty.mp4: no readable video"),
        ("clip.avi", b"RIFF\x00\x10\x00\x00AVI LIST", "clip.avi: no readable video"),
    ],
)
def test_a_video_that_is_none(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    """74, and OpenCV's own chatter is not heard."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    write_config(tmp_path)
    done = edge_fer("run", "--source", name, folder=tmp_path)
    assert told in complaint(done)
    assert done.returncode == 74


def test_a_folder_without_images(tmp_path: Path) -> None:
    """74, with the suffixes that count."""
    (tmp_path / "photos").mkdir()
    write_config(tmp_path)
    done = edge_fer("run", "--source", "photos", folder=tmp_path)
    assert "photos: a folder without images" in complaint(done)
    assert done.returncode == 74


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not read")
def test_a_video_that_may_not_be_read(tmp_path: Path, clip: Path) -> None:
    """74: permissions are told as such, not as a broken video."""
    write_config(tmp_path)
    clip.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = (  # everything is imported before, for that user may not read this Python either
        "import os, sys; import edge_fer.service.daemon; from edge_fer import cli; os.setgroups([]); os.setuid(65534);"
        "sys.exit(cli.main(['run', '--source', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(clip)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "clip.avi: Permission denied" in complaint(done)
    assert done.returncode == 74


@pytest.mark.parametrize("kind", ["nobody", "two people", "text", "missing"])
def test_photos_that_nobody_can_be_enrolled_from(tmp_path: Path, kind: str) -> None:
    """65: no face, two faces, no picture, no file; and the gallery is not touched."""
    face = picture(ASTRONAUT)[:400]
    photo = tmp_path / "photo.png"
    if kind == "nobody":
        save(photo, np.full((300, 300, 3), 128, np.uint8))
    elif kind == "two people":
        save(photo, np.concatenate((face, face), axis=1))
    elif kind == "text":
        photo.write_text("this is no picture")
    write_config(tmp_path)
    done = edge_fer("enroll", "Ada", ASTRONAUT, photo, folder=tmp_path)
    told = {
        "nobody": "no face found",
        "two people": "2 faces found",
        "text": "no picture that can be read",
        "missing": "No such file",
    }
    assert f"{photo}: {told[kind]}" in complaint(done).replace("is no picture", "no picture")
    assert done.returncode == 65
    assert not (tmp_path / "gallery.npz").exists()


def test_a_damaged_gallery(tmp_path: Path, clip: Path) -> None:
    """66, from every verb that reads it."""
    write_config(tmp_path, camera={"source": str(clip)})
    (tmp_path / "gallery.npz").write_bytes(b"PK\x03\x04 torn")
    for arguments in (["run"], ["identities", "list"], ["enroll", "Ada", str(ASTRONAUT)]):
        done = edge_fer(*arguments, folder=tmp_path)
        assert "gallery.npz: is no gallery, or is damaged" in complaint(done)
        assert done.returncode == 66


def test_removing_somebody_who_is_not_enrolled(tmp_path: Path) -> None:
    """66."""
    write_config(tmp_path)
    done = edge_fer("identities", "remove", "Nobody", folder=tmp_path)
    assert "nobody named 'Nobody' is enrolled" in complaint(done)
    assert done.returncode == 66


def test_enroll_list_and_remove(tmp_path: Path) -> None:
    """And when nothing is wrong: what each verb says."""
    write_config(tmp_path)
    done = edge_fer("enroll", "Ada", ASTRONAUT, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "enrolled Ada from 1 photo in gallery.npz"
    assert edge_fer("identities", "list", folder=tmp_path).stdout == "Ada  1 photo\n"
    assert edge_fer("identities", "remove", "Ada", folder=tmp_path).stdout == "removed Ada from gallery.npz\n"
    assert edge_fer("identities", "list", folder=tmp_path).stdout.startswith("nobody is enrolled")
